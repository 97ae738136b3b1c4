import pytest

from edge_agent.media.sound_check import CHECK_FRAMES, SoundCheck, Verdict
from telecore.audio.mixing import gain
from tests.telecore.audio.test_echo import speech

SPEECH = speech(1, 4000)
OTHER = speech(2, 4000)
DEAD = bytes(320)
STUCK = b"\x34\x12" * 160
HISS = (b"\1\0\0\0") * 80


class Line:
    def __init__(self, takes=1.0):
        self.takes = takes
        self.taken = 0

    def take(self, n):
        self.taken = int(n * self.takes)


def frame(sound, n):
    return sound[n * 320 : n * 320 + 320]


def run(heard, sent=DEAD, line=None, frames=CHECK_FRAMES):
    told = []
    check = SoundCheck(line if line is not None else object(), told.append)
    for n in range(frames):
        if (said := heard(n)) is not None:
            check.hear(said)
        if line is not None:
            line.take(n + 1)
        check.sent(sent if len(sent) == 320 else frame(sent, n))
    return told, check


def test_a_conversation_is_good():
    told, check = run(lambda n: frame(OTHER, n), SPEECH, Line())
    assert [sound.verdict for sound in told] == [Verdict.GOOD]
    assert check.done
    assert -40 < told[0].heard < -10
    assert -40 < told[0].sent < -10


def test_a_person_who_listens_is_good():
    told, _ = run(lambda n: HISS, SPEECH, Line())
    assert told[0].verdict is Verdict.GOOD
    assert told[0].heard < -75


@pytest.mark.parametrize("heard", [lambda n: DEAD, lambda n: STUCK, lambda n: None, lambda n: HISS if n < 3 else DEAD])
def test_a_dead_way(heard):
    told, check = run(heard, SPEECH, Line())
    assert told[0].verdict is Verdict.NOT_HEARD
    assert not check.done


def test_a_line_that_takes_nothing():
    told, _ = run(lambda n: frame(OTHER, n), SPEECH, Line(0.2))
    assert told[0].verdict is Verdict.NOT_SENT


def test_no_sound_at_all():
    told, _ = run(lambda n: None, SPEECH, Line(0))
    assert told[0].verdict is Verdict.SILENT


def test_a_line_that_does_not_count_is_believed_to_take():
    told, _ = run(lambda n: HISS, SPEECH)
    assert told[0].verdict is Verdict.GOOD


def test_echo():
    told, _ = run(lambda n: gain(frame(SPEECH, n - 10), 0.25) if n >= 10 else HISS, SPEECH, Line())
    assert told[0].verdict is Verdict.ECHO
    assert told[0].echo_ms == 200
    assert told[0].echo_db == pytest.approx(12, abs=1)


def test_sound_that_comes_late_takes_the_verdict_back():
    told, check = run(lambda n: DEAD if n < 200 else frame(OTHER, n - 200), SPEECH[:320], Line(), frames=260)
    assert [sound.verdict for sound in told] == [Verdict.NOT_HEARD, Verdict.GOOD]
    assert told[1].heard > -60
    assert check.done


def test_a_short_call_is_not_judged():
    told, _ = run(lambda n: DEAD, SPEECH, Line(), frames=100)
    assert told == []
