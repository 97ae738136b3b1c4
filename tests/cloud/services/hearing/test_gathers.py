"""<Gather input="speech"> in the cloud, on a whole desk whose edge is in our hands."""

from __future__ import annotations

import asyncio

import pytest

from cloud.services.hearing.recogniser import Heard
from cloud.services.hearing.recognisers import Recognisers
from cloud.store import notifications
from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16
from telecore.audio.tone import tone
from telecore.commands import CloseFeed, OpenFeed, SpeechHeard
from telecore.ids import CallSid, FeedId, new_id, new_sid
from telecore.notices import Do, FeedClosed, FeedOpened, SpeechAsked, SpeechOver
from telecore.twiml.control import SpeechSpec
from tests.cloud.services.desk_site import DeskSite
from tests.cloud.services.site import EDGE
from tests.fakes.recogniser import Scripted

FRAME = l16_to_ulaw(tone((400,), 20))
STREAM = 7


@pytest.fixture
def recogniser():
    return Scripted()


@pytest.fixture
async def desk(db, account, files, client, recogniser):
    site = DeskSite(db, account, files, client, recognisers=Recognisers({"en": recogniser}))
    await site.open()
    yield site
    await site.close()


@pytest.fixture
async def call(desk):
    call = await desk.offer()
    await desk.page(call, 1)
    return call


class Party:
    """An edge's half of one <Gather>."""

    def __init__(self, desk, call, **spec):
        self.desk, self.call = desk, call
        self.feed = FeedId(new_id())
        self.spec = SpeechSpec(**spec)

    def ask(self, spoken=False):
        self.desk.desk.on_notice(EDGE, SpeechAsked(self.call, self.feed, self.spec, spoken))

    async def open(self):
        self.ask()
        await self.desk.line.wait_for(lambda n: isinstance(n, Do) and self.mine(n.command, OpenFeed))
        self.desk.desk.on_notice(EDGE, FeedOpened(self.call, self.feed, inbound=STREAM))
        return self

    def say(self, frames=1):
        for number in range(frames):
            self.desk.line.media[STREAM](number & 255, FRAME)

    def over(self, wanted=True):
        self.desk.desk.on_notice(EDGE, SpeechOver(self.call, self.feed, wanted))

    def mine(self, command, kind):
        return isinstance(command, kind) and command.feed == self.feed

    async def told(self, kind):
        return (await self.desk.line.wait_for(lambda n: isinstance(n, Do) and self.mine(n.command, kind))).command


async def until(happened):
    async with asyncio.timeout(3):
        while not happened():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def codes(desk, call):
    found = await desk.db.read(lambda conn: notifications.list_(conn, desk.account.sid, about=call))
    return [note.code for note in found]


async def test_what_is_said_is_heard_with_the_second_before_it(desk, call, recogniser):
    party = await Party(desk, call, hints=("sales",)).open()
    party.say(70)
    party.ask(spoken=True)
    await until(lambda: recogniser.heard)
    party.say(10)
    party.over()
    assert await party.told(SpeechHeard) == SpeechHeard(
        id=(await party.told(SpeechHeard)).id, call=call, feed=party.feed, text="two tickets", confidence=0.75
    )
    (hearing,) = recogniser.heard
    assert hearing.samples == ulaw_to_l16(FRAME) * 60
    assert (hearing.want.language, hearing.want.hints) == ("en-US", ("sales",))
    await party.told(CloseFeed)
    assert hearing.closed == 1


async def test_silence_asks_no_recogniser(desk, call, recogniser):
    party = await Party(desk, call).open()
    party.say(100)
    party.over(wanted=False)
    await party.told(CloseFeed)
    assert recogniser.heard == []


async def test_words_that_nobody_waits_for_are_not_told(desk, call, recogniser):
    party = await Party(desk, call).open()
    party.ask(spoken=True)
    await until(lambda: recogniser.heard)
    party.over(wanted=False)
    await party.told(CloseFeed)
    assert not [n for n in desk.line.sent if isinstance(n, Do) and isinstance(n.command, SpeechHeard)]
    assert recogniser.heard[0].closed == 1


async def test_partial_results_in_order(desk, call, recogniser, app):
    app.answer("/partial", "")
    party = await Party(desk, call, partial_callback=app.url("/partial")).open()
    party.ask(spoken=True)
    await until(lambda: recogniser.heard)
    recogniser.heard[0].partial("", "two")
    (first,) = await app.wait_for("/partial", 1)
    recogniser.heard[0].partial("two", "tickets")
    _, second = await app.wait_for("/partial", 2)
    party.over()
    await party.told(SpeechHeard)
    said = [
        (r.params["SequenceNumber"], r.params["StableSpeechResult"], r.params["UnstableSpeechResult"])
        for r in (first, second)
    ]
    assert said == [("0", "", "two"), ("1", "two", "tickets")]
    assert first.params["CallSid"] == call


async def test_a_failing_application_is_told_once(desk, call, recogniser, app):
    party = await Party(desk, call, partial_callback=app.url("/nowhere")).open()
    party.ask(spoken=True)
    await until(lambda: recogniser.heard)
    for word in ("one", "two"):
        recogniser.heard[0].partial("", word)
        await asyncio.sleep(0.1)
    party.over()
    assert (await party.told(SpeechHeard)).text == "two tickets"
    assert (await codes(desk, call)).count(11200) == 1


async def test_an_engine_that_fails_is_told_and_the_result_is_empty(desk, call, recogniser):
    recogniser.fails = True
    party = await Party(desk, call).open()
    party.ask(spoken=True)
    party.over()
    assert (await party.told(SpeechHeard)).text == ""
    assert 13335 in await codes(desk, call)


async def test_nothing_understood(desk, call, recogniser):
    recogniser.hears = Heard()
    party = await Party(desk, call).open()
    party.ask(spoken=True)
    party.over()
    assert (await party.told(SpeechHeard)).text == ""
    assert 13335 not in await codes(desk, call)


async def test_a_call_that_ends_takes_its_hearing_with_it(desk, call, recogniser):
    party = await Party(desk, call).open()
    party.ask(spoken=True)
    await until(lambda: recogniser.heard)
    desk.desk.on_notice(EDGE, FeedClosed(call, party.feed, "the call is over"))
    await until(lambda: recogniser.heard[0].closed)


async def test_after_a_restart_the_edge_asks_again_and_what_was_said_before_is_lost(desk, call, recogniser):
    party = await Party(desk, call).open()
    await desk.restart()
    party.over()
    assert (await party.told(SpeechHeard)).text == ""
    again = await Party(desk, call).open()
    again.ask(spoken=True)
    again.over()
    assert (await again.told(SpeechHeard)).text == "two tickets"


async def test_an_answer_that_was_lost_is_told_again(desk, call, recogniser):
    party = await Party(desk, call).open()
    party.ask(spoken=True)
    await until(lambda: recogniser.heard)
    desk.line.up = False
    party.over()
    await until(lambda: recogniser.heard[0].closed)
    desk.line.up = True
    party.ask(spoken=True)
    party.over()
    assert (await party.told(SpeechHeard)).text == "two tickets"
    assert len(recogniser.heard) == 1


async def test_a_call_of_another_edge_is_not_heard(desk, recogniser):
    party = Party(desk, CallSid(new_sid("CA")))
    party.ask(spoken=True)
    await party.told(CloseFeed)
    assert recogniser.heard == []
