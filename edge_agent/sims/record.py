"""All that is known of one SIM, and its view for the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from edge_agent.contracts import RadioStatus
from edge_agent.sims.judge import Forced, Step, health
from edge_agent.sims.quotas import Book
from edge_agent.sims.rules import STOPPING, Evidence, View, is_ill, is_struck
from edge_agent.sims.signs import Doing, Kind, Sign
from edge_agent.sims.thresholds import Thresholds
from edge_agent.sims.windows import DAY_S, Rates, Window, rates
from telecore.causes import AUTHENTICATION_REJECTS
from telecore.ids import Iccid, Plmn
from telecore.model import ChannelState
from telecore.sim_health import Balance, Health, HealthState

_SIM_FAULTS = (13, 15)
_RATES_KEPT_S = 60.0
_KEPT_COOLDOWNS = 8
_DOUBLINGS = 16
_CLOCK_IS_SET = 1_735_689_600.0
"""2025: before it, the clock of a board without a battery says nothing of how long a SIM was idle."""


@dataclass(slots=True)
class SimRecord:
    """Times are of the monotonic clock but for those that outlive the process, which are seconds since 1970: ``since``,
    ``cooldowns``, ``strikes`` (the cooldowns that were for refusals of its own) and ``last_charged``.

    ``told``: the state it was last said to be in; None: nothing was said of it yet.
    """

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
    told: HealthState | None = None
    forced: Forced | None = None
    cooldowns: list[float] = field(default_factory=list)
    strikes: list[float] = field(default_factory=list)
    cooldown_until: float | None = None
    fresh: bool = False
    good_operations: int = 0
    tests_passed: int = 0
    operator_said: str = ""
    balance: Balance | None = None
    last_charged: float | None = None
    usual: Rates = field(default_factory=Rates)
    book: Book = field(default_factory=Book)
    _rates: tuple[int, float, Rates] = (-1, 0.0, Rates())

    def hear(self, status: RadioStatus, now: float, numbers: Thresholds) -> None:
        """The modem told how SIM and registration stand."""
        if status.state is not self.radio.state:
            self.radio_at = now
        if status.state is ChannelState.REGISTERED:
            self.sim_faults = self.authentication_failures = 0
        elif _trouble(status) != _trouble(self.radio):
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

    def apply(self, done: Step, view: View, now: float, wall: float) -> None:
        """Take over a judgement, with what comes with entering and leaving a state."""
        entered, left = done.entered, done.left
        self.held = done.held
        self.fresh = self.fresh and HealthState.PROBATION not in entered
        if any(state in STOPPING for state in left):
            self.rows_from = now
        if HealthState.PROBATION in entered:
            self.good_operations = 0
        if HealthState.SUSPECT_BLOCKED in entered:
            self.tests_passed = 0
        if HealthState.SUSPECT_BLOCKED in left:
            self._absolve()
        if HealthState.COOLDOWN in entered:
            self._rest(view, now, wall)

    def _rest(self, view: View, now: float, wall: float) -> None:
        """Twice as long each time within a day."""
        numbers = view.numbers
        seconds = numbers.cooldown_s * 2 ** min(_today(self.cooldowns, wall), _DOUBLINGS)
        self.cooldown_until = now + min(seconds, numbers.cooldown_cap_s)
        self.cooldowns = [*self.cooldowns, wall][-_KEPT_COOLDOWNS:]
        if is_struck(view):
            self.strikes = [*self.strikes, wall][-_KEPT_COOLDOWNS:]
        self.rows_from = now

    def _absolve(self) -> None:
        self.cooldowns, self.strikes, self.tests_passed, self.operator_said = [], [], 0, ""

    def judge_again(self, now: float) -> None:
        """A person takes back what was decided or concluded; the SIM has to prove itself once more."""
        self.forced = None
        for state in (HealthState.SUSPECT_BLOCKED, HealthState.COOLDOWN):
            if self.held.pop(state, None):
                self.held.setdefault(HealthState.PROBATION, (f"a person ended {state}",))
                self.good_operations = 0
        self._absolve()
        self.rows_from = now

    def rests_s(self, now: float) -> float | None:
        """For how long it still rests."""
        return max(0.0, self.cooldown_until - now) if self.cooldown_until is not None else None

    def rates(self, now: float, numbers: Thresholds) -> Rates:
        """Of the last 24 hours; reckoned anew when something happened, and once a minute."""
        version, at, found = self._rates
        if version != self.window.version or now - at >= _RATES_KEPT_S:
            found = rates(
                self.window.since(now - DAY_S),
                least_calls=numbers.least_calls,
                least_sms=numbers.least_sms,
                least_reports=numbers.least_reports,
            )
            self._rates = (self.window.version, now, found)
        return found

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
            congestion_row=self.window.last(Doing.CONGESTION, after=self.rows_from),
            siblings_succeed=surroundings.siblings_succeed,
            strikes_today=_today(self.strikes, wall),
            cooldown_left_s=self.rests_s(now),
            fresh=self.fresh,
            good_operations=self.good_operations,
            tests_passed=self.tests_passed,
            operator_said=self.operator_said,
            balance=self.balance,
            floor=surroundings.floor,
            days_valid=_days_valid(self.balance, surroundings.valid_until, wall),
            idle_days=self._idle_days(wall),
            keep_alive_days=surroundings.keep_alive_days,
            quota=surroundings.quota,
        )
        return replace(view, well_s=self._well_s(view, now))

    def _idle_days(self, wall: float) -> int | None:
        if self.last_charged is None or min(self.last_charged, wall) < _CLOCK_IS_SET:
            return None
        return int((wall - self.last_charged) // DAY_S)

    def _well_s(self, view: View, now: float) -> float:
        """How long nothing of what makes a SIM ``degraded`` has been seen."""
        if is_ill(view):
            self.ill_at = now
        return now - self.ill_at

    def health(self, now: float, wall: float) -> Health:
        """How far it is trusted."""
        rests_s = self.rests_s(now)
        until = wall + rests_s if rests_s is not None else None
        return health(self.held, self.forced, since=self.since, until=until, grounds=self.grounds)

    def keep(self, now: float, wall: float) -> dict[str, Any]:
        """What must outlive the process, as JSON."""
        return {
            "until": self.health(now, wall).until or 0.0,
            "held": {state.value: list(evidence) for state, evidence in self.held.items()},
            "since": self.since,
            "forced": [self.forced.state.value, self.forced.note, self.forced.since] if self.forced else None,
            "cooldowns": self.cooldowns,
            "strikes": self.strikes,
            "shown": self.told.value if self.told is not None else None,
            "good": self.good_operations,
            "passed": self.tests_passed,
            "said": self.operator_said,
            "charged": self.last_charged,
        }

    def restore(self, kept: Mapping[str, Any], now: float, cooldown_left_s: float) -> None:
        """Take it back."""
        self.held = {HealthState(state): tuple(evidence) for state, evidence in kept.get("held", {}).items()}
        self.since = kept.get("since", 0.0)
        forced = kept.get("forced")
        self.forced = Forced(HealthState(forced[0]), forced[1], forced[2]) if forced else None
        self.cooldowns = list(kept.get("cooldowns", ()))
        self.strikes = list(kept.get("strikes", ()))
        self.told = HealthState(kept["shown"]) if kept.get("shown") else None
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


def _trouble(status: RadioStatus) -> tuple[ChannelState, int | None, int | None, str]:
    return status.state, status.fault, status.reject_cause, status.reason


def _today(times: Sequence[float], wall: float) -> int:
    """How many were within a day; a clock that was set back does not make them vanish."""
    return sum(abs(wall - at) < DAY_S for at in times)


def _days_valid(balance: Balance | None, valid_until: str | None, wall: float) -> int | None:
    ends = balance.expires_on if balance is not None and balance.expires_on else valid_until
    if not ends:
        return None
    return (date.fromisoformat(ends) - datetime.fromtimestamp(wall, UTC).date()).days
