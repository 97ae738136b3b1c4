"""Which channel carries a call or a message, and why none of the others does. Pure: values in, a decision out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from telecore.ids import E164, ChannelId, EdgeId
from telecore.model import ChannelState, ChannelStatus, Service
from telecore.sim_health import Health, HealthState
from telecore.sip_target import reaches

LASTING = frozenset(
    {
        HealthState.LOCKED_PIN,
        HealthState.LOCKED_PUK,
        HealthState.LOCKED_NET,
        HealthState.SIM_FAULT,
        HealthState.SUSPECT_BLOCKED,
        HealthState.EXHAUSTED,
        HealthState.RETIRED,
    }
)
"""States of a SIM that no waiting mends, only a person or money."""
PASSING = frozenset({HealthState.COOLDOWN, HealthState.QUOTA, HealthState.SEARCHING})
"""States that end by themselves: what may wait waits at the edge, which knows best when."""


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """What is to be carried.

    ``sender``: only the SIM of this number may carry it. ``near``: a channel of this edge is better than any other.
    ``prefer``: a channel that is taken when it may be; ``known``: a number that is, for the recipient knows it.
    ``on_net``: numbers of the recipient's own operator, which go before others. ``waits``: a busy channel will do, and
    one whose SIM rests (an SMS queues at the edge). ``urgent``: a warning, which goes above quotas.
    ``domain``: only a channel that calls SIP URIs of this host.
    """

    service: Service
    to: str
    sender: E164 | None = None
    near: EdgeId | None = None
    prefer: ChannelId | None = None
    known: E164 | None = None
    on_net: frozenset[E164] = frozenset()
    waits: bool = False
    urgent: bool = False
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A channel as the cloud knows it. ``number`` is its SIM's, or that of its numbers which is meant; ``legs`` counts
    calls given to it, heard of or not."""

    status: ChannelStatus
    edge: EdgeId
    connected: bool
    number: E164 | None = None
    legs: int = 0

    @property
    def channel(self) -> ChannelId:
        return self.status.channel

    @property
    def numbers(self) -> tuple[E164, ...]:
        """All that it can show."""
        return self.status.own_numbers if self.number is None else (self.number, *self.status.own_numbers)


TOLD = 20
"""Of more channels a sentence would be for nobody."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits per channel; ``sms_per_day`` None means none (an operator's fair-use limit belongs here)."""

    legs: int = 1
    sms_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """``chosen`` None: nobody may. ``passed_over`` has a reason for every channel that may not or is not best.

    ``lasting``: nobody may, and waiting will not mend it. ``eligible``: there is a channel of the right kind at least.
    """

    chosen: Candidate | None
    because: str
    passed_over: tuple[tuple[ChannelId, str], ...] = ()
    lasting: bool = False
    eligible: bool = True

    def sentence(self) -> str:
        """The decision in one line, for a log or an error message."""
        return self._with(reason for _, reason in self.passed_over)

    def outline(self) -> str:
        """The same for a customer: how each channel stands, and not what a device told its operator of why."""
        return self._with(reason.partition(": ")[0] for _, reason in self.passed_over)

    def _with(self, reasons: Iterable[str]) -> str:
        told = [f"{channel}: {reason}" for (channel, _), reason in zip(self.passed_over, reasons, strict=True)]
        if len(told) > TOLD:
            told[TOLD:] = [f"and {len(told) - TOLD} more"]
        return f"{self.because} ({'; '.join(told)})" if told else self.because


def decide(ask: RouteRequest, rules: Rules, candidates: Iterable[Candidate]) -> Decision:
    """The best channel that may carry this. The same values always give the same answer."""
    passed: list[tuple[ChannelId, str]] = []
    able: list[Candidate] = []
    eligible: list[Candidate] = []
    for candidate in candidates:
        other = _not_meant(ask, candidate)
        reason = other or objection(ask, rules, candidate)
        if not other:
            eligible.append(candidate)
        if reason:
            passed.append((candidate.channel, reason))
        else:
            able.append(candidate)
    if not able:
        lasting = bool(eligible) and all(_unfit(ask, candidate) in LASTING for candidate in eligible)
        return Decision(None, _nobody(ask, passed), tuple(passed), lasting, bool(eligible))
    best, *rest = sorted(able, key=lambda candidate: _rank(ask, candidate))
    passed += [(found.channel, f"may, but {best.channel} is better{_weight(found)}") for found in rest]
    return Decision(best, _because(ask, best, len(able)), tuple(passed))


