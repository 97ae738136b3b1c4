"""What FreeSWITCH tells, as our values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.contracts import RadioStatus, VoiceEventKind
from edge_agent.drivers.freeswitch.event_text import EslMessage
from edge_agent.drivers.freeswitch.replies import (
    Gateway,
    LegNews,
    gateway_changed,
    gateway_told,
    job_error,
    leg_news,
    radio_of,
    read_gateway,
    read_version,
)
from telecore.model import ChannelState
from tests.fakes.freeswitch import GATEWAY


def test_status_of_a_gateway() -> None:
    text = GATEWAY.format(state="REGED", status="UP (ping)")
    assert read_gateway(text) == Gateway("trunk1", "REGED", up=True, profile="trunks")
    assert read_gateway("Invalid Gateway!\n") is None
    assert read_gateway("-ERR sofia Command not found!\n") is None


@pytest.mark.parametrize(
    ("state", "up", "reason"),
    [
        ("REGED", True, None),
        ("NOREG", True, None),
        ("TRYING", True, None),
        ("UNREGED", True, None),
        ("REGISTER", True, None),
        ("NOREG", False, "does not answer OPTIONS"),
        ("TRYING", False, "registering"),
        ("FAIL_WAIT", False, "registration refused"),
        ("FAILED", True, "registration refused"),
        ("DOWN", False, "switched off"),
        ("SOMETHING", True, "state SOMETHING"),
    ],
)
def test_how_a_channel_stands(state: str, up: bool, reason: str | None) -> None:
    status = radio_of(Gateway("trunk1", state, up))
    if reason is None:
        assert status == RadioStatus(ChannelState.REGISTERED)
    else:
        assert status == RadioStatus(ChannelState.FAULTY, reason=reason)


def test_a_gateway_that_is_not_there() -> None:
    assert radio_of(None).state is ChannelState.FAULTY


def test_an_event_tells_why() -> None:
    told = gateway_told(
        EslMessage(
            {
                "Event-Name": "CUSTOM",
                "Event-Subclass": "sofia::gateway_state",
                "Gateway": "trunk1",
                "State": "FAILED",
                "Ping-Status": "DOWN",
                "Phrase": "Forbidden",
                "Status": "403",
            }
        )
    )
    assert told == Gateway("trunk1", "FAILED", up=False, code=403, phrase="Forbidden")
    assert radio_of(told).reason == "registration refused: 403 Forbidden"


def test_gateways_that_come_and_go() -> None:
    custom = {"Event-Name": "CUSTOM", "Event-Subclass": "sofia::gateway_delete", "Gateway": "trunk1"}
    assert gateway_changed(EslMessage(custom)) == "trunk1"
    assert gateway_changed(EslMessage({**custom, "Event-Subclass": "sofia::register"})) == ""
    assert gateway_told(EslMessage(custom)) is None


def test_news_of_a_leg() -> None:
    ended = {"Event-Name": "CHANNEL_HANGUP_COMPLETE", "Unique-ID": "b", "Hangup-Cause": "USER_BUSY"}
    assert leg_news(EslMessage(ended)) == LegNews("b", VoiceEventKind.ENDED, 17)
    ended |= {"Hangup-Cause": "NORMAL_CLEARING", "variable_originate_failed_cause": "INVALID_GATEWAY"}
    assert leg_news(EslMessage(ended)) == LegNews("b", VoiceEventKind.ENDED, 3)
    for name in ("CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA"):
        assert leg_news(EslMessage({"Event-Name": name, "Unique-ID": "b"})) == LegNews("b", VoiceEventKind.RINGING)
    assert leg_news(EslMessage({"Event-Name": "HEARTBEAT"})) is None


def test_jobs_and_versions() -> None:
    assert job_error("+OK 123\n") is None
    assert job_error("-ERR USER_BUSY\n") == "USER_BUSY"
    assert job_error("-USAGE: <call url>") == "USAGE: <call url>"
    assert read_version("1.10.12\n") == "1.10.12"
    assert read_version("-ERR version Command not found!\n") == ""


@given(
    st.dictionaries(st.sampled_from(["Event-Name", "Event-Subclass", "Gateway", "Status", "State"]), st.text()),
    st.text(),
)
def test_anything_is_understood_or_ignored(headers: dict[str, str], text: str) -> None:
    event = EslMessage(headers)
    gateway_told(event), gateway_changed(event), leg_news(event), job_error(text), read_version(text)
    radio_of(read_gateway(text))
