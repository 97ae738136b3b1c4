"""Every rule's way in and way out, as a table: at its threshold, and just below it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edge_agent.sims.rules import RULES, SHARES, STOPPING, Rule, View, is_ill, is_struck
from edge_agent.sims.signs import Doing, Kind, Sign
from edge_agent.sims.thresholds import Thresholds
from edge_agent.sims.windows import Rates
from telecore.model import ChannelState as C
from telecore.sim_health import Balance, HealthState

S = HealthState
N = Thresholds()
BY_STATE = {rule.state: rule for rule in RULES}


def signs(count: int, doing: Doing = Doing.SIM, *, same: bool = False) -> list[Sign]:
    return [Sign(float(n), Kind.SMS, doing, "001" if same else f"{n:03d}", f"SMS {n}") for n in range(count)]


def view(**more: Any) -> View:
    return View(N, **({"radio": C.REGISTERED, "radio_s": 3600.0, "dbm": -70} | more))


ENTER: list[tuple[HealthState, dict[str, Any], bool]] = [
    (S.ABSENT, {"radio": C.ABSENT, "radio_s": 10.0}, True),
    (S.ABSENT, {"radio": C.ABSENT, "radio_s": 9.9}, False),
    (S.ABSENT, {"radio": C.FAULTY, "radio_s": 900.0}, False),
    (S.LOCKED_PIN, {"radio": C.LOCKED, "lock": "SIM PIN"}, True),
    (S.LOCKED_PIN, {"radio": C.LOCKED, "lock": ""}, True),
    (S.LOCKED_PIN, {"radio": C.REGISTERED, "lock": "SIM PIN"}, False),
    (S.LOCKED_PUK, {"radio": C.LOCKED, "lock": "SIM PUK"}, True),
    (S.LOCKED_PUK, {"radio": C.LOCKED, "lock": "SIM PUK2"}, True),
    (S.LOCKED_PUK, {"radio": C.LOCKED, "lock": "SIM PIN"}, False),
    (S.LOCKED_NET, {"radio": C.LOCKED, "lock": "PH-NET PIN"}, True),
    (S.LOCKED_NET, {"radio": C.LOCKED, "lock": "SIM PIN"}, False),
    (S.SIM_FAULT, {"sim_faults": 2, "fault": 13}, True),
    (S.SIM_FAULT, {"sim_faults": 1, "fault": 13}, False),
    (S.SIM_FAULT, {"authentication_failures": 3, "reject_cause": 20}, True),
    (S.SIM_FAULT, {"authentication_failures": 2, "reject_cause": 20}, False),
    (S.DENIED, {"radio": C.DENIED, "radio_s": 180.0}, True),
    (S.DENIED, {"radio": C.DENIED, "radio_s": 179.9}, False),
    (S.DENIED, {"radio": C.DENIED, "radio_s": 900.0, "dbm": -97}, True),
    (S.DENIED, {"radio": C.DENIED, "radio_s": 900.0, "dbm": -98}, False),
    (S.DENIED, {"radio": C.DENIED, "radio_s": 900.0, "dbm": None}, False),
    *((S.DENIED, {"radio": C.DENIED, "radio_s": 0.0, "dbm": None, "reject_cause": n}, True) for n in (2, 3, 6)),
    *((S.DENIED, {"radio": C.DENIED, "radio_s": 1.0, "reject_cause": n}, False) for n in (5, 7, 8, 20)),
    *((S.DENIED, {"radio": C.DENIED, "radio_s": 180.0, "reject_cause": n}, True) for n in (5, 7, 8, 20, 21)),
    *((S.DENIED, {"radio": C.DENIED, "radio_s": 9e3, "reject_cause": n}, False) for n in (11, 12, 13, 15, 17, 22)),
    (S.SEARCHING, {"radio": C.SEARCHING, "radio_s": 60.0}, True),
    (S.SEARCHING, {"radio": C.SEARCHING, "radio_s": 59.9}, False),
    (S.SEARCHING, {"radio": C.DENIED, "radio_s": 60.0}, True),
    (S.SUSPECT_BLOCKED, {"operator_said": "your SIM will be blocked"}, True),
    (S.SUSPECT_BLOCKED, {"strikes_today": 3}, True),
    (S.SUSPECT_BLOCKED, {"strikes_today": 2}, False),
    (S.SUSPECT_BLOCKED, {"siblings_succeed": True, "doubtful_row": signs(5)}, True),
    (S.SUSPECT_BLOCKED, {"siblings_succeed": True, "doubtful_row": signs(4)}, False),
    (S.SUSPECT_BLOCKED, {"siblings_succeed": True, "doubtful_row": signs(9, same=True)}, False),
    (S.SUSPECT_BLOCKED, {"siblings_succeed": False, "doubtful_row": signs(9)}, False),
    (S.EXHAUSTED, {"balance": Balance(0.0, "0.00", "USD")}, True),
    (S.EXHAUSTED, {"balance": Balance(0.0, "0.01", "USD")}, False),
    (S.EXHAUSTED, {"balance": Balance(0.0, "1.00", "USD"), "floor": "1.0"}, True),
    (S.EXHAUSTED, {"balance": Balance(0.0, "1.01", "USD"), "floor": "1.0"}, False),
    (S.EXHAUSTED, {"balance": Balance(0.0, None), "floor": "1.0"}, False),
    (S.EXHAUSTED, {"balance": None}, False),
    (S.QUOTA, {"quota": "daily limit of 3 SMS"}, True),
    (S.QUOTA, {"quota": ""}, False),
    (S.COOLDOWN, {"sim_row": signs(3, same=True)}, True),
    (S.COOLDOWN, {"sim_row": signs(2)}, False),
    (S.COOLDOWN, {"doubtful_row": signs(5, Doing.DOUBTFUL)}, True),
    (S.COOLDOWN, {"doubtful_row": signs(4, Doing.DOUBTFUL)}, False),
    (S.COOLDOWN, {"doubtful_row": signs(50, Doing.DOUBTFUL, same=True)}, False),
    (S.COOLDOWN, {"congestion_row": signs(3, Doing.CONGESTION, same=True)}, True),
    (S.COOLDOWN, {"congestion_row": signs(2, Doing.CONGESTION)}, False),
    (S.PROBATION, {"fresh": True}, True),
    (S.PROBATION, {"fresh": False}, False),
    (S.DEGRADED, {"weak_s": 900.0}, True),
    (S.DEGRADED, {"weak_s": 899.9}, False),
    (S.DEGRADED, {"rates": Rates(answered=0.29), "baseline": Rates(answered=0.5)}, True),
    (S.DEGRADED, {"rates": Rates(answered=0.31), "baseline": Rates(answered=0.5)}, False),
    (S.DEGRADED, {"rates": Rates(answered=0.0), "baseline": Rates()}, False),
    (S.DEGRADED, {"rates": Rates(talk_s=49.0), "baseline": Rates(talk_s=100.0)}, True),
    (S.DEGRADED, {"rates": Rates(talk_s=50.0), "baseline": Rates(talk_s=100.0)}, False),
    (S.DEGRADED, {"rates": Rates(ring_p95_s=15.1)}, True),
    (S.DEGRADED, {"rates": Rates(ring_p95_s=15.0)}, False),
    (S.DEGRADED, {"rates": Rates(taken=0.84)}, True),
    (S.DEGRADED, {"rates": Rates(taken=0.85)}, False),
    (S.DEGRADED, {"rates": Rates(delivered=0.39), "baseline": Rates(delivered=0.8)}, True),
    (S.DEGRADED, {"rates": Rates(delivered=0.4), "baseline": Rates(delivered=0.8)}, False),
    (S.EXPIRING, {"days_valid": 7}, True),
    (S.EXPIRING, {"days_valid": 8}, False),
    (S.EXPIRING, {"days_valid": -3}, True),
    (S.EXPIRING, {"idle_days": 60, "keep_alive_days": 60}, True),
    (S.EXPIRING, {"idle_days": 59, "keep_alive_days": 60}, False),
    (S.EXPIRING, {"idle_days": 900}, False),
]

LEAVE: list[tuple[HealthState, dict[str, Any], bool]] = [
    (S.ABSENT, {"radio": C.SEARCHING, "radio_s": 0.0}, True),
    (S.ABSENT, {"radio": C.ABSENT}, False),
    *((state, {"radio": C.SEARCHING}, True) for state in (S.LOCKED_PIN, S.LOCKED_PUK, S.LOCKED_NET)),
    *((state, {"radio": C.LOCKED}, False) for state in (S.LOCKED_PIN, S.LOCKED_PUK, S.LOCKED_NET)),
    *((state, {"radio_s": 60.0}, True) for state in (S.SIM_FAULT, S.DENIED)),
    *((state, {"radio_s": 59.9}, False) for state in (S.SIM_FAULT, S.DENIED)),
    *((state, {"radio": C.SEARCHING}, False) for state in (S.SIM_FAULT, S.DENIED, S.SEARCHING)),
    (S.SEARCHING, {"radio_s": 0.0}, True),
    (S.SEARCHING, {"radio": C.DENIED}, False),
    (S.SUSPECT_BLOCKED, {"tests_passed": 2}, True),
    (S.SUSPECT_BLOCKED, {"tests_passed": 1}, False),
    (S.EXHAUSTED, {"balance": Balance(0.0, "1.00", "USD")}, True),
    (S.EXHAUSTED, {"balance": Balance(0.0, "1.00", "USD"), "floor": "1"}, False),
    (S.EXHAUSTED, {"balance": Balance(0.0, None)}, False),
    (S.EXHAUSTED, {"balance": None}, False),
    (S.QUOTA, {"quota": ""}, True),
    (S.QUOTA, {"quota": "daily limit of 3 SMS"}, False),
    (S.COOLDOWN, {"cooldown_left_s": 0.0}, True),
    (S.COOLDOWN, {"cooldown_left_s": 0.1}, False),
    (S.COOLDOWN, {"cooldown_left_s": None}, True),
    (S.PROBATION, {"good_operations": 20}, True),
    (S.PROBATION, {"good_operations": 19}, False),
    (S.DEGRADED, {"well_s": 1800.0}, True),
    (S.DEGRADED, {"well_s": 1799.9}, False),
    (S.EXPIRING, {"days_valid": 8}, True),
    (S.EXPIRING, {"days_valid": 7}, False),
]


@pytest.mark.parametrize(("state", "more", "enters"), ENTER)
def test_enter(state: HealthState, more: dict[str, Any], enters: bool) -> None:
    evidence = BY_STATE[state].enter(view(**more))
    assert bool(evidence) is enters
    assert all(evidence)


@pytest.mark.parametrize(("state", "more", "leaves"), LEAVE)
def test_leave(state: HealthState, more: dict[str, Any], leaves: bool) -> None:
    evidence = BY_STATE[state].leave(view(**more))
    assert bool(evidence) is leaves
    assert all(evidence)


@pytest.mark.parametrize("rule", RULES, ids=[rule.state for rule in RULES])
def test_every_rule_is_in_both_tables_both_ways(rule: Rule) -> None:
    assert {yes for state, _, yes in ENTER if state is rule.state} == {True, False}
    assert {yes for state, _, yes in LEAVE if state is rule.state} == {True, False}


def test_nothing_is_entered_by_a_sim_that_does_well() -> None:
    assert [rule.state for rule in RULES if rule.enter(view())] == []


@pytest.mark.parametrize(("state", "more", "enters"), ENTER)
def test_no_rule_enters_and_leaves_on_the_same_view(state: HealthState, more: dict[str, Any], enters: bool) -> None:
    if not enters or state in (S.COOLDOWN, S.PROBATION, S.SUSPECT_BLOCKED, S.SIM_FAULT):
        return  # these are left by what happens after they were entered
    assert not BY_STATE[state].leave(view(**more))


def test_every_state_but_a_persons_has_one_rule_and_a_share() -> None:
    assert len(BY_STATE) == len(RULES)
    assert set(BY_STATE) == set(S) - {S.HEALTHY, S.RETIRED}
    assert set(SHARES) == set(S)
    assert all(0 <= share <= 100 for share in SHARES.values())
    assert set(BY_STATE) >= STOPPING


def test_a_full_network_is_no_strike() -> None:
    assert not is_struck(view(congestion_row=signs(9, Doing.CONGESTION)))
    assert is_struck(view(sim_row=signs(3)))
    assert is_struck(view(doubtful_row=signs(5)))


def test_what_is_refused_for_good_says_what_to_do() -> None:
    (sim,) = BY_STATE[S.DENIED].enter(view(radio=C.DENIED, reject_cause=3))
    assert "about this SIM" in sim
    assert "taken out and put back" in sim
    (modem,) = BY_STATE[S.DENIED].enter(view(radio=C.DENIED, reject_cause=6))
    assert "about this modem" in modem


def test_ill_at_once_but_degraded_only_after_a_while() -> None:
    weak = view(dbm=-98, weak_s=1.0)
    assert is_ill(weak)
    assert not BY_STATE[S.DEGRADED].enter(weak)
    assert not is_ill(replace(weak, dbm=-97))
