"""What comes in by way of a messaging service, and keywords, over a real store and real HTTP."""

from __future__ import annotations

import pytest

from cloud.services.requests import NewMessage
from cloud.store import callbacks, messages, messaging_services, notifications, numbers, opt_outs
from cloud.store.records import Hook
from telecore.errors import InvalidRequest
from telecore.ids import Address
from telecore.model import Direction, MessageStatus
from telecore.opt_out import REPLIES, OptOut
from tests.cloud.services.conftest import running
from tests.cloud.services.service_site import add_service
from tests.cloud.services.site import CHANNELS, HANDSET, NUMBERS
from tests.cloud.services.test_messages import eventually, received
from tests.fakes.customer_app import Reply, twiml


async def commands(site):
    return [(command.channel, command.to, command.body) for command in await site.commands()]


async def none_left(site):
    return await site.db.read(callbacks.next_moment) is None


async def test_stop_start_and_help(site, db, account, app, messages_, queue):
    await site.set_hooks(sms=Hook(app.answer("/sms", "")))
    words = ["stop", "STOP", "help", "yes", "YES", "start", "hello"]
    async with running(queue, messages_):
        for word in words:
            await site.send(received(body=word))
            if word == "STOP":
                with pytest.raises(InvalidRequest) as caught:
                    await messages_.create(account.sid, NewMessage(NUMBERS[0], HANDSET, "x"))
                assert caught.value.code == 21610
        seen = await app.wait_for("/sms", len(words))
        await eventually(lambda: _sent(site, 3))
    told = {request.params["Body"]: request.params.get("OptOutType") for request in seen}
    assert told == dict(zip(words, ["STOP", "STOP", "HELP", "START", None, "START", None], strict=True))
    expected = [REPLIES[word] for word in (OptOut.STOP, OptOut.HELP, OptOut.START)]
    assert await commands(site) == [(CHANNELS[0], HANDSET, body) for body in expected]
    (command, *_) = await site.commands()
    record = await db.read(lambda conn: messages.get(conn, command.message))
    assert (record.direction, record.status, record.sender) == (
        Direction.OUTBOUND_REPLY, MessageStatus.QUEUED, NUMBERS[0],
    )  # fmt: skip
    assert await messages_.create(account.sid, NewMessage(NUMBERS[0], HANDSET, "x"))


async def _noted(db, account, code):
    noted = await db.read(lambda conn: notifications.list_(conn, account.sid))
    return code in [note.code for note in noted]


async def _sent(site, count):
    return len(await site.commands()) == count


async def test_the_service_has_its_own_words_url_and_fallback(site, db, account, app, messages_, queue):
    service = await add_service(
        site,
        inbound=Hook(app.answer("/service", Reply(status=500)), "GET"),
        fallback=Hook(app.answer("/fallback", twiml("<Message>sorry ‘you’</Message>"))),
        status_callback=app.answer("/status", ""),
        stop_reply="Bye",
        help_reply="",
    )
    await site.set_hooks(sms=Hook(app.answer("/number", "")))
    async with running(queue, messages_):
        await site.send(received(body="help"))
        (asked,) = await app.wait_for("/service")
        await app.wait_for("/fallback")
        await eventually(lambda: _sent(site, 1))
        await app.wait_for("/status")
        await site.send(received(body="STOP"))
        await eventually(lambda: _sent(site, 2))
        await eventually(lambda: _noted(db, account, 21610))  # the fallback's answer to STOP was not sent
    assert (asked.method, asked.params["MessagingServiceSid"], asked.params["OptOutType"]) == (
        "GET", service.sid, "HELP",
    )  # fmt: skip
    assert not app.seen("/number")
    assert [body for _, _, body in await commands(site)] == ["sorry 'you'", "Bye"]
    assert await db.read(lambda conn: opt_outs.among(conn, [service.sid], HANDSET)) == {service.sid}


@pytest.mark.parametrize(("own", "path"), [(True, "/number"), (False, "/service")])
async def test_a_number_may_keep_its_own_webhook(site, app, messages_, queue, own, path):
    await add_service(site, inbound=Hook(app.answer("/service", "")), use_inbound_webhook_on_number=own)
    await site.set_hooks(sms=Hook(app.answer("/number", "")))
    async with running(queue):
        await site.send(received())
        await app.wait_for(path)
    assert [request.path for request in app.received] == [path]


async def test_who_writes_to_a_number_of_a_service_knows_it_from_then_on(site, db, account, messages_):
    service = await add_service(site)
    await site.send(received(channel=CHANNELS[1], recipient=NUMBERS[1]))
    record = await messages_.create(account.sid, NewMessage(None, HANDSET, "x", service=service.sid))
    assert (await db.read(lambda conn: messages.get(conn, record.sid))).sender == NUMBERS[1]
    second = await db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[1]))
    await db.write(lambda conn: messaging_services.remove_number(conn, messaging_services.membership(conn, second.sid)))
    again = await messages_.create(account.sid, NewMessage(None, HANDSET, "x", service=service.sid))
    assert (await db.read(lambda conn: messages.get(conn, again.sid))).sender == NUMBERS[0]


async def test_a_name_that_sends_stop_is_not_answered(site, messages_, queue):
    async with running(messages_):
        await site.send(received(sender=Address("Metfone"), body="STOP"))
        assert await messages_.route_waiting() == 0
    assert not await site.commands()


async def test_an_action_is_asked_by_its_method(site, app, messages_, queue):
    action = app.answer("/action", "")
    await site.set_hooks(sms=Hook(app.answer("/sms", twiml(f"<Message action='{action}' method='GET'>x</Message>"))))
    async with running(queue):
        await site.send(received())
        (asked,) = await app.wait_for("/action")
    assert (asked.method, asked.params["MessageStatus"]) == ("GET", "queued")
