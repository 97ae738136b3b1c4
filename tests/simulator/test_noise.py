"""Nonsense on the line: the modem answers or ignores it, and lives on."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.modem.profile import HUAWEI, SIM7600, Profile
from tests.simulator.fake import Desk

desks = {profile.name: Desk(2, profile) for profile in (SIM7600, HUAWEI)}
arguments = st.lists(
    st.one_of(
        st.sampled_from(
            ["", "0", "1", "2", "9", "145", '"SM"', '"SR"', '"SC"', '"0000"', '"*123#"', '"x,y"', "{5,1}", "-1", "²"]
        ),
        st.integers(0, 70_000).map(str),
        st.text(st.characters(max_codepoint=255), max_size=8),
    ),
    max_size=6,
).map(",".join)


@pytest.mark.parametrize("profile", [SIM7600, HUAWEI], ids=lambda profile: profile.name)
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_command_with_any_parameters(profile: Profile, data: st.DataObject) -> None:
    desk = desks[profile.name]
    name = data.draw(st.sampled_from([*desk.modems[0]._handlers, "+NONSENSE", "D0123;", "D*100#;"]))
    how = data.draw(st.sampled_from(["", "=", "?", "=?"]))
    desk.type(f"AT{name}{how}{data.draw(arguments) if how == '=' else ''}\r")
    desk.type(
        data.draw(st.sampled_from(["", "\x1a", "0011\x1a", "zz\x1a", "0001000B915815020010F0000005E8329BFD06\x1a"]))
    )
    desk.timers.advance(data.draw(st.sampled_from([0.0, 1.0, 20.0])))


@pytest.mark.parametrize("profile", [SIM7600, HUAWEI], ids=lambda profile: profile.name)
def test_every_command_with_the_parameters_that_hurt(profile: Profile) -> None:
    values = ("", "0", "1", "2", "9", "99999", '"SC"', '"x"', "²", "{,}", '"', "-1")
    desk = desks[profile.name]
    for name in list(desk.modems[0]._handlers):
        for first, second in itertools.product(values, repeat=2):
            desk.type(f"AT{name}={first},{second},{first}\r")
            desk.type("00\x1a")
        for how in ("", "?", "=?", "=", "=9"):
            desk.type(f"AT{name}{how}\r")
            desk.type("\x1b")
        desk.timers.advance(20)


@given(st.lists(st.binary(max_size=40), max_size=10))
@settings(max_examples=300, deadline=None)
def test_any_bytes(pieces: list[bytes]) -> None:
    desk = desks[SIM7600.name]
    for piece in pieces:
        desk.type(piece)
    desk.timers.advance(30)


@pytest.mark.parametrize("profile", [SIM7600, HUAWEI], ids=lambda profile: profile.name)
def test_after_all_that_it_still_answers(profile: Profile) -> None:
    desk = desks[profile.name]
    desk.timers.advance(100)
    desk.type("\x1b\r")
    desk.timers.advance(30)
    desk.at("ATZ")
    desk.at("ATE0V1Q0")
    assert desk.at("AT").endswith("\r\nOK\r\n")
