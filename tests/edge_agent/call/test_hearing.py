"""<Gather input="speech"> at an edge: what the cloud is told, and what becomes of its answer."""

from __future__ import annotations

import pytest

from edge_agent.call.equipment import Waits
from telecore.audio.tone import dtmf_tone, tone
from telecore.commands import OpenFeed, SpeechHeard
from telecore.model import Track
from telecore.notices import FeedClosed, PageFaulted, SpeechAsked, SpeechOver
from telecore.twiml.control import CollectSpec, SpeechSpec
from telecore.twiml.page import Ended, Goto
from telecore.twiml.verbs.gather import Gather
from telecore.twiml.verbs.hangup import Hangup
from telecore.twiml.verbs.say import Say
from tests.fakes.edge import FakeEdge
from tests.fakes.line import settle

ACTION = "http://app.example/action"
VOICE = tone((300, 700), 600)
WORDS = SpeechSpec(hints=("sales",), end_s=1.0)


@pytest.fixture
async def edge(tmp_path):
    async with FakeEdge(tmp_path, Waits(last_sound=0.01, words=0.2)) as edge:
        yield edge


@pytest.fixture
async def call(edge):
    call, edge.voice = await edge.place()
    edge.voice.pick_up()
    await settle()
    return call


def gather(spec=None, prompts=(), **more):
    return Gather(ACTION, spec=spec or CollectSpec(speech=WORDS, keys=False), prompts=prompts, **more)


async def speak(edge, pause=60):
    edge.voice.far.say(VOICE)
    await edge.tick(30 + pause)
    await settle()


async def heard(edge, call, text="two tickets", confidence=0.75):
    await edge.until(lambda: edge.told(SpeechOver))
    feed = edge.told(SpeechAsked)[-1].feed
    edge.calls.speech_heard(SpeechHeard(call=call, feed=feed, text=text, confidence=confidence))
    await edge.until(edge.outcomes)


async def test_words_go_to_the_action(edge, call):
    await edge.run_page(call, gather())
    (asked,) = edge.told(SpeechAsked)
    assert (asked.call, asked.spec, asked.spoken) == (call, WORDS, False)
    await speak(edge)
    assert [notice.spoken for notice in edge.told(SpeechAsked)] == [False, True]
    assert edge.told(SpeechOver) == [SpeechOver(call, asked.feed, wanted=True)]
    assert edge.outcomes() == []
    await heard(edge, call)
    assert edge.outcomes() == [Goto(ACTION, "POST", {"SpeechResult": "two tickets", "Confidence": "0.75"})]


async def test_nobody_speaks(edge, call):
    await edge.run_page(call, gather(CollectSpec(timeout_s=1.0, speech=WORDS)), Hangup())
    await edge.tick(50)
    await edge.until(edge.outcomes)
    assert edge.outcomes() == [Ended("hangup")]
    assert [over.wanted for over in edge.told(SpeechOver)] == [False]


async def test_nothing_understood_is_the_next_verb_or_an_empty_result(edge, call):
    await edge.run_page(call, gather(action_on_empty_result=True))
    await speak(edge)
    await heard(edge, call, "", 0.0)
    assert edge.outcomes() == [Goto(ACTION, "POST", {"SpeechResult": "", "Confidence": "0"})]


async def test_no_answer_in_time_is_told_and_empty(edge, call):
    await edge.run_page(call, gather(), Hangup())
    await speak(edge)
    await edge.until(edge.outcomes)
    assert [fault.code for fault in edge.told(PageFaulted)] == [13335]
    assert edge.outcomes() == [Ended("hangup")]


async def test_speech_stops_the_prompt(edge, call):
    await edge.run_page(call, gather(prompts=(Say("x", clip=edge.clip(tone((440,), 8000))),)))
    await edge.until(lambda: edge.calls._calls[call].leg._playing)
    await speak(edge, pause=0)
    assert edge.calls._calls[call].leg._playing is None
    await edge.tick(60)
    await heard(edge, call)


async def test_with_barge_in_off_the_prompt_is_heard_to_its_end(edge, call):
    spec = CollectSpec(speech=WORDS, barge_in=False)
    await edge.run_page(call, gather(spec, prompts=(Say("x", clip=edge.clip(tone((440,), 8000))),)))
    await edge.until(lambda: edge.calls._calls[call].leg._playing)
    await speak(edge, pause=0)
    assert edge.calls._calls[call].leg._playing is not None


async def test_a_key_wins_over_words(edge, call):
    await edge.run_page(call, gather(CollectSpec(num_digits=2, speech=WORDS)))
    edge.voice.far.say(VOICE)
    await edge.tick(30)
    edge.voice.far.say(dtmf_tone("4"))
    await edge.tick(70)
    assert edge.outcomes() == []
    edge.voice.far.say(dtmf_tone("2"))
    await edge.tick(20)
    await edge.until(edge.outcomes)
    assert edge.outcomes() == [Goto(ACTION, "POST", {"Digits": "42"})]
    assert [over.wanted for over in edge.told(SpeechOver)] == [False]


async def test_keys_count_for_nothing_where_only_words_are_waited_for(edge, call):
    await edge.run_page(call, gather(CollectSpec(keys=False, timeout_s=2.0, speech=WORDS)), Hangup())
    edge.voice.far.say(dtmf_tone("4"))
    await edge.tick(140)
    assert "Digits" not in str(edge.outcomes())


async def test_the_cloud_is_asked_again_after_a_cut(edge, call):
    await edge.run_page(call, gather())
    assert [notice for notice in edge.calls.repeat() if isinstance(notice, SpeechAsked)] == edge.told(SpeechAsked)
    await speak(edge)
    await heard(edge, call)
    assert not [notice for notice in edge.calls.repeat() if isinstance(notice, SpeechAsked)]


async def test_and_told_again_that_it_is_over(edge, call):
    await edge.run_page(call, gather())
    await speak(edge)
    await edge.until(lambda: edge.told(SpeechOver))
    again = [notice for notice in edge.calls.repeat() if isinstance(notice, SpeechAsked | SpeechOver)]
    assert again == [edge.told(SpeechAsked)[-1], *edge.told(SpeechOver)]
    await heard(edge, call)


async def test_the_feed_is_closed_with_it(edge, call):
    await edge.run_page(call, gather(CollectSpec(timeout_s=1.0, speech=WORDS)), Hangup())
    edge.calls.open_feed(OpenFeed(call=call, feed=edge.told(SpeechAsked)[0].feed, tracks=(Track.INBOUND,)))
    await edge.tick(55)
    await edge.until(edge.outcomes)
    assert [closed.because for closed in edge.told(FeedClosed)] == ["nobody is listened to any more"]


async def test_another_page_lets_go_of_it(edge, call):
    await edge.run_page(call, gather())
    await edge.run_page(call, Hangup())
    await settle()
    assert [over.wanted for over in edge.told(SpeechOver)] == [False]


async def test_an_answer_to_another_gather_is_dropped(edge, call):
    await edge.run_page(call, gather(), Hangup())
    await speak(edge)
    edge.calls.speech_heard(SpeechHeard(call=call, feed="another", text="no", confidence=1.0))
    await edge.until(edge.outcomes)
    assert edge.outcomes() == [Ended("hangup")]
