"""From a view to a verdict."""

from __future__ import annotations

from edge_agent.sims.judge import Forced, health, shown, step, why
from edge_agent.sims.rules import View
from edge_agent.sims.signs import Doing, Kind, Sign
from edge_agent.sims.thresholds import Thresholds
from telecore.model import ChannelState
from telecore.sim_health import HealthState

S = HealthState
WELL = View(Thresholds(), radio=ChannelState.REGISTERED, radio_s=3600.0, dbm=-70)
REFUSED = [Sign(float(n), Kind.SMS, Doing.SIM, f"{n}", f"CMS 8 no. {n}") for n in range(3)]


def test_no_rule_holds_of_a_healthy_sim() -> None:
    done = step({}, WELL)
    assert (done.held, done.entered, done.left) == ({}, {}, {})
    assert shown({}, None) is S.HEALTHY


def test_the_most_serious_is_shown_whatever_the_order_it_came_in() -> None:
    held = {S.EXPIRING: ("valid for 3 days",), S.DEGRADED: ("weak",), S.QUOTA: ("full",), S.SUSPECT_BLOCKED: ("said",)}
    assert shown(held, None) is S.SUSPECT_BLOCKED
    told = health(held, None, since=5.0)
    assert (told.state, told.reason, told.share, told.since) == (S.SUSPECT_BLOCKED, "said", 0, 5.0)


def test_a_persons_word_is_shown_over_everything() -> None:
    forced = Forced(S.HEALTHY, "I know better", 9.0)
    told = health({S.ABSENT: ("none",)}, forced, since=5.0)
    assert (told.state, told.reason, told.share, told.forced, told.since) == (
        S.HEALTHY,
        "I know better",
        100,
        True,
        9.0,
    )


def test_whoever_comes_out_of_a_rest_is_on_probation_in_the_same_step() -> None:
    done = step({S.COOLDOWN: ("three refusals",)}, WELL)
    assert done.left.keys() == {S.COOLDOWN}
    assert shown(done.held, None) is S.PROBATION
    assert done.entered[S.PROBATION] == ("it comes back from cooldown: it has rested",)


def test_while_the_operator_is_down_nothing_new_is_held_against_a_sim_but_what_is_over_ends() -> None:
    view = View(Thresholds(), radio=ChannelState.REGISTERED, radio_s=3600.0, sim_row=REFUSED, quota="daily limit")
    assert step({}, view).entered.keys() == {S.COOLDOWN, S.QUOTA}
    assert step({}, view, suspended=True).entered.keys() == {S.QUOTA}
    assert S.COOLDOWN in step({S.COOLDOWN: ("x",)}, view, suspended=True).left


def test_until_is_told_of_a_cooldown_only() -> None:
    assert health({S.COOLDOWN: ("x",)}, None, since=0.0, until=7.0).until == 7.0
    assert health({S.QUOTA: ("x",)}, None, since=0.0, until=7.0).until is None


def test_why_is_what_led_in_or_what_ended_above_it() -> None:
    into = step({}, View(Thresholds(), radio=ChannelState.REGISTERED, sim_row=REFUSED))
    assert why(into, S.COOLDOWN)[0] == "3 refusals in a row that are about the SIM"
    out = step({S.QUOTA: ("full",), S.DEGRADED: ("weak",)}, WELL)
    assert why(out, S.DEGRADED) == ("quota is over: the quota's time is over",)


def test_grounds_are_told_when_no_rule_holds() -> None:
    assert health({}, None, since=0.0, grounds=("quota is over",)).reason == "quota is over"


def test_nothing_given_is_changed() -> None:
    held = {S.QUOTA: ("full",)}
    step(held, WELL)
    assert held == {S.QUOTA: ("full",)}
