from datetime import UTC, datetime

import pytest

from edge_agent.call.sounds import Sounds
from edge_agent.health.checks.audio_echo import audio_echo
from edge_agent.health.checks.audio_oneway import audio_oneway
from edge_agent.health.conditions import Snapshot


def test_one_bad_call_is_no_bad_line():
    sounds = Sounds()
    sounds.told("a", "CA1", "not_heard")
    assert sounds.standing() == {}
    sounds.told("a", "CA2", "not_heard")
    assert sounds.standing() == {"a": "not_heard"}
    sounds.told("a", "CA3", "good")
    assert sounds.standing() == {}


def test_a_verdict_taken_back_does_not_count():
    sounds = Sounds()
    for call in ("CA1", "CA2", "CA3"):
        sounds.told("a", call, "not_heard")
        sounds.told("a", call, "good")
    assert sounds.standing() == {}


def test_the_same_call_twice_is_one_call():
    sounds = Sounds()
    sounds.told("a", "CA1", "echo")
    sounds.told("a", "CA1", "echo")
    assert sounds.standing() == {}


@pytest.mark.parametrize("verdict", ["not_heard", "not_sent", "silent"])
def test_one_way(verdict):
    snapshot = Snapshot(datetime.now(UTC), sounds={"a": verdict})
    assert [(found.code, found.subject) for found in audio_oneway(snapshot)] == [("audio_oneway", "a")]
    assert list(audio_echo(snapshot)) == []


def test_echo():
    snapshot = Snapshot(datetime.now(UTC), sounds={"a": "echo"})
    assert [(found.code, found.subject) for found in audio_echo(snapshot)] == [("audio_echo", "a")]
    assert list(audio_oneway(snapshot)) == []
