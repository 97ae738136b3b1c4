"""When a SIM enters a state and when it leaves it: one table. Each answer is the evidence, so nothing goes unexplained.

Several states may hold of one SIM at a time; the first in the table is the one that is shown and acted upon.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edge_agent.sims.signs import Sign
from edge_agent.sims.thresholds import Thresholds
from edge_agent.sims.windows import Rates, distinct
from telecore.causes import AUTHENTICATION_REJECTS, PERMANENT_REJECTS, Blame, blame_registration
from telecore.model import ChannelState
from telecore.sim_health import Balance, HealthState

Evidence = tuple[str, ...]
NONE: Evidence = ()


@dataclass(frozen=True, slots=True)
class View:
    """A SIM at one moment, as the rules see it. Seconds are how long something has been so; ``baseline`` is what its
    siblings at the same operator do; ``strikes_today``: the rests it was sent to for refusals of its own.
    """

    numbers: Thresholds
    radio: ChannelState = ChannelState.SEARCHING
    radio_s: float = 0.0
    radio_reason: str = ""
    lock: str = ""
    reject_cause: int | None = None
    authentication_failures: int = 0
    sim_faults: int = 0
    fault: int | None = None
    dbm: int | None = None
    weak_s: float = 0.0
    rates: Rates = field(default_factory=Rates)
    baseline: Rates = field(default_factory=Rates)
    well_s: float = 0.0
    sim_row: Sequence[Sign] = ()
    doubtful_row: Sequence[Sign] = ()
    congestion_row: Sequence[Sign] = ()
    siblings_succeed: bool = False
    strikes_today: int = 0
    cooldown_left_s: float | None = None
    fresh: bool = False
    good_operations: int = 0
    tests_passed: int = 0
    operator_said: str = ""
    balance: Balance | None = None
    floor: str | None = None
    days_valid: int | None = None
    idle_days: int | None = None
    keep_alive_days: int | None = None
    quota: str = ""


Condition = Callable[[View], Evidence]


@dataclass(frozen=True, slots=True)
class Rule:
    """``share`` as in Health. ``blames``: it is held against the SIM, so it waits while the operator has an outage."""

    state: HealthState
    share: int
    enter: Condition
    leave: Condition
    blames: bool = False


# What the radio and the card say.


def _absent(view: View) -> Evidence:
    if view.radio is not ChannelState.ABSENT or view.radio_s < view.numbers.absent_s:
        return NONE
    return (f"no SIM for {view.radio_s:.0f} s: {view.radio_reason or 'absent'}",)


def _not_absent(view: View) -> Evidence:
    return (f"the SIM is there: {view.radio}",) if view.radio is not ChannelState.ABSENT else NONE


def _locked(*words: str) -> Condition:
    def enter(view: View) -> Evidence:
        locked = view.radio is ChannelState.LOCKED and any(view.lock.startswith(word) for word in words)
        return (f"+CPIN? says {view.lock}: {view.radio_reason}",) if locked else NONE

    return enter


def _unlocked(view: View) -> Evidence:
    return (f"the SIM is open: {view.radio}",) if view.radio is not ChannelState.LOCKED else NONE


def _sim_fault(view: View) -> Evidence:
    if view.sim_faults >= view.numbers.sim_faults:
        return (f"CME {view.fault} {view.sim_faults} times: {view.radio_reason}",)
    if view.authentication_failures >= view.numbers.authentication_failures:
        return (
            f"the network does not believe the SIM: cause {view.reject_cause}, {view.authentication_failures} times",
        )
    return NONE


def _registered(view: View) -> Evidence:
    stable = view.radio is ChannelState.REGISTERED and view.radio_s >= view.numbers.registered_stable_s
    return (f"registered for {view.radio_s:.0f} s",) if stable else NONE


_PLACE_OR_NETWORK = (Blame.DESTINATION, Blame.NETWORK)
_REPLUG = "this modem tries again only when the SIM was taken out and put back, or its power was"


def _denied(view: View) -> Evidence:
    """A refusal that is about the place, or about the network itself, is not held against the SIM: it searches on."""
    cause = view.reject_cause
    if view.radio is not ChannelState.DENIED:
        return NONE
    if cause in PERMANENT_REJECTS:
        whom = "modem" if blame_registration(cause) is Blame.MODEM else "SIM"
        return (f"registration refused with cause {cause}, which is about this {whom}; {_REPLUG}",)
    heard = view.dbm is not None and view.dbm >= view.numbers.denied_least_dbm
    if view.radio_s < view.numbers.denied_s or not heard:
        return NONE
    if cause is None:
        return (f"registration denied for {view.radio_s:.0f} s at {view.dbm} dBm",)
    if cause not in AUTHENTICATION_REJECTS and blame_registration(cause) in _PLACE_OR_NETWORK:
        return NONE
    return (f"registration denied for {view.radio_s:.0f} s at {view.dbm} dBm, cause {cause}",)


def _searching(view: View) -> Evidence:
    away = view.radio in (ChannelState.SEARCHING, ChannelState.DENIED)
    if not away or view.radio_s < view.numbers.searching_s:
        return NONE
    return (f"no network for {view.radio_s:.0f} s: {view.radio_reason or view.radio}",)


def _found(view: View) -> Evidence:
    return (f"{view.radio}",) if view.radio not in (ChannelState.SEARCHING, ChannelState.DENIED) else NONE


# What a person must look at.


def _suspect(view: View) -> Evidence:
    if view.operator_said:
        return (f"its operator says: {view.operator_said}",)
    if view.strikes_today >= view.numbers.cooldowns_a_day:
        return (f"it had to rest {view.strikes_today} times within 24 hours",)
    failed = [*view.doubtful_row]
    if view.siblings_succeed and distinct(failed) >= view.numbers.failed_destinations:
        return (
            f"{distinct(failed)} destinations in a row failed while other SIMs of its operator succeed",
            *_words(failed),
        )
    return NONE


def _cleared(view: View) -> Evidence:
    passed = view.tests_passed >= view.numbers.tests_passed
    return (f"{view.tests_passed} self-tests passed",) if passed else NONE


# Accounts and quotas.


def _exhausted(view: View) -> Evidence:
    balance = view.balance
    if balance is None or balance.amount is None or float(balance.amount) > _floor(view):
        return NONE
    least = f", the floor is {view.floor}" if view.floor else ""
    return (f"balance {balance.amount} {balance.currency}{least}",)


def _paid(view: View) -> Evidence:
    balance = view.balance
    paid = balance is not None and balance.amount is not None and float(balance.amount) > _floor(view)
    return (f"balance {balance.amount} {balance.currency}",) if paid and balance is not None else NONE


def _floor(view: View) -> float:
    return float(view.floor) if view.floor else 0.0


def _quota(view: View) -> Evidence:
    return (view.quota,) if view.quota else NONE


def _quota_over(view: View) -> Evidence:
    return NONE if view.quota else ("the quota's time is over",)


def _expiring(view: View) -> Evidence:
    if view.days_valid is not None and view.days_valid <= view.numbers.expiring_days:
        return (f"valid for {view.days_valid} more days",)
    if view.keep_alive_days is not None and view.idle_days is not None and view.idle_days >= view.keep_alive_days:
        return (f"nothing was spent on it for {view.idle_days} days",)
    return NONE


def _renewed(view: View) -> Evidence:
    return NONE if _expiring(view) else ("its validity is renewed",)


# What its traffic says.


def _cooldown(view: View) -> Evidence:
    return _refused(view) or _congested(view)


def _refused(view: View) -> Evidence:
    """What is held against the SIM."""
    if len(view.sim_row) >= view.numbers.sim_errors:
        return (f"{len(view.sim_row)} refusals in a row that are about the SIM", *_words(view.sim_row))
    if distinct(view.doubtful_row) >= view.numbers.doubtful_errors:
        return (f"{distinct(view.doubtful_row)} destinations in a row refused", *_words(view.doubtful_row))
    return NONE


def _congested(view: View) -> Evidence:
    """The network asks to be left alone; nobody is to blame."""
    if len(view.congestion_row) < view.numbers.congestions:
        return NONE
    return (f"the network is congested, {len(view.congestion_row)} times in a row", *_words(view.congestion_row))


def is_struck(view: View) -> bool:
    """Whether it rests for refusals of its own, and not for a full network."""
    return bool(_refused(view))


def _rested(view: View) -> Evidence:
    return NONE if view.cooldown_left_s else ("it has rested",)


def _probation(view: View) -> Evidence:
    return ("a SIM that was not seen here before",) if view.fresh else NONE


def _proved(view: View) -> Evidence:
    proved = view.good_operations >= view.numbers.probation_operations
    return (f"{view.good_operations} good operations and no refusal of the SIM",) if proved else NONE


def _degraded(view: View) -> Evidence:
    numbers, rates, usual = view.numbers, view.rates, view.baseline
    found = []
    if view.weak_s >= numbers.weak_s:
        found.append(f"{view.dbm} dBm, weak for {view.weak_s:.0f} s")
    if _below(rates.answered, usual.answered, numbers.answered_ratio):
        found.append(f"{rates.answered:.0%} of its calls are answered, usual are {usual.answered:.0%}")
    if _below(rates.talk_s, usual.talk_s, numbers.talk_ratio):
        found.append(f"its calls last {rates.talk_s:.0f} s, usual are {usual.talk_s:.0f} s")
    if rates.ring_p95_s is not None and rates.ring_p95_s > numbers.ring_p95_s:
        found.append(f"calls take up to {rates.ring_p95_s:.0f} s until they ring")
    if rates.taken is not None and rates.taken < numbers.sms_taken:
        found.append(f"the network takes {rates.taken:.0%} of its SMS")
    if _below(rates.delivered, usual.delivered, numbers.delivered_ratio):
        found.append(f"{rates.delivered:.0%} of its SMS are reported delivered, usual are {usual.delivered:.0%}")
    return tuple(found)


def is_ill(view: View) -> bool:
    """Whether signal or rates are bad now, for however short a time."""
    weak = view.dbm is not None and view.dbm < view.numbers.weak_dbm
    return weak or bool(_degraded(view))


def _well(view: View) -> Evidence:
    well = view.well_s >= view.numbers.recovered_s
    return (f"signal and rates are good again for {view.well_s:.0f} s",) if well else NONE


def _below(value: float | None, usual: float | None, ratio: float) -> bool:
    return value is not None and usual is not None and value < ratio * usual


def _words(signs: Sequence[Sign]) -> Evidence:
    return tuple(sign.what for sign in signs[-5:])


S = HealthState
RULES: tuple[Rule, ...] = (
    Rule(S.ABSENT, 0, _absent, _not_absent),
    Rule(S.LOCKED_PUK, 0, _locked("SIM PUK"), _unlocked),
    Rule(S.LOCKED_NET, 0, _locked("PH-"), _unlocked),
    Rule(S.LOCKED_PIN, 0, _locked("SIM PIN", ""), _unlocked),
    Rule(S.SIM_FAULT, 0, _sim_fault, _registered),
    Rule(S.DENIED, 0, _denied, _registered, blames=True),
    Rule(S.SEARCHING, 0, _searching, _found),
    Rule(S.SUSPECT_BLOCKED, 0, _suspect, _cleared, blames=True),
    Rule(S.EXHAUSTED, 0, _exhausted, _paid),
    Rule(S.QUOTA, 0, _quota, _quota_over),
    Rule(S.COOLDOWN, 0, _cooldown, _rested, blames=True),
    Rule(S.PROBATION, 25, _probation, _proved),
    Rule(S.DEGRADED, 30, _degraded, _well, blames=True),
    Rule(S.EXPIRING, 100, _expiring, _renewed),
)
"""The most serious first. No rule holds: healthy."""
SHARES = {rule.state: rule.share for rule in RULES} | {S.HEALTHY: 100, S.RETIRED: 0}
STOPPING = frozenset({S.DENIED, S.COOLDOWN, S.SUSPECT_BLOCKED})
"""Whoever comes out of these is on probation."""
