"""Which channel carries a call or a message, and why none of the others does. Pure: values in, a decision out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from telecore.ids import E164, ChannelId, EdgeId
from telecore.model import ChannelState, ChannelStatus, Service


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """What is to be carried.

    ``sender``: only the SIM of this number may carry it. ``edge``: only a channel of this edge may.
    ``prefer``: a channel that is taken when it may be. ``waits``: a busy channel will do (an SMS queues at the edge).
    """

    service: Service
    to: str
    sender: E164 | None = None
    edge: EdgeId | None = None
    prefer: ChannelId | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A channel as the cloud knows it. ``number`` is its SIM's; ``legs`` counts calls given to it, heard of or not."""

    status: ChannelStatus
    edge: EdgeId
    connected: bool
    number: E164 | None = None
    legs: int = 0

    @property
    def channel(self) -> ChannelId:
        return self.status.channel


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits per channel; ``sms_per_day`` None means none (an operator's fair-use limit belongs here)."""

    legs: int = 1
    sms_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """``chosen`` None: nobody may. ``passed_over`` has a reason for every channel that may not or is not best."""

    chosen: Candidate | None
    because: str
    passed_over: tuple[tuple[ChannelId, str], ...] = ()

    def sentence(self) -> str:
        """The decision in one line, for a log or an error message."""
        return self._with(reason for _, reason in self.passed_over)

    def outline(self) -> str:
        """The same for a customer: how each channel stands, and not what a device told its operator of why."""
        return self._with(reason.partition(": ")[0] for _, reason in self.passed_over)

    def _with(self, reasons: Iterable[str]) -> str:
        told = "; ".join(f"{channel}: {reason}" for (channel, _), reason in zip(self.passed_over, reasons, strict=True))
        return f"{self.because} ({told})" if told else self.because


def decide(ask: RouteRequest, rules: Rules, candidates: Iterable[Candidate]) -> Decision:
    """The best channel that may carry this. The same values always give the same answer."""
    passed: list[tuple[ChannelId, str]] = []
    able: list[Candidate] = []
    for candidate in candidates:
        reason = objection(ask, rules, candidate)
        if reason:
            passed.append((candidate.channel, reason))
        else:
            able.append(candidate)
    if not able:
        return Decision(None, _nobody(ask, passed), tuple(passed))
    best, *rest = sorted(able, key=lambda candidate: _rank(ask, candidate))
    passed += [(candidate.channel, f"may, but {best.channel} is better") for candidate in rest]
    return Decision(best, _because(ask, best, len(able)), tuple(passed))


def objection(ask: RouteRequest, rules: Rules, candidate: Candidate) -> str:
    """Why this channel may not carry it; empty when it may."""
    status = candidate.status
    if ask.sender is not None and candidate.number != ask.sender:
        return "its SIM has another number"
    if ask.edge is not None and candidate.edge != ask.edge:
        return "is at another edge"
    if not candidate.connected:
        return f"edge {candidate.edge} is not connected"
    if status.state is not ChannelState.REGISTERED:
        return f"is {status.state}" + (f": {status.reason}" if status.reason else "")
    if ask.service not in status.offers:
        return f"does not offer {ask.service}"
    return _limit(ask, rules, candidate)


def _limit(ask: RouteRequest, rules: Rules, candidate: Candidate) -> str:
    legs = max(candidate.legs, candidate.status.busy_legs)
    if not ask.waits and legs >= rules.legs:
        return "is busy with a call"
    sent = candidate.status.sent_today
    if ask.service is Service.SMS and rules.sms_per_day is not None and sent >= rules.sms_per_day:
        return f"daily limit of {rules.sms_per_day} messages reached"
    return ""


def _rank(ask: RouteRequest, candidate: Candidate) -> tuple[bool, int, int, int, str]:
    """Smaller is better: the preferred one, then the least loaded, least used, best heard; names break ties."""
    status = candidate.status
    signal = status.signal.dbm if status.signal is not None else -113
    legs = max(candidate.legs, status.busy_legs)
    return (candidate.channel != ask.prefer, legs, status.sent_today, -signal, candidate.channel)


def _because(ask: RouteRequest, best: Candidate, able: int) -> str:
    if ask.sender is not None:
        return "the SIM of the sender's number"
    if best.channel == ask.prefer:
        return "the channel asked for"
    return "the only channel that may" if able == 1 else f"the least loaded of {able}"


def _nobody(ask: RouteRequest, passed: list[tuple[ChannelId, str]]) -> str:
    if not passed:
        return "there is no channel at all"
    if ask.sender is not None and all(reason == "its SIM has another number" for _, reason in passed):
        return "no channel has the SIM of the sender's number"
    return f"no channel may carry this {ask.service} now"
