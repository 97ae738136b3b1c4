"""What an account may reach, and how it is counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.caps import Caps, Use, check, longest, objection, seconds_left, steps, total
from telecore.errors import InvalidRequest

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("caps", "to", "why"),
    [
        (Caps(), "+85512000001", ""),
        (Caps(deny=("+88",)), "+88213123456", "begins with +88"),
        (Caps(deny=("+855",), allow=("+85512",)), "+85512000001", ""),
        (Caps(deny=("+855123",), allow=("+85512",)), "+85512345678", "+855123"),
        (Caps(allow=("+855",)), "+33612345678", "not begin"),
        (Caps(allow=("+855",)), "1899", ""),
        (Caps(deny=("+855",), allow=("+855",)), "+85512000001", ""),
    ],
)
def test_the_longest_prefix_decides(caps, to, why):
    found = objection(caps, to, "")
    assert (why in found) if why else found == ""


def test_special_numbers_are_refused_unless_they_are_allowed():
    assert objection(Caps(allow=("+88",)), "+8816123456789", "satellite") == "is a satellite number"
    assert objection(Caps(special=True), "+8816123456789", "satellite") == ""


@given(
    st.lists(st.tuples(st.integers(0, 60 * 60 * 50), st.integers(1, 10)), max_size=80),
    st.integers(1, 40),
    st.integers(1, 60),
)
def test_no_hour_and_no_day_has_more_than_its_cap_and_the_last_message(arrivals, hourly, daily):
    """A window ends with the clock's hour and day; what was let in is counted again, from the list of it."""
    caps, use, let_in = Caps(messages_per_hour=hourly, messages_per_day=daily), Use(), []
    for offset, segments in sorted(arrivals):
        at = NOON + timedelta(seconds=offset)
        taken = steps(caps, "messages", total([use], at), segments)
        same_hour = sum(s for t, s in let_in if (t.date(), t.hour) == (at.date(), at.hour))
        same_day = sum(s for t, s in let_in if t.date() == at.date())
        assert [step.used for step in taken] == [same_hour, same_day]
        assert any(step.refused for step in taken) == (same_hour >= hourly or same_day >= daily)
        if not any(step.refused for step in taken):
            use = use.at(at).plus(segments)
            let_in.append((at, segments))


@given(st.lists(st.integers(1, 7), min_size=1, max_size=60), st.integers(1, 100))
def test_each_cap_is_told_once_when_near_at_most_and_once_when_reached(segments, most):
    used, near, reached = 0, 0, 0
    for amount in segments:
        (step,) = steps(Caps(messages_per_day=most), "messages", Use(in_day=used), amount)
        assert step.refused == (used >= most)
        if step.refused:
            break
        near, reached, used = near + step.near, reached + step.reached, used + amount
    assert reached == (used >= most)
    assert near <= 1
    assert reached or near == (used >= 0.8 * most)


def test_the_use_of_several_accounts_is_one():
    before, now = Use().at(NOON - timedelta(hours=13)).plus(5), Use().at(NOON).plus(2)
    found = total([before, now, now], NOON)
    assert (found.in_hour, found.in_day) == (4, 4)
    assert seconds_left(NOON + timedelta(minutes=59), 3600) == 60


@given(
    st.lists(st.from_regex(r"\+[1-9][0-9]{0,5}", fullmatch=True)), st.from_regex(r"\+[1-9][0-9]{6,9}", fullmatch=True)
)
def test_longest(prefixes, to):
    found = longest(prefixes, to)
    fit = [prefix for prefix in prefixes if to.startswith(prefix)]
    assert (found is None) == (not fit)
    assert found is None or (found in fit and all(len(prefix) <= len(found) for prefix in fit))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"messages_per_day": -1}, "messages_per_day"),
        ({"allow": ["855"]}, "allow"),
        ({"deny": ["+0"]}, "deny"),
        ({"prefixes": {"+855": -1}}, "prefixes"),
        ({"bursts": "maybe"}, "bursts"),
        ({"warnings": ""}, "warnings"),
    ],
)
def test_what_cannot_be_set_is_named(changes, named):
    with pytest.raises(InvalidRequest, match=named):
        check(changes)
    check({"messages_per_day": 5, "allow": ["+855"], "prefixes": {"+1": 3}, "bursts": "off", "warnings": "capped"})
