"""All that is known of one SIM, and its view for the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from edge_agent.contracts import RadioStatus
from edge_agent.sims.judge import Forced, Step, health
from edge_agent.sims.quotas import Book
from edge_agent.sims.rules import STOPPING, Evidence, View, is_ill
from edge_agent.sims.signs import Doing, Kind, Sign
from edge_agent.sims.thresholds import Thresholds
from edge_agent.sims.windows import DAY_S, Rates, Window, rates
from telecore.causes import AUTHENTICATION_REJECTS, Cause
from telecore.ids import Iccid, Plmn
from telecore.model import ChannelState
from telecore.sim_health import Balance, Health, HealthState

KEPT = frozenset(
    {HealthState.SUSPECT_BLOCKED, HealthState.COOLDOWN, HealthState.PROBATION, HealthState.DEGRADED, HealthState.DENIED}
)
"""States that outlive a restart; the others the modem tells anew."""
_SIM_FAULTS = (13, 15)
_CONGESTED = f"cause {int(Cause.CONGESTION)}"


@dataclass(slots=True)
class SimRecord:
    """Times are of the monotonic clock but for ``cooldowns``, which outlive the process and are seconds since 1970."""

    iccid: Iccid | None = None
    operator: Plmn | None = None
    radio: RadioStatus = field(default_factory=lambda: RadioStatus(ChannelState.SEARCHING))
    radio_at: float = 0.0
    weak_at: float | None = None
    ill_at: float = 0.0
    authentication_failures: int = 0
    sim_faults: int = 0
    window: Window = field(default_factory=Window)
    rows_from: float = 0.0
    held: dict[HealthState, Evidence] = field(default_factory=dict)
    since: float = 0.0
    grounds: Evidence = ()
    forced: Forced | None = None
    cooldowns: list[float] = field(default_factory=list)
    cooldown_until: float | None = None
    fresh: bool = False
    good_operations: int = 0
    tests_passed: int = 0
    operator_said: str = ""
    balance: Balance | None = None
    last_charged: float | None = None
    usual: Rates = field(default_factory=Rates)
    book: Book = field(default_factory=Book)

    def hear(self, status: RadioStatus, now: float, numbers: Thresholds) -> None:
        """The modem told how SIM and registration stand."""
        if status.state is not self.radio.state:
            self.radio_at = now
        if status.state is ChannelState.REGISTERED:
            self.sim_faults = self.authentication_failures = 0
        elif status != self.radio:
            self.sim_faults += status.fault in _SIM_FAULTS
            self.authentication_failures += status.reject_cause in AUTHENTICATION_REJECTS
        weak = status.signal is not None and status.signal.dbm < numbers.weak_dbm
        self.weak_at = (self.weak_at if self.weak_at is not None else now) if weak else None
        self.radio = status
        if status.sim is not None and status.sim.operator is not None:
            self.operator = status.sim.operator

    def note(self, sign: Sign) -> None:
        """Something happened to its traffic."""
        self.window.add(sign)
        if sign.kind is Kind.REPORT:
            return
        if sign.doing is Doing.GOOD:
            self.good_operations += 1
        elif sign.doing is Doing.SIM:
            self.good_operations = 0

    def apply(self, done: Step, now: float, wall: float, numbers: Thresholds) -> None:
        """Take over a judgement, with what comes with entering and leaving a state."""
        entered, left = done.entered, done.left
        self.held = done.held
        self.fresh = self.fresh and HealthState.PROBATION not in entered
        if any(state in STOPPING for state in left):
            self.rows_from, self.tests_passed, self.operator_said = now, 0, ""
        if HealthState.SUSPECT_BLOCKED in left:
            self.cooldowns.clear()
        if HealthState.PROBATION in entered:
            self.good_operations = 0
        if HealthState.SUSPECT_BLOCKED in entered:
            self.tests_passed = 0
        if HealthState.COOLDOWN in entered:
            today = sum(wall - at < DAY_S for at in self.cooldowns)
            self.cooldowns.append(wall)
            self.cooldown_until = now + min(numbers.cooldown_s * 2**today, numbers.cooldown_cap_s)
            self.rows_from = now

    def judge_again(self, now: float) -> None:
        """A person takes back what was decided or concluded."""
        self.forced = None
        self.operator_said = ""
        self.held.pop(HealthState.SUSPECT_BLOCKED, None)
        self.cooldowns.clear()
        self.rows_from = now

    def rests_s(self, now: float) -> float | None:
        """For how long it still rests."""
        return max(0.0, self.cooldown_until - now) if self.cooldown_until is not None else None

    def rates(self, now: float, numbers: Thresholds) -> Rates:
        """Of the last 24 hours."""
        return rates(
            self.window.since(now - DAY_S),
            least_calls=numbers.least_calls,
            least_sms=numbers.least_sms,
            least_reports=numbers.least_reports,
        )

    def view(self, now: float, wall: float, numbers: Thresholds, own: Rates, surroundings: Surroundings) -> View:
        """For the rules. ``own`` are its rates."""
        dbm = self.radio.signal.dbm if self.radio.signal is not None else None
        view = View(
            numbers=numbers,
            radio=self.radio.state,
            radio_s=now - self.radio_at,
            radio_reason=self.radio.reason,
            lock=self.radio.lock,
            reject_cause=self.radio.reject_cause,
            authentication_failures=self.authentication_failures,
            sim_faults=self.sim_faults,
            fault=self.radio.fault,
            dbm=dbm,
            weak_s=now - self.weak_at if self.weak_at is not None else 0.0,
            rates=own,
            baseline=surroundings.baseline,
            sim_row=self.window.last(Doing.SIM, after=self.rows_from),
            doubtful_row=self.window.last(Doing.SIM, Doing.DOUBTFUL, after=self.rows_from),
            congestion_row=self._congestions(),
            siblings_succeed=surroundings.siblings_succeed,
            cooldowns_today=sum(wall - at < DAY_S for at in self.cooldowns),
            cooldown_left_s=self.rests_s(now),
            fresh=self.fresh,
            good_operations=self.good_operations,
            tests_passed=self.tests_passed,
            operator_said=self.operator_said,
            balance=self.balance,
            floor=surroundings.floor,
            days_valid=_days_valid(self.balance, surroundings.valid_until, wall),
            idle_days=int((wall - self.last_charged) // DAY_S) if self.last_charged is not None else None,
            keep_alive_days=surroundings.keep_alive_days,
            quota=surroundings.quota,
        )
        return replace(view, well_s=self._well_s(view, now))

    def _well_s(self, view: View, now: float) -> float:
        """How long nothing of what makes a SIM ``degraded`` has been seen."""
        if is_ill(view):
            self.ill_at = now
        return now - self.ill_at

    def _congestions(self) -> Sequence[Sign]:
        row = self.window.last(Doing.NETWORK, after=self.rows_from)
        return [sign for sign in row if _CONGESTED in sign.what or "CMS 42" in sign.what]

    def health(self, now: float, wall: float) -> Health:
        """How far it is trusted."""
        rests_s = self.rests_s(now)
        until = wall + rests_s if rests_s is not None else None
        return health(self.held, self.forced, since=self.since, until=until, grounds=self.grounds)

    def keep(self, now: float, wall: float) -> dict[str, Any]:
        """What must outlive the process, as JSON."""
        return {
            "until": self.health(now, wall).until or 0.0,
            "held": {state.value: list(evidence) for state, evidence in self.held.items() if state in KEPT},
            "since": self.since,
            "forced": [self.forced.state.value, self.forced.note, self.forced.since] if self.forced else None,
            "cooldowns": self.cooldowns[-8:],
            "good": self.good_operations,
            "passed": self.tests_passed,
            "said": self.operator_said,
            "charged": self.last_charged,
        }

    def restore(self, kept: dict[str, Any], now: float, cooldown_left_s: float) -> None:
        """Take it back."""
        self.held = {HealthState(state): tuple(evidence) for state, evidence in kept.get("held", {}).items()}
        self.since = kept.get("since", 0.0)
        forced = kept.get("forced")
        self.forced = Forced(HealthState(forced[0]), forced[1], forced[2]) if forced else None
        self.cooldowns = list(kept.get("cooldowns", ()))
        self.good_operations = kept.get("good", 0)
        self.tests_passed = kept.get("passed", 0)
        self.operator_said = kept.get("said", "")
        self.last_charged = kept.get("charged")
        if HealthState.COOLDOWN in self.held:
            self.cooldown_until = now + cooldown_left_s


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a SIM does not know of itself."""

    baseline: Rates = field(default_factory=Rates)
    siblings_succeed: bool = False
    floor: str | None = None
    valid_until: str | None = None
    keep_alive_days: int | None = None
    quota: str = ""


def _days_valid(balance: Balance | None, valid_until: str | None, wall: float) -> int | None:
    ends = balance.expires_on if balance is not None and balance.expires_on else valid_until
    if not ends:
        return None
    return (date.fromisoformat(ends) - datetime.fromtimestamp(wall, UTC).date()).days
