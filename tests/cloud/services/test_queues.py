"""Queues over a whole desk: waiting in order, taken out, brought together, let go, whatever ends first."""

from __future__ import annotations

import asyncio

import pytest

from cloud.services.queue_desk import QueueDesk
from cloud.store import accounts, numbers, queues
from cloud.store.records import CallRecord, Hook
from cloud.tunnel import queue_steps
from cloud.tunnel.heard import utc_now
from telecore.commands import LeaveStay, PlaceStay, RunPage, RunWait
from telecore.errors import InvalidRequest, NotFound
from telecore.events import CallAnswered, CallEnded, CallOffered, StayEnded
from telecore.ids import CallSid, StayId, new_id, new_sid
from telecore.notices import Do, StayWanted, WaitEnded
from telecore.stays import DequeueSpec, EnqueueSpec
from telecore.twiml.page import Ended, Goto
from tests.cloud.services.site import CHANNELS, EDGE, HANDSET, NUMBERS
from tests.fakes.customer_app import twiml


class Line:
    """What a test does to the queues of a desk."""

    def __init__(self, desk, app):
        self.desk, self.app, self.stays = desk, app, {}

    async def call(self, spec):
        call = await self.desk.offer()
        await self.desk.tell(CallAnswered(call=call))
        self.want(call, spec)
        return call

    async def wait(self, name="q", **spec):
        return await self.call(EnqueueSpec(name, **spec))

    async def take(self, name="q", **spec):
        return await self.call(DequeueSpec(name, **spec))

    def want(self, call, spec):
        stay = self.stays.setdefault(call, StayId(new_id()))
        self.desk.desk.on_notice(EDGE, StayWanted(call, stay, spec))

    def commands(self, kind, call):
        sent = [notice.command for notice in self.desk.line.sent if isinstance(notice, Do)]
        return [command for command in sent if isinstance(command, kind) and command.call == call]

    async def placed(self, call, **wanted):
        def place():
            found = self.commands(PlaceStay, call)
            newest = max(found, key=lambda command: command.version).place if found else None
            fits = newest is not None and all(getattr(newest, name) == value for name, value in wanted.items())
            return newest if fits else None

        return await until(place)

    async def told(self, kind, call, count=1):
        return (await until(lambda: len(found := self.commands(kind, call)) >= count and found))[-1]

    async def go(self, call, because="hangup", live_s=None):
        await self.desk.tell(StayEnded(call=call, stay=self.stays[call], because=because, waited_s=4, live_s=live_s))

    async def queue(self, name="q"):
        account = self.desk.account.sid
        return await until(lambda: self.desk.db.read(lambda conn: queues.by_name(conn, account, name)))

    async def waiting(self, name="q"):
        sid = (await self.queue(name)).sid
        return [one.call for one in await self.desk.db.read(lambda conn: queues.waiting(conn, sid))]


async def until(ask):
    async with asyncio.timeout(3):
        while True:
            answer = ask()
            answer = await answer if asyncio.iscoroutine(answer) else answer
            if answer:
                return answer
            await asyncio.sleep(0.01)


@pytest.fixture
def line(desk, app):
    return Line(desk, app)


async def test_the_first_who_came_is_the_first_who_is_taken(line):
    one, two = await line.wait(), await line.wait()
    assert (await line.told(RunWait, one)).music
    await until(lambda: line.commands(RunWait, two))
    assert await line.waiting() == [one, two]
    taker = await line.take()
    room = (await line.placed(one, peer=taker, ends_room=True)).room
    assert (await line.placed(taker, room=room)).peer == one
    assert await line.waiting() == [two]
    await line.go(taker, live_s=3)
    assert (await line.told(LeaveStay, one)).because == "ended"
    assert not line.commands(LeaveStay, two)


async def test_the_member_ends_it(line):
    one, taker = await line.wait(), await line.take()
    await line.placed(taker, ends_room=True)
    await line.go(one, live_s=3)
    assert (await line.told(LeaveStay, taker)).because == "ended"