def objection(ask: RouteRequest, rules: Rules, candidate: Candidate) -> str:
    """Why this channel may not carry it; empty when it may."""
    status = candidate.status
    other = _not_meant(ask, candidate)
    if other:
        return other
    unfit, health = _unfit(ask, candidate), status.health
    if unfit in LASTING and health is not None:
        return _unwell(health)
    if not candidate.connected:
        return f"edge {candidate.edge} is not connected"
    if status.state is not ChannelState.REGISTERED:
        return f"is {status.state}" + (f": {status.reason}" if status.reason else "")
    if ask.service not in status.offers:
        return f"does not offer {ask.service}"
    if ask.service in status.down:
        return f"has no {ask.service} now" + (f": {status.reason}" if status.reason else "")
    if unfit is not None and health is not None and not (ask.waits and unfit in PASSING):
        return _unwell(health)
    return _limit(ask, rules, candidate)


def _not_meant(ask: RouteRequest, candidate: Candidate) -> str:
    """Why this would be the wrong channel, however well it stands."""
    if ask.sender is not None and ask.sender not in (candidate.number, *candidate.status.numbers):
        return "its SIM has another number"
    if ask.domain and not reaches(candidate.status.sip_domains, ask.domain):
        return f"calls no SIP URIs of {ask.domain}"
    return ""


def _unfit(ask: RouteRequest, candidate: Candidate) -> HealthState | None:
    """The state of a SIM that takes no outbound traffic of this urgency; None when it does, or nobody knows."""
    health = candidate.status.health
    return None if health is None or health.may_send(urgent=ask.urgent) else health.state


def _unwell(health: Health) -> str:
    word = health.state.value.replace("_", " ")
    return f"its SIM is not to be used ({word})" + (f": {health.reason}" if health.reason else "")


def _share(candidate: Candidate) -> int:
    """Percent of what a healthy SIM gets; one that may only carry what is urgent comes last."""
    health = candidate.status.health
    return 100 if health is None else min(100, max(1, health.share))


def _weight(candidate: Candidate) -> str:
    health, share = candidate.status.health, _share(candidate)
    return f": its SIM is {health.state} and gets {share} % of a healthy one's share" if health and share < 100 else ""


def _limit(ask: RouteRequest, rules: Rules, candidate: Candidate) -> str:
    legs = max(candidate.legs, candidate.status.busy_legs)
    most = max(rules.legs, candidate.status.capacity)
    if not ask.waits and legs >= most:
        return "is busy with a call" if most == 1 else f"is busy with {legs} calls"
    sent = candidate.status.sent_today
    if ask.service is Service.SMS and rules.sms_per_day is not None and sent >= rules.sms_per_day:
        return f"daily limit of {rules.sms_per_day} messages reached"
    return ""


def _rank(ask: RouteRequest, candidate: Candidate) -> tuple[bool, bool, bool, bool, int, float, int, str]:
    """Smaller is better: the preferred one, one of the near edge, one that need not rest first, of the recipient's
    operator, the least loaded, least used for its share, best heard; names decide.

    What a SIM has carried today, and this, counts the more the smaller its share: of a healthy SIM and one on
    probation with 10 %, ten in eleven go to the healthy one, always in the same order.
    """
    status = candidate.status
    signal = status.signal.dbm if status.signal is not None else -113
    legs = max(candidate.legs, status.busy_legs)
    load = (_carried(ask, status) + 1) * 100 / _share(candidate)
    away = ask.near is not None and candidate.edge != ask.near
    resting = _unfit(ask, candidate) is not None
    off_net = candidate.number not in ask.on_net
    return (not _asked_for(ask, candidate), away, resting, off_net, legs, load, -signal, candidate.channel)


def _asked_for(ask: RouteRequest, candidate: Candidate) -> bool:
    known = ask.known is not None and candidate.number == ask.known
    return known or candidate.channel == ask.prefer


def _carried(ask: RouteRequest, status: ChannelStatus) -> float:
    """Messages, or minutes, of today."""
    if ask.service is Service.VOICE:
        return status.usage.minutes_day if status.usage is not None else 0.0
    return max(status.sent_today, status.usage.sms_day if status.usage is not None else 0)


def _because(ask: RouteRequest, best: Candidate, able: int) -> str:
    if ask.sender is not None:
        return "the SIM of the sender's number"
    if ask.known is not None and best.number == ask.known:
        return "the number that the recipient knows"
    if best.channel == ask.prefer:
        return "the channel asked for"
    if able == 1:
        return "the only channel that may"
    if ask.near is not None and best.edge != ask.near:
        return f"none of edge {ask.near} may"
    if best.number in ask.on_net:
        return f"of the recipient's operator, the best of {able}"
    shared = _weight(best).removeprefix(": ")
    return f"the least loaded of {able}" + (f" for its share ({shared})" if shared else "")


def _nobody(ask: RouteRequest, passed: list[tuple[ChannelId, str]]) -> str:
    if not passed:
        return "there is no channel at all"
    if ask.sender is not None and all(reason == "its SIM has another number" for _, reason in passed):
        return "no channel has the SIM of the sender's number"
    return f"no channel may carry this {ask.service} now"
