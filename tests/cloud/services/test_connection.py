"""The overrides in a URL's fragment."""

from __future__ import annotations

import pytest

from cloud.services.connection import POLICIES, Connection, Timeouts, connection_of
from cloud.services.urls import InvalidUrl

DEFAULTS = Timeouts(2.0, 9.0, 8.0)
URL = "https://app.example/voice?a=1"


@pytest.mark.parametrize("fragment", ["", "#", "#top", "#rc", "#rc=x&ct=-1&tt=", "#e=dublin&sni=n", "#rc=٣"])
def test_what_is_no_override_changes_nothing(fragment: str) -> None:
    assert connection_of(URL + fragment, DEFAULTS) == Connection(DEFAULTS, 1, frozenset({"ct"}))


def test_all_of_them() -> None:
    asked = connection_of(URL + "#rc=3&rp=5xx,rt&ct=1000&rt=2500&tt=12000", DEFAULTS)
    assert asked == Connection(Timeouts(1.0, 12.0, 2.5), 3, frozenset({"5xx", "rt"}))
    assert connection_of(URL + "#rp=all", DEFAULTS).again == POLICIES
    assert connection_of(URL + "#rp=4xx%2Cct", DEFAULTS).again == {"4xx", "ct"}


def test_numbers_stay_within_their_bounds() -> None:
    assert connection_of(URL + "#rc=99&ct=99999&rt=99999&tt=99999", DEFAULTS) == Connection(
        Timeouts(10.0, 15.0, 15.0), 5
    )
    assert connection_of(URL + "#rc=0&ct=1&rt=1&tt=1", DEFAULTS) == Connection(Timeouts(0.1, 0.1, 0.1), 0)


@pytest.mark.parametrize("policy", ["6xx", "ct,never", ",", "ct;rt"])
def test_a_policy_that_is_none(policy: str) -> None:
    with pytest.raises(InvalidUrl) as caught:
        connection_of(f"{URL}#rp={policy}", DEFAULTS)
    assert caught.value.code == 11243