async def test_who_takes_from_an_empty_queue_waits_for_the_next(line):
    taker = await line.take()
    await line.placed(taker, room="", peer=None)
    one = await line.wait()
    await line.placed(one, peer=taker, ends_room=True)
    await line.placed(taker, peer=one, ends_room=True)


async def test_a_stay_that_is_told_while_its_call_is_written_is_heard_once_it_is(desk, app, line):
    """The disk is slow, and the application was not."""
    hook = Hook(app.answer("/voice", twiml("<Pause/>")))
    number = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[0]))
    await desk.db.write(lambda conn: numbers.update(conn, number.sid, voice=hook))
    call = CallSid(new_sid("CA"))
    offer = CallOffered(call=call, channel=CHANNELS[0], caller=HANDSET, called=NUMBERS[0])
    desk.desk.calls.announced(EDGE, offer)
    await app.wait_for("/voice")
    line.want(call, EnqueueSpec("q"))
    await asyncio.sleep(0.1)
    assert not line.commands(LeaveStay, call)
    await desk.send(offer)
    assert (await line.told(RunWait, call)).music
    assert await line.waiting() == [call]


async def test_who_gave_up_takes_nobody(line):
    taker = await line.take()
    await line.placed(taker, room="")
    await line.go(taker, "timeout")
    one = await line.wait()
    await line.told(RunWait, one)
    await asyncio.sleep(0.05)
    assert await line.waiting() == [one]


async def test_a_whisper_is_heard_first(desk, line):
    url = line.app.answer("/whisper", twiml("<Say>You are next</Say>"))
    one = await line.wait()
    await line.told(RunWait, one)
    taker = await line.take(url=url)
    page = await line.told(RunWait, one, 2)
    assert [verb.kind for verb in page.verbs] == ["say"]
    await line.placed(one, room="", peer=taker)
    request = line.app.seen("/whisper")[0].params
    assert (request["CallSid"], request["DequeuingCallSid"]) == (one, taker)
    assert request["QueueSid"] == (await line.queue()).sid
    desk.desk.on_notice(EDGE, WaitEnded(one, line.stays[one], page.page, Ended("finished")))
    await line.placed(one, ends_room=True)
    await line.placed(taker, ends_room=True)


async def test_who_hangs_up_during_the_whisper_leaves_the_taker_to_the_next(line):
    url = line.app.answer("/whisper", twiml("<Say>You are next</Say>"))
    one, two = await line.wait(), await line.wait()
    await line.told(RunWait, two)
    taker = await line.take(url=url)
    await line.placed(one, peer=taker)
    await line.go(one)
    await line.placed(taker, peer=two)
    await line.placed(two, peer=taker)


async def test_a_taker_who_hangs_up_during_the_whisper_leaves_the_member_waiting(line):
    url = line.app.answer("/whisper", twiml("<Say>You are next</Say>"))
    one, two = await line.wait(), await line.wait()
    await line.told(RunWait, two)
    taker = await line.take(url=url)
    await line.told(RunWait, one, 2)
    await line.go(taker)
    await line.placed(one, peer=None, room="")
    assert await line.waiting() == [one, two]
    assert (await line.told(RunWait, one, 3)).music


async def test_what_a_wait_url_is_told(desk, line):
    wait = line.app.answer("/wait", twiml('<Gather action="/key"><Say>Press</Say></Gather><Leave/>'))
    line.app.answer("/key", twiml("<Leave/>"))
    await line.told(RunWait, await line.wait())
    call = await line.wait(wait_url=wait)
    page = await line.told(RunWait, call)
    assert [verb.kind for verb in page.verbs] == ["gather", "leave"]
    params = line.app.seen("/wait")[0].params
    assert (params["QueuePosition"], params["CurrentQueueSize"], params["MaxQueueSize"]) == ("2", "2", "100")
    assert (params["QueueTime"], params["AvgQueueTime"]) == ("0", "0")
    assert params["QueueSid"] == (await line.queue()).sid
    outcome = Goto(line.app.url("/key"), "POST", {"Digits": "5"})
    desk.desk.on_notice(EDGE, WaitEnded(call, line.stays[call], page.page, outcome))
    assert [verb.kind for verb in (await line.told(RunWait, call, 2)).verbs] == ["leave"]
    assert line.app.seen("/key")[0].params["Digits"] == "5"


