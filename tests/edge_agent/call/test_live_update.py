"""A new page reaches a live call whatever it is doing, at once, and what it was doing is left for good."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent.call.equipment import Waits
from telecore.errors import DeviceRefused
from telecore.notices import RouteWanted
from telecore.twiml.control import CollectSpec, DialSpec, DialTarget, RecordSpec
from telecore.twiml.page import Ended, Goto
from telecore.twiml.verbs.dial import Dial
from telecore.twiml.verbs.gather import Gather
from telecore.twiml.verbs.pause import Pause
from telecore.twiml.verbs.play import Play
from telecore.twiml.verbs.record import Record
from telecore.twiml.verbs.redirect import Redirect
from telecore.twiml.verbs.say import Say
from tests.edge_agent.call.test_dialing import Story
from tests.fakes.edge import FakeEdge
from tests.telecore.audio.test_activity import noise

OLD, NEW = "http://app.example/old", "http://app.example/new"
SOUND = noise(2000, 3000)


@pytest.fixture
async def edge(tmp_path):
    async with FakeEdge(tmp_path) as edge:
        yield edge


def verbs(edge):
    clip = edge.clip(SOUND)
    return {
        "say": Say("hello", clip=clip),
        "play": Play("http://x/a.wav", clip=clip, loop=0),
        "keys": Play(digits="1w2w3w4w5"),
        "pause": Pause(60),
        "gather": Gather(action=OLD, spec=CollectSpec(timeout_s=60.0), prompts=(Say("hello", clip=clip),)),
        "record": Record(OLD, spec=RecordSpec(timeout_s=60.0)),
        "record without a beep": Record(OLD, spec=RecordSpec(timeout_s=60.0, play_beep=False)),
        "dial that waits for its route": Dial(DialSpec((DialTarget("+85512000002"),)), OLD),
    }


NAMES = (
    "say",
    "play",
    "keys",
    "pause",
    "gather",
    "record",
    "record without a beep",
    "dial that waits for its route",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ticks", [0, 7])
async def test_within_each_verb(edge, name, ticks):
    call, voice = await edge.place()
    voice.ring()
    voice.pick_up()
    await edge.tick(1)
    await edge.run_page(call, verbs(edge)[name], Redirect(OLD))
    await edge.tick(ticks)
    sent = len(voice.far.sent)
    await edge.run_page(call, Redirect(NEW))
    await edge.until(edge.outcomes)
    assert edge.outcomes() == [Goto(NEW)]
    await edge.tick(3)
    assert b"".join(voice.far.sent[sent + 1 :]).strip(b"\0") == b""
    live = edge.calls._calls[call]
    assert live.leg._ears == () or all(type(ear).__name__ == "SoundCheck" for ear in live.leg._ears)


async def test_a_caller_who_still_hears_it_ring(edge):
    call, voice = await edge.ring()
    await edge.run_page(call, Pause(60), Say("hello", clip=edge.clip(SOUND)))
    assert not voice.answered
    await edge.run_page(call, Redirect(NEW))
    await edge.until(edge.outcomes)
    assert edge.outcomes() == [Goto(NEW)]
    assert not voice.answered


async def test_while_its_dial_rings_the_callee_is_let_go(edge):
    story = await Story(edge).begin()
    await story.route()
    await edge.run_page(story.call, Redirect(NEW))
    await edge.until(edge.outcomes)
    assert edge.outcomes() == [Goto(NEW)]
    await edge.until(story.line().ended.is_set)


async def test_while_its_dial_talks_the_callee_is_let_go(edge):
    story = await Story(edge).begin(record="record-from-answer")
    await story.route()
    await story.pick_up()
    await edge.tick(5)
    await edge.run_page(story.call, Redirect(NEW))
    await edge.until(edge.outcomes)
    assert edge.outcomes() == [Goto(NEW)]
    await edge.until(story.line().ended.is_set)
    assert len(edge.told(RouteWanted)) == 1


async def test_the_recording_that_was_interrupted_is_kept(edge):
    call, voice = await edge.place()
    voice.ring()
    voice.pick_up()
    await edge.tick(1)
    await edge.run_page(call, verbs(edge)["record without a beep"])
    voice.far.say(SOUND)
    await edge.tick(30)
    await edge.run_page(call, Redirect(NEW))
    await edge.until(lambda: edge.events("recording.made"))
    assert edge.outcomes() == [Goto(NEW)]


async def test_after_the_last_verb_while_its_sound_is_still_on_the_way(tmp_path):
    async with FakeEdge(tmp_path, Waits(last_sound=0.02)) as edge:
        call, voice = await edge.ring()
        await edge.run_page(call, Say("bye", clip=edge.clip(SOUND[:320])))
        await edge.until(lambda: edge.calls._calls[call].leg._playing)
        await edge.tick(2)
        assert edge.outcomes() == [Ended("finished")]
        await edge.run_page(call, Pause(60))
        await asyncio.sleep(0.1)
        assert not voice.ended.is_set()
        assert [live.page for live in edge.calls.live()] == [2]


async def test_after_a_page_that_could_not_answer(tmp_path):
    async with FakeEdge(tmp_path, Waits(last_words=0.02)) as edge:
        call, voice = await edge.ring()
        voice.answer_error = DeviceRefused("cme", 3)
        await edge.run_page(call, Say("hello", clip=edge.clip(SOUND)))
        await edge.run_page(call, Pause(60))
        await asyncio.sleep(0.1)
        assert [live.page for live in edge.calls.live()] == [2]


async def test_one_after_the_other_the_last_one_counts(edge):
    call, _ = await edge.ring()
    for _ in range(5):
        await edge.run_page(call, Pause(60))
    await asyncio.sleep(0)
    await edge.run_page(call, Redirect(NEW))
    await edge.until(edge.outcomes)
    assert edge.outcomes() == [Goto(NEW)]
