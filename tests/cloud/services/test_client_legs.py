"""Calls with browsers: real cloud, a real edge's calls, a fake line, and sockets without browsers."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import pytest

from cloud.services import client_leg
from cloud.services.access_token import Grant, mint
from cloud.services.requests import NewCall, UpdateCall
from cloud.store import accounts, applications
from cloud.store.records import ApplicationRecord, CallRecord, Hook
from telecore.audio.g711 import ulaw_to_l16
from telecore.ids import Address
from telecore.model import CallStatus, Direction
from telecore.notices import FarLegLeft
from tests.fakes.customer_app import twiml
from tests.fakes.handset import FakeHandset
from tests.fakes.joined_edges import FAR, NEAR, NUMBERS

FRAME = bytes([0x30]) * 160
ALICE = "<Client>alice</Client>"


@pytest.fixture
async def phones(story):
    made = []

    def phone(identity="alice", name="h1", voice="", application="", **more):
        token = token_of(story, identity, voice, application=application)
        made.append(FakeHandset(story.desk.client_door, token, name, **more))
        return made[-1]

    yield phone
    for handset in made:
        if not handset.stay.done():
            await handset.leave()


def token_of(story, identity="alice", voice="", life_s=3600.0, secret=None, **more):
    grant = Grant(story.account.sid, identity, time.time() + life_s, Hook(voice), **more)
    return mint(grant, secret or story.account.auth_token, now=time.time(), jti="1")


async def called(story, inner=ALICE, **attributes):
    """A handset of the network calls, its page dials a browser."""
    given = "".join(f' {name}="{value}"' for name, value in attributes.items())
    await story.answers(f'<Dial action="/dialled"{given}>{inner}</Dial>')


async def test_a_browser_rings_answers_and_talks(story, phones):
    status = story.app.answer("/leg", "")
    alice = phones()
    await alice.until("registered")
    await called(
        story,
        f'<Client statusCallback="{status}" statusCallbackEvent="initiated ringing answered completed">'
        '<Identity>alice</Identity><Parameter name="order" value="7"/></Client>',
    )
    ring = await alice.until("ring")
    assert (ring["from"], ring["to"], ring["parameters"]) == ("+85512000001", "client:alice", {"order": "7"})
    alice.say("answer", call=ring["call"])
    await alice.until("joined")
    await story.until(lambda: story.near.calls._calls[ring["call"]].joined)
    story.caller.far.say(ulaw_to_l16(FRAME) * 30)
    for _ in range(30):
        alice.say_raw(FRAME)
    await story.near.tick(40)
    assert alice.frames.count(FRAME) >= 29
    assert story.caller.far.sent.count(ulaw_to_l16(FRAME)) >= 5
    alice.say("hang_up", call=ring["call"])
    params = await story.after()
    assert (params["DialCallStatus"], params["DialCallSid"]) == ("completed", ring["call"])
    (child,) = await story.children()
    assert (child.called, child.edge, child.direction) == ("client:alice", NEAR, Direction.OUTBOUND_DIAL)
    told = await story.app.wait_for("/leg", 4)
    assert [seen.params["CallStatus"] for seen in told] == ["initiated", "ringing", "in-progress", "completed"]
    assert not story.desk.clients._legs
    assert alice.kinds[-1] == "ended"


async def test_the_caller_hangs_up_and_the_browser_is_told(story, phones):
    alice = phones()
    await called(story)
    ring = await alice.until("ring")
    alice.say("answer", call=ring["call"])
    await alice.until("joined")
    story.caller.drop(16)
    assert (await alice.until("ended"))["call"] == ring["call"]


async def test_the_first_of_two_browsers_to_answer_has_it(story, phones):
    one, other = phones(), phones(name="h2")
    await called(story)
    call = (await one.until("ring"))["call"]
    await other.until("ring")
    other.say("answer", call=call)
    await other.until("joined")
    assert (await one.until("ended"))["reason"] == "taken"
    one.say("answer", call=call)
    assert (await one.until("error"))["message"] == "there is no such call"


@pytest.mark.parametrize(("act", "status"), [("reject", "busy"), ("leave", "no-answer"), ("nobody", "no-answer")])
async def test_nobody_answers(story, phones, act, status):
    if act == "nobody":
        phones("bob")
        await called(story)
    else:
        alice = phones()
        await called(story)
        ring = await alice.until("ring")
        if act == "reject":
            alice.say("reject", call=ring["call"])
        else:
            await alice.leave()
    assert (await story.after())["DialCallStatus"] == status
    assert not any(story.street.handlers[NEAR].values())


async def test_a_browser_in_a_call_is_busy(story, phones):
    alice = phones()
    await called(story)
    alice.say("answer", call=(await alice.until("ring"))["call"])
    await alice.until("joined")
    await story.near.ring("+85512000009")
    (seen,) = await story.app.wait_for("/dialled")
    assert seen.params["DialCallStatus"] == "busy"


async def test_the_caller_gives_up_while_it_rings(story, phones):
    alice = phones()
    await called(story)
    await alice.until("ring")
    story.caller.drop(16)
    assert (await alice.until("ended"))["reason"] == "gone"


@pytest.mark.parametrize("told", ["left", "over"])
async def test_no_browser_rings_for_a_caller_who_gave_up_while_his_call_was_read(story, phones, monkeypatch, told):
    clients, read, ended = story.desk.clients, story.db.read, []
    story.desk.calls.on_over.append(lambda record: ended.append(record.sid))

    async def slow(work):
        found = await read(work)
        if isinstance(found, CallRecord) and clients._coming and not ended:
            if told == "left":
                clients.on_notice(NEAR, FarLegLeft(found.sid, 16, client=True))
                ended.append(found.sid)
            story.caller.drop(16)
            await story.until(lambda: found.sid in ended)
        return found

    monkeypatch.setattr(story.db, "read", slow)
    alice = phones()
    await alice.until("registered")
    await called(story)
    await story.until(lambda: ended and not clients._coming)
    assert "ring" not in alice.kinds
    assert not clients._legs


async def test_a_whisper_and_keys(story, phones):
    whisper = story.app.answer("/whisper", twiml('<Gather numDigits="1" action="/key"><Pause/></Gather><Hangup/>'))
    story.app.answer("/key", twiml(""))
    alice = phones()
    await called(story, f'<Client url="{whisper}">alice</Client>')
    call = (await alice.until("ring"))["call"]
    alice.say("answer", call=call)
    await alice.until("joined")
    await story.until(lambda: story.app.seen("/whisper"))
    await asyncio.sleep(0.05)
    alice.say("digit", call=call, digit="5")
    (seen,) = await story.app.wait_for("/key")
    assert seen.params["Digits"] == "5"
    await story.until(lambda: story.near.calls._calls[call].joined)


async def test_a_cut_socket_comes_back_into_its_call(story, phones):
    alice = phones()
    await called(story)
    call = (await alice.until("ring"))["call"]
    alice.say("answer", call=call)
    await alice.until("joined")
    await alice.leave()
    again = phones(call=call)
    await again.until("joined")
    story.caller.far.say(ulaw_to_l16(FRAME) * 20)
    await story.near.tick(30)
    assert again.frames.count(FRAME) >= 19
    again.say("hang_up", call=call)
    assert (await story.after())["DialCallStatus"] == "completed"


async def test_a_socket_that_stays_away_ends_the_call(story, phones, monkeypatch):
    monkeypatch.setattr(client_leg, "AWAY_S", 0.05)
    alice = phones()
    await called(story)
    alice.say("answer", call=(await alice.until("ring"))["call"])
    await alice.until("joined")
    await alice.leave()
    assert (await story.after())["DialCallStatus"] == "completed"


async def test_a_restart_of_the_cloud_is_survived(story, phones):
    alice = phones()
    await called(story)
    call = (await alice.until("ring"))["call"]
    alice.say("answer", call=call)
    await alice.until("joined")
    for edge in (NEAR, FAR):
        story.street.cut(edge)
    await alice.leave()
    await story.stop_cloud()
    story.street.handlers.clear()
    await story.start_cloud()
    for edge in (NEAR, FAR):
        await story.street.mend(edge)
    await asyncio.sleep(0.05)
    again = phones(call=call)
    await again.until("joined")
    story.caller.far.say(ulaw_to_l16(FRAME) * 20)
    await story.near.tick(30)
    assert again.frames.count(FRAME) >= 19
    await story.desk.calls.update(story.account.sid, call, UpdateCall(status=CallStatus.COMPLETED))
    await again.until("ended")


async def test_a_browser_makes_a_call(story, phones):
    voice = story.app.answer(
        "/outgoing", twiml('<Gather action="/pressed" numDigits="1"><Pause length="20"/></Gather>')
    )
    story.app.answer("/pressed", twiml("<Hangup/>"))
    alice = phones(voice=voice)
    assert (await alice.until("registered"))["dials"] is True
    alice.say("dial", to="+85512000002", parameters={"room": "4"})
    call = (await alice.until("dialling"))["call"]
    await alice.until("joined")
    (seen,) = await story.app.wait_for("/outgoing")
    wanted = {"From": "client:alice", "To": "+85512000002", "room": "4", "Direction": "inbound", "CallSid": call}
    assert wanted.items() <= seen.params.items()
    await asyncio.sleep(0.05)
    alice.say("digit", call=call, digit="3")
    (pressed,) = await story.app.wait_for("/pressed")
    assert pressed.params["Digits"] == "3"
    assert (await alice.until("ended"))["call"] == call


async def test_a_browser_makes_one_call_at_a_time(story, phones):
    alice = phones(voice=story.app.answer("/outgoing", twiml("<Gather/>")))
    alice.say("dial", to="1")
    alice.say("dial", to="2")
    await alice.until("joined")
    assert "in a call" in (await alice.until("error"))["message"]
    assert len(story.desk.clients._legs) == 1
    alice.told.clear()
    alice.say("hang_up", call=next(iter(story.desk.clients._legs)))
    await alice.until("ended")
    alice.say("dial", to="3")
    await alice.until("joined")


async def test_a_browser_that_has_gone_before_its_call_is_made_is_waited_for_and_not_for_ever(
    story, phones, monkeypatch
):
    monkeypatch.setattr(client_leg, "AWAY_S", 0.05)
    alice = phones(voice=story.app.answer("/outgoing", twiml("<Gather/>")))
    await alice.until("registered")
    alice.say("dial", to="1")
    await alice.leave()
    await story.until(lambda: alice.kinds.count("dialling"))
    await story.until(lambda: not story.desk.clients._legs)
    await story.until(lambda: not story.near.calls._calls)


async def test_a_browser_is_told_of_a_call_that_ended_while_it_was_away(story, phones):
    alice = phones()
    await called(story)
    call = (await alice.until("ring"))["call"]
    alice.say("answer", call=call)
    await alice.until("joined")
    await alice.leave()
    story.caller.drop(16)
    await story.after()
    while [child.status for child in await story.children()] != [CallStatus.COMPLETED]:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    again = phones(call=call)
    assert (await again.until("ended"))["call"] == call
    stranger = phones("bob", call="CA" + "0" * 32)
    assert (await stranger.until("ended"))["call"] == "CA" + "0" * 32


async def test_a_browser_cannot_call_without_a_document_or_an_edge(story, phones):
    alice = phones()
    alice.say("dial", to="1")
    assert "voice_url" in (await alice.until("error"))["message"]
    for edge in (NEAR, FAR):
        story.street.cut(edge)
    bob = phones("bob", voice="http://app.example/x")
    bob.say("dial", to="1")
    assert "no edge" in (await bob.until("error"))["message"]


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (b"\0" * 160, 20001),
        ("no JSON", 20001),
        ('{"type": "answer"}', 20001),
        ('{"type": "register"}', 20101),
        ('{"type": "register", "token": "a.b.c", "handset": "h"}', 20101),
        ("[" * 10000, 20001),
    ],
)
async def test_strangers_are_sent_away(story, first, code):
    stranger = FakeHandset.__new__(FakeHandset)
    stranger.told, stranger.frames, stranger.closed = [], [], None
    stranger._said, stranger._news = asyncio.Queue(), asyncio.Event()
    stranger.say_raw(first)
    await story.desk.client_door.serve(stranger)
    assert stranger.told[0]["code"] == code
    assert stranger.closed[0] == 4001


async def test_tokens_of_others_old_ones_and_those_of_a_suspended_account(story):
    cases = [
        (token_of(story, secret="0" * 32), 20101),
        (token_of(story, life_s=-1), 20104),
        (token_of(story, life_s=90000), 20157),
        (token_of(story, identity=""), 20101),
        (token_of(story, identity="a\nb"), 20101),
        (token_of(story, identity="a" * 122), 20101),
    ]
    for token, code in cases:
        handset = FakeHandset(story.desk.client_door, token)
        assert (await handset.until("error"))["code"] == code
    await story.db.write(lambda conn: accounts.update(conn, story.account.sid, status="suspended"))
    handset = FakeHandset(story.desk.client_door, token_of(story))
    assert (await handset.until("error"))["code"] == 20005


async def test_nonsense_is_answered_and_a_flood_is_cut_off(story, phones):
    alice = phones()
    for message in (
        '{"type": "fly"}',
        '{"type": "digit", "call": "CA1", "digit": "x"}',
        "[]",
        '{"type":"dial","to":1}',
    ):
        alice.told.clear()
        alice.say_raw(message)
        await alice.until("error")
    for _ in range(200):
        alice.say_raw(FRAME)
    await asyncio.wait_for(alice.stay, 3)
    assert alice.closed[0] == 4001


async def test_an_expired_handset_rings_no_more(story):
    alice = FakeHandset(story.desk.client_door, token_of(story, life_s=2.0))
    await alice.until("registered")
    assert (await alice.until("error"))["code"] == 20104
    await asyncio.wait_for(alice.stay, 3)
    assert alice.closed[0] == 4003


async def test_an_application_says_what_a_browsers_call_runs(story, phones):
    at = datetime.now(UTC)
    voice, status = Hook(story.app.answer("/app", twiml("<Hangup/>")), "GET"), Hook(story.app.answer("/status", ""))
    record = ApplicationRecord("AP" + "1" * 32, story.account.sid, "A", at, at, voice=voice, status_callback=status)
    await story.db.write(lambda conn: applications.insert(conn, record))
    alice = phones(application=record.sid)
    alice.say("dial", to="1")
    await alice.until("ended")
    assert story.app.seen("/app")[0].method == "GET"
    (told,) = await story.app.wait_for("/status")
    assert (told.params["CallStatus"], told.params["From"]) == ("completed", "client:alice")
    bob = phones("bob", application="AP" + "2" * 32)
    bob.say("dial", to="1")
    assert "application" in (await bob.until("error"))["message"]


async def test_the_api_calls_a_browser(story, phones):
    alice = phones()
    await alice.until("registered")
    page = story.app.answer("/page", twiml('<Gather numDigits="1" action="/key"><Pause length="20"/></Gather>'))
    story.app.answer("/key", twiml("<Hangup/>"))
    wanted = NewCall(NUMBERS[NEAR], Address("client:alice"), url=page)
    record = await story.desk.calls.create(story.account.sid, wanted)
    ring = await alice.until("ring")
    assert (ring["call"], ring["from"]) == (record.sid, NUMBERS[NEAR])
    alice.say("answer", call=ring["call"])
    await story.app.wait_for("/page")
    await asyncio.sleep(0.05)
    alice.say("digit", call=ring["call"], digit="8")
    (seen,) = await story.app.wait_for("/key")
    assert (seen.params["Digits"], seen.params["To"]) == ("8", "client:alice")
    await alice.until("ended")