async def test_a_full_queue(line):
    one = await line.wait(max_size=1)
    await line.told(RunWait, one)
    two = await line.wait(max_size=1)
    assert (await line.told(LeaveStay, two)).because == "full"
    await line.go(two, "full")
    assert await line.waiting() == [one]


async def test_the_end_of_a_call_is_the_end_of_its_waiting(desk, line):
    one = await line.wait()
    await line.told(RunWait, one)
    await desk.end(one)
    assert await line.waiting() == []


async def test_the_edge_asks_again_after_a_restart(desk, line):
    specs = EnqueueSpec("q"), DequeueSpec("q")
    one = await line.wait()
    await line.told(RunWait, one)
    taker = await line.take()
    room = (await line.placed(taker, ends_room=True)).room
    await desk.restart()
    for call, spec in zip((one, taker), specs, strict=True):
        line.want(call, spec)
    for call in (one, taker):
        await line.placed(call, room=room, ends_room=True)
    await line.go(taker, live_s=9)
    assert (await line.told(LeaveStay, one)).because == "ended"


async def test_a_taker_whose_edge_asks_again_while_he_gets_somebody_keeps_him(desk, line, monkeypatch):
    taker = await line.take()
    await line.placed(taker, room="")
    write = desk.db.write

    async def slow(work):
        made = await write(work)
        if getattr(made, "taker", None) == taker:
            line.want(taker, DequeueSpec("q"))
            await line.placed(taker, ends_room=True)
        return made

    monkeypatch.setattr(desk.db, "write", slow)
    one = await line.wait()
    await line.placed(one, peer=taker, ends_room=True)
    await asyncio.sleep(0.05)
    await line.placed(one, peer=taker, ends_room=True)
    assert await line.waiting() == []


@pytest.mark.parametrize("moment", ["write", "read"])
async def test_who_hangs_up_in_the_moment_in_which_he_is_taken_leaves_the_taker_to_the_next(
    desk, line, monkeypatch, moment
):
    """He is reserved by a write, and then his call is read."""
    one = await line.wait()
    await line.told(RunWait, one)
    ask, gone = getattr(desk.db, moment), []

    async def slow(work):
        made = await ask(work)
        found = made.sid == one if isinstance(made, CallRecord) else getattr(made, "taker", None)
        if found and not gone:
            gone.append(one)
            await line.go(one)
            await asyncio.sleep(0.05)
        return made

    monkeypatch.setattr(desk.db, moment, slow)
    taker = await line.take()
    await until(lambda: gone)
    other = await line.wait()
    room = (await line.placed(taker, peer=other, ends_room=True)).room
    assert (await line.placed(other, peer=taker)).room == room
    assert len([place for place in line.commands(PlaceStay, taker) if place.place.ends_room]) == 1


async def test_a_taker_who_hangs_up_in_the_moment_in_which_he_gets_somebody_leaves_him_waiting(desk, line, monkeypatch):
    url = line.app.answer("/whisper", twiml("<Say>You are next</Say>"))
    one = await line.wait()
    await line.told(RunWait, one)
    read, gone = desk.db.read, asyncio.Event()

    async def slow(work):
        made = await read(work)
        if isinstance(made, CallRecord) and made.sid == one and not gone.is_set():
            gone.set()
            await line.go(taker)
            await line.told(RunWait, one, 2)
        return made

    taker = await desk.offer()
    await desk.tell(CallAnswered(call=taker))
    monkeypatch.setattr(desk.db, "read", slow)
    line.want(taker, DequeueSpec("q", url=url))
    await gone.wait()
    await line.told(RunWait, one, 2)
    await asyncio.sleep(0.1)
    assert await line.waiting() == [one]
    assert line.commands(RunWait, one)[-1].music
    assert line.app.seen("/whisper") == []


