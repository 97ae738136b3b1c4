"""<Dial> over a whole desk: rows of the legs, whisper pages, refusals, callbacks of each leg."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from cloud.store import calls, notifications, numbers
from cloud.store.calls import CallFilter
from cloud.store.records import Cursor, Hook
from telecore.commands import RouteDial
from telecore.events import CallAnswered, CallEnded, CallInitiated, CallRinging, ChannelChanged
from telecore.ids import E164, ChannelId, DialId, new_id
from telecore.model import CallStatus, ChannelState, ChannelStatus, Direction, Service
from telecore.notices import Do, RouteWanted
from telecore.sip_target import SipTarget
from telecore.twiml.control import DialSpec, DialTarget
from tests.cloud.services.site import CHANNELS, EDGE, HANDSET, NUMBERS
from tests.fakes.customer_app import twiml

FRIEND = "+85512000002"
TRUNK = ChannelId(f"{EDGE}/carrier")
DID = E164("+85523000001")


@pytest.fixture
async def parent(desk, app):
    found = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[0]))
    voice = Hook(app.answer("/voice", twiml(f"<Dial>{FRIEND}</Dial>")))
    await desk.db.write(lambda conn: numbers.update(conn, found.sid, voice=voice))
    call = await desk.offer()
    await desk.page(call, 1)
    return call


async def dial(desk, call, *targets, dial_id=None, **spec):
    """Ask for a route; the answer."""
    wanted = RouteWanted(call, dial_id or DialId(new_id()), DialSpec(targets, **spec))
    desk.line.sent = [n for n in desk.line.sent if not (isinstance(n, Do) and isinstance(n.command, RouteDial))]
    desk.desk.on_notice(EDGE, wanted)
    notice = await desk.line.wait_for(
        lambda n: isinstance(n, Do) and isinstance(n.command, RouteDial) and n.command.dial == wanted.dial
    )
    return notice.command


async def noted(desk, call):
    rows = await desk.db.read(lambda conn: notifications.list_(conn, desk.account.sid, about=call))
    return [row.code for row in rows]


async def children(desk, call):
    wanted = CallFilter(parent=call)
    return (await desk.db.read(lambda conn: calls.list_(conn, desk.account.sid, wanted, Cursor()))).items


async def test_a_leg_goes_out_through_the_other_sim(desk, app, parent):
    status = app.answer("/leg", "")
    target = DialTarget(
        FRIEND, status_callback=status, status_callback_events=("initiated", "ringing", "answered", "completed")
    )
    answer = await dial(desk, parent, target)
    (leg,) = answer.legs
    assert (leg.channel, leg.to, leg.target, leg.caller, leg.whisper) == (CHANNELS[1], FRIEND, 0, NUMBERS[1], False)
    (child,) = await children(desk, parent)
    assert (child.sid, child.parent, child.direction) == (leg.call, parent, Direction.OUTBOUND_DIAL)
    assert (child.caller, child.called) == (NUMBERS[1], FRIEND)
    await desk.tell(
        CallInitiated(call=leg.call, channel=leg.channel),
        CallRinging(call=leg.call),
        CallAnswered(call=leg.call),
        CallEnded(call=leg.call, cause=16, by="callee", duration_s=3),
    )
    told = await app.wait_for("/leg", 4)
    assert [seen.params["CallStatus"] for seen in told] == ["initiated", "ringing", "in-progress", "completed"]
    assert {seen.params["ParentCallSid"] for seen in told} == {parent}
    assert not [n for n in desk.line.sent if getattr(getattr(n, "command", None), "call", "") == leg.call]


async def test_the_same_dial_is_answered_the_same(desk, parent):
    first = await dial(desk, parent, DialTarget(FRIEND), dial_id=DialId("d1"))
    again = await dial(desk, parent, DialTarget(FRIEND), dial_id=DialId("d1"))
    assert first == again
    assert len(await children(desk, parent)) == 1


async def test_no_free_channel_is_a_refusal_with_its_reason(desk, parent):
    answer = await dial(desk, parent, DialTarget(FRIEND), DialTarget("+85512000003"))
    assert [leg.target for leg in answer.legs] == [0]
    assert "is busy with a call" in answer.refusals[0]
    async with asyncio.timeout(3):
        while await noted(desk, parent) != [13224]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_one_after_the_other_may_use_one_channel(desk, parent):
    answer = await dial(desk, parent, DialTarget(FRIEND), DialTarget("+85512000003"), sequential=True)
    assert [leg.channel for leg in answer.legs] == [CHANNELS[1], CHANNELS[1]]
    assert len({leg.call for leg in answer.legs}) == 2


async def test_legs_that_were_never_begun_are_canceled_when_the_dial_is_over(desk, app, parent):
    status = app.answer("/leg", "")
    targets = [DialTarget(number, status_callback=status) for number in (FRIEND, "+85512000003")]
    first, second = (await dial(desk, parent, *targets, sequential=True)).legs
    await desk.tell(
        CallInitiated(call=first.call, channel=first.channel),
        CallAnswered(call=first.call),
        CallEnded(call=first.call, cause=16, by="callee", duration_s=3),
    )
    desk.finished(parent, 1)
    await desk.becomes(second.call, status=CallStatus.CANCELED)
    assert (await desk.record(first.call)).status is CallStatus.COMPLETED
    told = await app.wait_for("/leg", 2)
    assert sorted(seen.params["CallStatus"] for seen in told) == ["canceled", "completed"]


async def test_a_caller_id_that_cannot_be_shown_is_told(desk, parent):
    answer = await dial(desk, parent, DialTarget(FRIEND), caller_id="+85599999999")
    assert answer.legs[0].caller == NUMBERS[1]
    async with asyncio.timeout(3):
        while await noted(desk, parent) != [13214]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_the_callers_own_sim_is_no_surprise(desk, parent):
    await dial(desk, parent, DialTarget(FRIEND), caller_id=NUMBERS[1])
    await asyncio.sleep(0.05)
    assert await noted(desk, parent) == []


@pytest.mark.parametrize(("number", "word"), [("112", "emergency"), ("bob", "country code"), ("012345678", "country")])
async def test_what_nobody_carries(desk, parent, number, word):
    answer = await dial(desk, parent, DialTarget(number))
    assert not answer.legs
    assert word in answer.refusals[0]
    assert not await children(desk, parent)


async def test_a_dial_within_a_dialled_leg(desk, parent):
    (leg,) = (await dial(desk, parent, DialTarget(FRIEND))).legs
    answer = await dial(desk, leg.call, DialTarget("+85512000003"))
    assert "dialled leg" in answer.refusals[0]


async def test_a_call_that_is_not_the_edges_is_not_answered(desk, parent):
    desk.desk.on_notice(EDGE, RouteWanted("CA" + "0" * 32, DialId("x"), DialSpec((DialTarget(FRIEND),))))
    await asyncio.sleep(0.05)
    assert not [n for n in desk.line.sent if isinstance(n, Do) and isinstance(n.command, RouteDial)]


async def test_a_whisper_runs_on_who_answers(desk, app, parent):
    url = app.answer("/whisper", twiml("<Gather action='/accept'><Say>A call</Say></Gather>"))
    app.answer("/accept", twiml(""))
    (leg,) = (await dial(desk, parent, DialTarget(FRIEND, url=url))).legs
    assert leg.whisper
    await desk.tell(CallInitiated(call=leg.call, channel=leg.channel), CallAnswered(call=leg.call))
    assert [verb.kind for verb in (await desk.page(leg.call, 1)).verbs] == ["gather"]
    (seen,) = app.seen("/whisper")
    assert (seen.params["CallSid"], seen.params["ParentCallSid"]) == (leg.call, parent)
    assert (seen.params["Direction"], seen.params["CallStatus"]) == ("outbound-dial", "in-progress")
    desk.goto(leg.call, 1, app.url("/accept"), Digits="1")
    assert (await desk.page(leg.call, 2)).verbs == ()
    desk.finished(leg.call, 2)
    await asyncio.sleep(0.05)
    assert (await desk.record(leg.call)).status is CallStatus.IN_PROGRESS


async def test_a_whisper_that_cannot_be_had_does_not_keep_them_apart(desk, app, parent):
    (leg,) = (await dial(desk, parent, DialTarget(FRIEND, url=app.url("/nothing")))).legs
    await desk.tell(CallAnswered(call=leg.call))
    assert (await desk.page(leg.call, 1)).verbs == ()


async def with_a_trunk(desk, **changes):
    status = ChannelStatus(TRUNK, ChannelState.REGISTERED, 0.0, frozenset({Service.VOICE}))
    fields = {"sip_domains": ("pbx.example",), "capacity": 4, "numbers": (DID,)} | changes
    await desk.tell(ChannelChanged(status=replace(status, **fields)))


async def test_a_sip_uri_goes_through_the_trunk_that_reaches_it(desk, app, parent):
    await with_a_trunk(desk)
    target = DialTarget("sip:bob@pbx.example;transport=tls?X-Ticket=7", kind="sip", username="u", password="p")
    (leg,) = (await dial(desk, parent, target)).legs
    assert (leg.channel, leg.to) == (TRUNK, "sip:bob@pbx.example;transport=tls")
    assert leg.sip == SipTarget(leg.to, "pbx.example", (("X-Ticket", "7"),), HANDSET, "u", "p")
    (child,) = await children(desk, parent)
    assert (child.caller, child.called, child.channel) == (HANDSET, leg.to, TRUNK)


@pytest.mark.parametrize(
    ("uri", "caller", "code", "words"),
    [
        ("sip:bob@elsewhere.example", None, 13246, "elsewhere.example"),
        ("bob", None, 13243, "not a SIP URI"),
        ("sip:bob@pbx.example?Via=x", None, 13252, "X- headers"),
        ("sip:bob@pbx.example", "b b", 13247, "callerId"),
        ("sip:112@pbx.example", None, 13225, "emergency"),
    ],
)
async def test_a_sip_uri_that_nobody_calls(desk, parent, uri, caller, code, words):
    await with_a_trunk(desk)
    answer = await dial(desk, parent, DialTarget(uri, kind="sip"), caller_id=caller)
    assert not answer.legs
    assert words in answer.refusals[0]
    async with asyncio.timeout(3):
        while await noted(desk, parent) != [code]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_trunk_that_is_away_is_no_trunk_too_few(desk, parent):
    await with_a_trunk(desk, state=ChannelState.SEARCHING)
    answer = await dial(desk, parent, DialTarget("sip:bob@pbx.example", kind="sip"))
    assert "is searching" in answer.refusals[0]


async def test_a_trunk_shows_any_of_its_numbers(desk, parent):
    await with_a_trunk(desk, numbers=(DID, E164("+85523000002")))
    (leg,) = (await dial(desk, parent, DialTarget(FRIEND), caller_id="+85523000002")).legs
    assert (leg.channel, leg.caller) == (TRUNK, "+85523000002")
    await asyncio.sleep(0.05)
    assert await noted(desk, parent) == []
