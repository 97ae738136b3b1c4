"""Who answered, on sounds made here; benchmarks/machine_detection.py measures it on hundreds of voices."""

import random

import pytest

from telecore.audio.answering import CED_HZ, STATES, AnsweringDetector, Heard, State
from telecore.audio.mixing import mix
from telecore.audio.tone import silence, tone
from telecore.model import ANSWERED_BY, MachineSpec
from tests.telecore.audio.test_activity import noise

PERSON = silence(400) + (tone((220, 440, 660), 180, -20) + silence(60)) * 3
MACHINE = silence(400) + (tone((220, 440, 660), 180, -20) + silence(90)) * 14
BEEP = tone((1000,), 300, -15)
END = MachineSpec(to_end=True)


ENABLE = MachineSpec()


def told(sound: bytes, spec: MachineSpec = ENABLE) -> tuple[str, int]:
    detector = AnsweringDetector(spec)
    for at in range(0, len(sound) - 319, 320):
        if detector.feed(sound[at : at + 320]):
            break
    return detector.verdict, detector.ms


@pytest.mark.parametrize(
    ("sound", "at_once", "at_the_end"),
    [
        (PERSON + silence(2000), "human", "human"),
        (MACHINE + silence(4000), "machine_start", "machine_end_silence"),
        (MACHINE + silence(900) + BEEP + silence(500), "machine_start", "machine_end_beep"),
        (PERSON + silence(400) + BEEP + silence(500), "machine_start", "machine_end_beep"),
        (silence(700) + BEEP + silence(500), "machine_start", "machine_end_beep"),
        (silence(700) + tone((2100,), 2600, -18), "fax", "fax"),
        (silence(700) + tone((1100,), 500, -18) + silence(200), "fax", "fax"),
        (silence(6000), "unknown", "unknown"),
        (noise(6000, 150), "unknown", "unknown"),
        (silence(500) + tone((425,), 500, -18) + silence(6000), "unknown", "unknown"),
    ],
)
@pytest.mark.parametrize("spread", [0, 60])
def test_who_answered(sound, at_once, at_the_end, spread):
    heard = mix((sound, noise(len(sound) // 16, spread))) if spread else sound
    assert told(heard)[0] == at_once
    assert told(heard, END)[0] == at_the_end


def test_a_person_is_known_when_he_has_been_silent_for_the_end_threshold():
    verdict, ms = told(PERSON + silence(4000), MachineSpec(speech_end_ms=2000))
    assert verdict == "human"
    assert ms == pytest.approx(400 + 3 * 240 - 60 + 2000, abs=80)


def test_the_length_of_speech_is_the_measure():
    assert told(MACHINE + silence(4000), MachineSpec(speech_threshold_ms=6000))[0] == "human"
    assert told(PERSON + silence(4000), MachineSpec(speech_threshold_ms=600))[0] == "machine_start"


def test_times_are_kept():
    assert told(silence(11000), MachineSpec(silence_timeout_ms=3000)) == ("unknown", 3000)
    assert told(silence(11000), MachineSpec(silence_timeout_ms=10000, timeout_ms=4000)) == ("unknown", 4000)
    talking = MACHINE * 5
    assert told(talking, MachineSpec(to_end=True, timeout_ms=9000)) == ("machine_end_other", 9000)


def test_a_beep_within_the_greeting_of_a_machine_that_waits_long_is_still_heard():
    assert told(MACHINE + silence(2300) + BEEP + silence(500), END)[0] == "machine_end_beep"


def test_the_table_knows_every_state_and_word():
    assert {state for row in STATES.values() for state in row.values()} | {State.WAITING} == set(State)
    assert {heard for row in STATES.values() for heard in row} == set(Heard)
    assert {state.value for state in State} - {"waiting", "speaking"} == ANSWERED_BY
    assert CED_HZ[0] < 2100 < CED_HZ[1]


def test_any_sound_leads_to_a_verdict_in_time():
    chance = random.Random(7)
    for _ in range(20):
        parts = (silence, lambda ms: noise(ms, 900), lambda ms: tone((chance.randrange(300, 2500),), ms))
        sound = b"".join(chance.choice(parts)(chance.randrange(20, 900)) for _ in range(30))[: 16 * 5000]
        spec = MachineSpec(to_end=chance.random() < 0.5, timeout_ms=4000)
        verdict, ms = told(sound.ljust(16 * 5000, b"\0"), spec)
        assert verdict in ANSWERED_BY
        assert ms <= 4000


def test_odd_frames_do_no_harm():
    detector = AnsweringDetector(MachineSpec(timeout_ms=3000))
    for frame in (b"", b"\0", b"\1\2\3", bytes(320), bytes(640)) * 40:
        detector.feed(frame[: len(frame) // 2 * 2])
    assert detector.verdict == "unknown"