async def test_the_end_of_a_stay_that_is_told_before_its_beginning_is_its_end(desk, line):
    call = await desk.offer()
    await desk.tell(CallAnswered(call=call))
    stay = line.stays[call] = StayId(new_id())
    await line.go(call)
    line.want(call, EnqueueSpec("q", wait_url="http://127.0.0.1:9/"))
    await until(line.queue)
    await asyncio.sleep(0.1)
    stays = desk.desk.stays
    assert await line.waiting() == []
    assert stays._seats.of(stay) is None
    assert stay not in stays._waits._running


async def test_one_who_waits_waits_on_after_a_restart(desk, line):
    one = await line.wait()
    await line.told(RunWait, one)
    await desk.restart()
    line.want(one, EnqueueSpec("q"))
    await line.told(RunWait, one)
    assert await line.waiting() == [one]


async def test_taken_out_by_the_api_its_action_is_told_all_the_same(desk, line):
    account = desk.account.sid
    desk_of_queues = QueueDesk(desk.db, desk.desk.calls)
    action = line.app.answer("/action", twiml("<Say>Never run</Say>"))
    next_ = line.app.answer("/next", twiml("<Say>Now</Say>"))
    one, two = await line.wait(action=action), await line.wait()
    await line.told(RunWait, two)
    sid = (await line.queue()).sid
    taken = await desk_of_queues.dequeue(account, sid, "Front", Hook(next_))
    assert taken.call == one
    assert await line.waiting() == [two]
    page = await line.told(RunPage, one, 2)
    assert [verb.kind for verb in page.verbs] == ["say"]
    await line.go(one, "redirected")
    (told,) = await line.app.wait_for("/action")
    assert (told.params["QueueResult"], told.params["QueueSid"], told.params["QueueTime"]) == ("redirected", sid, "4")
    with pytest.raises(NotFound):
        await desk_of_queues.dequeue(account, sid, one, Hook(next_))
    with pytest.raises(InvalidRequest):
        await desk_of_queues.delete(account, sid)
    await line.go(two)
    await desk_of_queues.delete(account, sid)
    with pytest.raises(NotFound):
        await desk_of_queues.delete(account, sid)


async def test_an_action_is_asked_though_the_end_of_the_call_is_told_in_the_same_breath(desk, line):
    voice = Hook(line.app.answer("/voice", twiml('<Dial action="/taken"><Queue>q</Queue></Dial>')))
    line.app.answer("/taken", twiml("<Hangup/>"))
    found = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[0]))
    await desk.db.write(lambda conn: numbers.update(conn, found.sid, voice=voice))
    for turn in range(1, 6):
        call = await desk.offer()
        await desk.page(call, 1)
        await desk.tell(CallAnswered(call=call))
        desk.goto(call, 1, line.app.url("/taken"), DialCallStatus="completed", DialCallSid="CA" + "0" * 32)
        desk.announce(CallEnded(call=call, cause=16, by="caller", duration_s=3))
        asked = await line.app.wait_for("/taken", turn)
        assert asked[-1].params["CallSid"] == call


async def test_another_accounts_queue_of_the_same_name(desk, line):
    other = await desk.db.write(lambda conn: accounts.create(conn, "Other"))
    await desk.db.write(lambda conn: queue_steps.create(conn, other.sid, "q", 5, utc_now()))
    one = await line.wait()
    await line.told(RunWait, one)
    assert (await line.queue()).account == desk.account.sid
