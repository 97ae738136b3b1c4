"""When somebody begins and stops to speak, frame by frame."""

from __future__ import annotations

import pytest

from edge_agent.media.speech_ear import SpeechEar
from telecore.audio.tone import tone
from telecore.twiml.control import SpeechSpec
from tests.fakes.line import SILENCE

VOICE = tone((300, 700), 20)


class Story:
    """``ear`` hears frames of 20 ms; ``events`` says after how many of them something happened."""

    def __init__(self, **spec):
        self.frames = 0
        self.events = []
        self.ear = SpeechEar(SpeechSpec(**spec), lambda: self.events.append(("begin", self.frames)), self.end)

    def end(self):
        self.events.append(("end", self.frames))

    def hear(self, frame, seconds):
        for _ in range(round(seconds * 50)):
            self.frames += 1
            if frame is not None:
                self.ear.hear(frame)
            self.ear.tick()


def spoken(**spec):
    story = Story(**spec)
    story.ear.prompting = False
    story.hear(SILENCE, 0.5)
    return story


def test_speech_is_seen_at_once_and_its_end_after_the_pause():
    story = spoken(end_s=2.0)
    story.hear(VOICE, 1.0)
    assert story.events[0][0] == "begin"
    assert story.events[0][1] - 25 <= 10  # 0.2 s
    story.hear(SILENCE, 1.9)
    assert len(story.events) == 1
    story.hear(SILENCE, 0.2)
    assert [name for name, _ in story.events] == ["begin", "end"]
    story.hear(SILENCE, 10)
    assert len(story.events) == 2


def test_a_pause_within_a_sentence_does_not_end_it():
    story = spoken()
    for _ in range(3):
        story.hear(VOICE, 0.5)
        story.hear(SILENCE, 0.8)
    assert [name for name, _ in story.events] == ["begin"]
    story.hear(SILENCE, 0.6)
    assert story.events[-1][0] == "end"


def test_a_line_that_pauses_is_silent():
    story = spoken(end_s=1.0)
    story.hear(VOICE, 0.5)
    story.hear(None, 1.1)
    assert story.events[-1][0] == "end"


def test_the_longest_speech():
    story = spoken(max_s=2.0)
    story.hear(VOICE, 5.0)
    assert [name for name, _ in story.events] == ["begin", "end"]
    assert story.events[1][1] - story.events[0][1] == pytest.approx(100, abs=1)


@pytest.mark.parametrize("prompting", [True, False])
def test_clicks_are_no_speech(prompting):
    story = Story()
    story.ear.prompting = prompting
    for _ in range(10):
        story.hear(VOICE, 0.08)
        story.hear(SILENCE, 0.5)
    assert story.events == []


def test_over_a_prompt_more_is_asked_for():
    story = Story()
    story.hear(VOICE, 0.24)
    assert story.events == []
    story.hear(VOICE, 0.2)
    assert [name for name, _ in story.events] == ["begin"]
