"""<Sms> of a call: an event of its edge becomes a message, which is routed at once."""

from __future__ import annotations

import asyncio

import pytest

from cloud.store import accounts, messages, notifications, numbers, opt_outs, outbox
from telecore.codec import decode_command
from telecore.commands import SendMessage
from telecore.events import MessageWanted
from telecore.ids import E164, Address, MessageSid, new_sid
from telecore.model import Direction
from tests.cloud.services.site import EDGE, HANDSET, NUMBERS

NO_URL = 11100
"""The number has no voice URL, which is noted as well."""


def wanted(call, **changes) -> MessageWanted:
    return MessageWanted(**{"call": call, "message": MessageSid(new_sid("SM")), "body": "hi"} | changes)


async def sent(desk):
    rows = await desk.db.read(lambda conn: outbox.read(conn, EDGE, 0, 100))
    found = [decode_command(payload) for _, payload in rows]
    return [command for command in found if isinstance(command, SendMessage)]


async def one_sent(desk):
    async with asyncio.timeout(3):
        while not (found := await sent(desk)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return found


async def noted(desk, call):
    return [
        note.code for note in await desk.db.read(lambda conn: notifications.list_(conn, desk.account.sid, about=call))
    ]


async def test_it_goes_to_the_caller_from_the_number_called(desk):
    call = await desk.offer()
    event = wanted(call, status_callback="http://app.example/s")
    await desk.send(event, event)
    (command,) = await one_sent(desk)
    assert (command.message, command.to, command.body) == (event.message, HANDSET, "hi")
    record = await desk.db.read(lambda conn: messages.get(conn, event.message))
    assert (record.direction, record.sender) == (Direction.OUTBOUND_DIAL, NUMBERS[0])
    assert record.status_callback == "http://app.example/s"


async def test_it_may_go_elsewhere_and_from_another_number(desk):
    call = await desk.offer()
    await desk.send(wanted(call, to="+85512000009", sender=NUMBERS[1]))
    (command,) = await one_sent(desk)
    record = await desk.db.read(lambda conn: messages.get(conn, command.message))
    assert (command.to, record.sender) == ("+85512000009", NUMBERS[1])


@pytest.mark.parametrize(
    ("caller", "changes", "code"),
    [
        (HANDSET, {"sender": "+19999999999"}, 14102),
        (HANDSET, {"sender": "+85510000009"}, 14102),
        (None, {}, 14101),
        (HANDSET, {"to": NUMBERS[0]}, 14101),
        (Address("+85512000002"), {}, 21610),
    ],
)
async def test_what_cannot_be_sent_is_told_in_the_debugger(desk, caller, changes, code):
    other = await desk.db.write(lambda conn: accounts.create(conn, "Other"))
    await desk.db.write(lambda conn: numbers.create(conn, other.sid, E164("+85510000009")))
    own = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[0]))
    await desk.db.write(lambda conn: opt_outs.add(conn, desk.account.sid, own.sid, "+85512000002"))
    call = await desk.offer(caller=caller)
    await desk.send(wanted(call, **changes))
    assert [found for found in await noted(desk, call) if found != NO_URL] == [code]
    assert not await sent(desk)


async def test_of_a_call_that_is_another_edges_nothing_is_sent(desk):
    await desk.send(wanted(new_sid("CA")))
    assert not await sent(desk)
