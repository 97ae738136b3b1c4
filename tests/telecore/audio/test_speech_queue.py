"""Sound goes out at real-time pace, in order, whatever pieces it came in; marks come back when it was heard."""

import random

from telecore.audio.speech_queue import LEAD, SpeechQueue


def queue(most=1_000_000, marks=100):
    return SpeechQueue(most, marks)


def run(speech, ticks):
    """What goes out and comes back in each tick."""
    out = []
    for _ in range(ticks):
        speech.tick()
        out.append((speech.take(), speech.heard()))
    return out


def test_a_minute_at_once_leaves_one_frame_a_tick_after_a_small_lead():
    speech, sound = queue(), bytes(range(250)) * 1920
    assert speech.add(sound)
    first = speech.take()
    assert len(first) == LEAD
    assert speech.take() == []
    told = run(speech, 3000)
    assert {len(frames) for frames, _ in told[: 3000 - LEAD]} == {1}
    assert b"".join(first) + b"".join(frame for frames, _ in told for frame in frames) == sound


def test_pieces_of_any_size_are_one_sound():
    speech, chance = queue(), random.Random(1)
    sound = chance.randbytes(160 * 50)
    out, at = [], 0
    while at < len(sound):
        size = chance.randrange(1, 500)
        speech.add(sound[at : at + size])
        at += size
        out += speech.take()
    for frames, _ in run(speech, 60):
        out += frames
    assert b"".join(out) == sound


def test_a_rest_of_less_than_a_frame_waits_a_tick_and_is_filled_up():
    speech = queue()
    speech.add(b"\x01" * 100)
    assert [frames for frames, _ in run(speech, 3)] == [[], [b"\x01" * 100 + b"\xff" * 60], []]
    speech.add(b"\x02" * 100)
    assert run(speech, 1) == [([], [])]
    speech.add(b"\x02" * 60)
    assert speech.take() == [b"\x02" * 160]


def test_a_mark_comes_back_when_all_before_it_was_heard():
    speech = queue()
    speech.add(b"\x01" * 800)
    speech.mark("one")
    speech.add(b"\x01" * 320)
    speech.mark("two")
    speech.take()
    told = run(speech, 8)
    assert [names for _, names in told] == [[], [], [], [], ["one"], [], ["two"], []]


def test_a_mark_with_nothing_before_it_comes_back_at_once_and_one_in_what_was_just_sent_with_it():
    speech = queue()
    speech.mark("now")
    assert speech.heard() == ["now"]
    speech.add(b"\x01" * 160)
    speech.take()
    speech.mark("soon")
    assert speech.heard() == []
    assert run(speech, 1)[0][1] == ["soon"]


def test_clear_empties_it_and_gives_back_all_marks():
    speech = queue()
    speech.add(b"\x01" * 160 * 50)
    speech.mark("sent already")
    speech.take()
    speech.add(b"\x01" * 160)
    speech.mark("far off")
    assert speech.clear() == ["sent already", "far off"]
    assert run(speech, 3) == [([], [])] * 3
    speech.add(b"\x02" * 160)
    assert speech.take() == [b"\x02" * 160]


def test_too_much_is_lost_and_told():
    speech = queue(most=480, marks=2)
    assert speech.add(b"\x01" * 480)
    assert not speech.add(b"\x02" * 160)
    assert speech.mark("a")
    assert speech.mark("b")
    assert not speech.mark("c")
    assert b"".join(speech.take()) == b"\x01" * 480
    assert [names for _, names in run(speech, 3)] == [[], [], ["a", "b"]]
