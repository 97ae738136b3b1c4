"""Messages over a real store, real HTTP and the events of a site."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from cloud.services import messages as service
from cloud.services.caps import CapKeeper
from cloud.services.messages import MessageService
from cloud.services.replies import LoopGuard
from cloud.services.requests import NewMessage, UpdateMessage
from cloud.store import accounts, edges, messages, notifications
from cloud.store.records import Hook
from cloud.tunnel.heard import utc_now
from cloud.tunnel.outgoing import Outboxes
from telecore.commands import SendMessage
from telecore.errors import InvalidRequest, NoRoute, NotFound
from telecore.events import ChannelChanged, MessageDelivered, MessageReceived, MessageSubmitted
from telecore.ids import E164, AccountSid, Address, ChannelId, MessageSid, new_sid
from telecore.model import ChannelState, ChannelStatus, Direction, MessageStatus, Service
from telecore.sim_health import Health, HealthState
from tests.cloud.services.conftest import running
from tests.cloud.services.site import CHANNELS, EDGE, HANDSET, NUMBERS, channel_changed
from tests.fakes.customer_app import Reply, twiml


def wanted(**changes) -> NewMessage:
    return NewMessage(**{"sender": NUMBERS[0], "to": HANDSET, "body": "Hello"} | changes)


def received(**changes):
    fields = {
        "message": MessageSid(new_sid("SM")), "channel": CHANNELS[0], "sender": HANDSET, "recipient": NUMBERS[0],
        "body": "Hi", "parts": 1, "sent_at": utc_now(),
    }  # fmt: skip
    return MessageReceived(**fields | changes)


async def status_of(db, sid):
    return (await db.read(lambda conn: messages.get(conn, sid))).status


async def eventually(check, within_s=3.0):
    async with asyncio.timeout(within_s):
        while not await check():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# ------------------------------------------------------------------ out


async def test_created_is_on_disk_with_its_command(site, account, messages_):
    record = await messages_.create(account.sid, wanted(body="🙂" * 40))
    assert (record.status, record.channel, record.segments) == (MessageStatus.QUEUED, CHANNELS[0], 2)
    (command,) = await site.commands()
    assert command == SendMessage(
        id=command.id, message=record.sid, channel=CHANNELS[0], to=HANDSET, body="🙂" * 40, not_after=record.not_after
    )
    assert site.woken == [EDGE]


async def test_a_trunk_with_several_numbers_is_told_which_is_the_sender(site, account, messages_):
    trunk, first, second = ChannelId("site-1/smsc"), E164("+85523000001"), E164("+85523000002")
    status = ChannelStatus(trunk, ChannelState.REGISTERED, 0.0, frozenset({Service.SMS}), numbers=(first, second))
    await site.send(ChannelChanged(status=status))
    await messages_.create(account.sid, wanted(sender=second))
    (command,) = await site.commands()
    assert (command.channel, command.sender) == (trunk, second)


async def test_a_new_one_does_not_overtake_those_that_wait(site, account, messages_):
    site.link = False
    for body in ("first", "second"):
        await messages_.create(account.sid, wanted(body=body))
    await messages_.create(account.sid, wanted(body="to another", to="+85512999999"))
    site.link = True  # and nobody has looked yet at what waits
    await messages_.create(account.sid, wanted(body="warning", urgent=True))
    await messages_.create(account.sid, wanted(body="third"))
    assert [command.body for command in await site.commands()] == ["warning", "first", "second", "third"]
    assert await messages_.route_waiting() == 1
    assert len(await site.commands()) == 5


async def test_a_warning_keeps_its_rank_while_it_waits(site, account, messages_):
    site.link = False
    await messages_.create(account.sid, wanted(urgent=True, flash=True, port=16000, repeat=True))
    assert not await site.commands()
    site.link = True
    assert await messages_.route_waiting() == 1
    (command,) = await site.commands()
    assert (command.urgent, command.flash, command.port, command.repeat) == (True, True, 16000, True)


@pytest.mark.parametrize("state", [HealthState.RETIRED, HealthState.EXHAUSTED])
async def test_a_sim_that_no_waiting_mends_is_said_at_once(site, account, messages_, state):
    await site.send(channel_changed(health=Health(state, 0.0, "secret of the site", 0)))
    with pytest.raises(NoRoute) as caught:
        await messages_.create(account.sid, wanted())
    assert caught.value.code == 21612
    assert state.value in caught.value.message
    assert "secret" not in caught.value.message
    assert not await site.commands()


async def test_a_sim_that_rests_has_its_messages_at_its_edge(site, account, messages_):
    await site.send(channel_changed(health=Health(HealthState.COOLDOWN, 0.0, "", 0)))
    record = await messages_.create(account.sid, wanted())
    assert record.channel == CHANNELS[0]
    assert len(await site.commands()) == 1


async def test_smart_encoding_saves_a_segment(account, messages_):
    body = "“" + "x" * 100
    assert (await messages_.create(account.sid, wanted(body=body))).segments == 2
    assert (await messages_.create(account.sid, wanted(body=body, smart_encoded=True))).segments == 1


async def test_a_sender_that_is_not_ours(site, account, messages_):
    for account_sid, sender in ((account.sid, E164("+85599999999")), (AccountSid("AC" + "0" * 32), NUMBERS[0])):
        with pytest.raises(InvalidRequest) as caught:
            await messages_.create(account_sid, wanted(sender=sender))
        assert caught.value.code == 21606
    assert not await site.commands()


async def test_every_status_is_called_back_once_in_order(site, db, account, app, messages_, queue):
    url = app.answer("/status", "")
    outboxes = Outboxes(db, queue.wake)
    async with running(queue):
        record = await messages_.create(account.sid, wanted(status_callback=url))
        outboxes.know(await db.read(lambda conn: edges.get(conn, EDGE)))
        await outboxes.of(EDGE).forget(99)
        assert await status_of(db, record.sid) is MessageStatus.SENDING
        await site.send(
            MessageSubmitted(message=record.sid, channel=CHANNELS[0], segments=1),
            MessageDelivered(message=record.sid),
        )
        await app.wait_for("/status", 4)
    assert [seen.params["MessageStatus"] for seen in app.received] == ["queued", "sending", "sent", "delivered"]
    assert not await site.commands()


async def test_it_waits_for_its_sim_and_then_goes_in_order(site, db, account, messages_):
    await site.send(channel_changed(0, ChannelState.SEARCHING))
    sids = [(await messages_.create(account.sid, wanted(body=str(n)))).sid for n in range(5)]
    other = await messages_.create(account.sid, wanted(sender=NUMBERS[1]))
    assert [command.message for command in await site.commands()] == [other.sid]
    async with running(messages_):
        await site.send(channel_changed(0))
        await eventually(lambda: _all_routed(site, 6))
    assert [command.message for command in await site.commands()] == [other.sid, *sids]


async def _all_routed(site, count):
    return len(await site.commands()) == count


async def test_it_waits_for_its_edge(site, account, messages_):
    site.link = False
    await messages_.create(account.sid, wanted())
    assert await messages_.route_waiting() == 0
    site.link = True
    async with running(messages_):
        messages_.on_link(EDGE, True)
        await eventually(lambda: _all_routed(site, 1))


async def test_many_wait_and_each_goes_once(site, account, messages_):
    site.link = False
    for _ in range(250):
        await messages_.create(account.sid, wanted())
    site.link = True
    assert await messages_.route_waiting() == 250
    assert await messages_.route_waiting() == 0
    assert len({command.message for command in await site.commands()}) == 250


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_store_that_fails_as_they_are_to_go_is_asked_again(site, db, account, messages_, monkeypatch, caplog):
    monkeypatch.setattr(service, "_POLL_S", 0.05)
    site.link = False
    for _ in range(20):
        await messages_.create(account.sid, wanted(body="x" * 1500))
    pages = await db.read(lambda conn: conn.execute(text("PRAGMA page_count")).scalar_one())
    await db.write(lambda conn: conn.execute(text(f"PRAGMA max_page_count={pages}")).close())
    site.link = True
    messages_.on_link(EDGE, up=True)

    async def failed():
        return "wait for the store" in caplog.text

    async def all_gone():
        return len(await site.commands()) == 20

    async with running(messages_):
        await eventually(failed)
        assert await site.commands() == []
        await db.write(lambda conn: conn.execute(text("PRAGMA max_page_count=100000")).close())
        await eventually(all_gone)


async def test_validity_ends(site, db, account, routing, queue):
    later = utc_now() + timedelta(seconds=61)
    service = MessageService(db, routing, queue, wake=site.woken.append, caps=CapKeeper())
    site.link = False
    waiting = await service.create(account.sid, wanted(validity_s=60))
    site.link = True
    given = await service.create(account.sid, wanted(validity_s=60, to="+85512999999"))  # nobody waits to be told first
    late = MessageService(db, routing, queue, wake=site.woken.append, caps=CapKeeper(), now=lambda: later)
    assert await service.expire() == 0
    assert await late.expire() == 1
    assert await status_of(db, given.sid) is MessageStatus.QUEUED
    failed = await db.read(lambda conn: messages.get(conn, waiting.sid))
    assert (failed.status, failed.error_code) == (MessageStatus.FAILED, 30036)
    much_later = later + timedelta(hours=1)
    last = MessageService(db, routing, queue, wake=site.woken.append, caps=CapKeeper(), now=lambda: much_later)
    assert await last.expire() == 1


async def test_redact_and_delete(site, db, account, messages_):
    given = await messages_.create(account.sid, wanted())
    assert (await messages_.update(account.sid, given.sid, UpdateMessage(redact=True))).body == ""
    with pytest.raises(InvalidRequest) as caught:
        await messages_.delete(account.sid, given.sid)
    assert caught.value.code == 20009
    await db.write(lambda conn: messages.update_status(conn, given.sid, MessageStatus.SENT))
    await messages_.delete(account.sid, given.sid)
    other = await messages_.create(account.sid, wanted())
    for work in (messages_.delete(account.sid, given.sid), messages_.delete(AccountSid("AC0"), other.sid)):
        with pytest.raises(NotFound):
            await work


@pytest.mark.parametrize("there", [True, False])
async def test_what_is_not_scheduled_cannot_be_canceled(site, db, account, messages_, there):
    site.link = there
    record = await messages_.create(account.sid, wanted())
    with pytest.raises(InvalidRequest) as caught:
        await messages_.update(account.sid, record.sid, UpdateMessage(cancel=True, redact=True))
    assert (caught.value.code, caught.value.status) == (30409, 400)
    kept = await db.read(lambda conn: messages.get(conn, record.sid))
    assert (kept.status, kept.body) == (MessageStatus.QUEUED, "Hello")


async def test_a_scheduled_message_can_be_canceled(site, db, account, messages_):
    record = await messages_.create(account.sid, wanted())
    await db.write(lambda conn: messages.update(conn, record.sid, status=MessageStatus.SCHEDULED))
    canceled = await messages_.update(account.sid, record.sid, UpdateMessage(cancel=True))
    assert canceled.status is MessageStatus.CANCELED


# ------------------------------------------------------------------ in


async def test_a_message_in_is_answered_from_the_number_written_to(site, db, account, app, messages_, queue):
    url = app.answer("/sms", twiml("<Message>One</Message><Message to='+85512000009'>Two</Message>"))
    await site.set_hooks(sms=Hook(url))
    event = received(body="សួស្តី 🙂")
    async with running(queue):
        await site.send(event)
        await eventually(lambda: _all_routed(site, 2))
    (seen,) = app.received
    assert (seen.params["Body"], seen.params["MessageSid"]) == ("សួស្តី 🙂", event.message)
    first, second = await site.commands()
    assert (first.to, first.body, second.to, second.body) == (HANDSET, "One", "+85512000009", "Two")
    record = await db.read(lambda conn: messages.get(conn, first.message))
    assert (record.direction, record.sender) == (Direction.OUTBOUND_REPLY, NUMBERS[0])


@pytest.mark.parametrize(
    ("answer", "bodies"),
    [
        (Reply("Thanks", content_type="text/plain"), ["Thanks"]),
        (Reply("", status=204, content_type=""), []),
        (twiml(""), []),
        (twiml("<Message>a</Message><Redirect>/more</Redirect><Message>unreached</Message>"), ["a", "b"]),
    ],
)
async def test_what_an_application_may_answer(site, app, messages_, queue, answer, bodies):
    app.answer("/more", twiml("<Message>b</Message>"))
    await site.set_hooks(sms=Hook(app.answer("/sms", answer)))
    async with running(queue):
        await site.send(received())
        await eventually(lambda: _none_left(site))
    assert [command.body for command in await site.commands()] == bodies


async def _none_left(site):
    from cloud.store import callbacks

    return await site.db.read(callbacks.next_moment) is None


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (twiml("<Message to='BANK'>x</Message>"), 14101),
        (twiml("<Message from='+19999999999'>x</Message>"), 14102),
        (twiml("<Message>" + "x" * 1601 + "</Message>"), 14103),
        (twiml("<Message>x</Message>" * 11), 14109),
        (twiml("<Redirect>/sms</Redirect>"), 14106),
        (twiml("<Say>x</Say>"), 14110),
        (Reply(status=404), 11200),
        (Reply("<p>hello", content_type="text/html"), 12300),
    ],
)
async def test_what_it_may_not_answer_is_noted_and_sends_nothing(
    site, db, app, account, messages_, queue, answer, code
):
    await site.set_hooks(sms=Hook(app.answer("/sms", answer)))
    event = received()
    async with running(queue):
        await site.send(event)
        await eventually(lambda: _none_left(site))
        await eventually(lambda: _noted(db, account, code))
    assert not await site.commands()


async def _noted(db, account, *codes):
    noted = await db.read(lambda conn: notifications.list_(conn, account.sid))
    return [note.code for note in noted] == list(codes)


async def _guarded(db, account):
    """Two replies were one too many; a slow answer, asked for again, may be noted beside."""
    noted = await db.read(lambda conn: notifications.list_(conn, account.sid))
    return [note.code for note in noted if note.code != 11200] == [14107, 14107]


async def test_the_fallback_answers(site, app, messages_, queue):
    fallback = app.answer("/fallback", twiml("<Message>Sorry</Message>"))
    await site.set_hooks(sms=Hook(app.answer("/sms", Reply(status=500))), sms_fallback=Hook(fallback, "GET"))
    async with running(queue):
        await site.send(received())
        await eventually(lambda: _all_routed(site, 1))
    (seen,) = app.seen("/fallback")
    assert (seen.params["ErrorCode"], seen.params["ErrorUrl"]) == ("11200", app.url("/sms"))


async def test_a_server_that_is_down_is_asked_again_and_answers_once(site, app, messages_, queue):
    url = app.answer("/sms", [Reply(status=503), twiml("<Message>Late</Message>")])
    await site.set_hooks(sms=Hook(url))
    async with running(queue):
        await site.send(received())
        await eventually(lambda: _all_routed(site, 1))
        await eventually(lambda: _none_left(site))
    assert len(app.received) == 2
    assert len(await site.commands()) == 1


async def test_however_often_it_is_tried_each_error_is_noted_once(site, db, app, account, messages_, queue):
    url = app.answer("/sms", [Reply(status=503), Reply(status=500), Reply(status=503)])
    fallback = app.answer("/fallback", Reply(status=503))
    await site.set_hooks(sms=Hook(url), sms_fallback=Hook(fallback))
    event = received()
    async with running(queue):
        await site.send(event)
        await eventually(lambda: _none_left(site))
        await eventually(lambda: _noted(db, account, 11200, 11200, 11200, 11200))
    assert (len(app.seen("/sms")), len(app.seen("/fallback"))) == (3, 3)
    noted = await db.read(lambda conn: notifications.list_(conn, account.sid, about=event.message))
    assert [(note.code, note.url, note.text) for note in reversed(noted)] == [
        (11200, url, "the server answered 503"),
        (11200, fallback, "the server answered 503"),
        (11200, url, "the server answered 500"),
        (11200, url, "no document from the URL nor from its fallback; given up after 3 attempts"),
    ]


async def test_two_messages_of_one_number_are_noted_apart(site, db, app, account, messages_, queue):
    await site.set_hooks(sms=Hook(app.answer("/sms", Reply(status=404))))
    async with running(queue):
        await site.send(received(), received())
        await eventually(lambda: _none_left(site))
    assert await _noted(db, account, 11200, 11200)


@pytest.mark.parametrize("status", ["suspended", "closed"])
@pytest.mark.parametrize("who", ["itself", "its owner"])
async def test_the_application_of_an_account_that_is_not_active_is_not_asked(
    site, db, app, account, messages_, queue, who, status
):
    await site.set_hooks(sms=Hook(app.answer("/sms", twiml("<Message>x</Message>"))))
    if who == "its owner":
        above = await db.write(lambda conn: accounts.create(conn, "Above"))
        await db.write(lambda conn: accounts.update(conn, account.sid, owner=above.sid))
        await db.write(lambda conn: accounts.update(conn, above.sid, status=status))
    else:
        await db.write(lambda conn: accounts.update(conn, account.sid, status=status))
    event = received()
    async with running(queue):
        await site.send(event)
        queue.wake()
        await eventually(lambda: _none_left(site))
    assert not app.received
    assert not await site.commands()
    assert (await db.read(lambda conn: messages.get(conn, event.message))).body == "Hi"


async def test_no_webhook_no_trouble(site, messages_, queue):
    await site.send(received())
    assert not await site.queued()


async def test_two_machines_that_answer_each_other_stop(site, db, app, account, messages_, queue):
    await site.set_hooks(sms=Hook(app.answer("/sms", twiml("<Message>again</Message>"))))
    async with running(queue):
        for _ in range(17):
            await site.send(received())
        await eventually(lambda: _none_left(site), 10)
        await eventually(lambda: _guarded(db, account))
    assert len(await site.commands()) == 15


def test_the_guard_forgets():
    now = [0.0]
    guard = LoopGuard(lambda: now[0], limit=2, within_s=10)
    assert [guard.allows("a", "b") for _ in range(3)] == [True, True, False]
    assert guard.allows("b", "a")
    now[0] = 10.1
    assert guard.allows("a", "b")


async def test_an_alphanumeric_sender_cannot_be_answered(site, db, app, account, messages_, queue):
    await site.set_hooks(sms=Hook(app.answer("/sms", twiml("<Message>Thanks</Message>"))))
    async with running(queue):
        await site.send(received(sender=Address("Metfone")))
        await eventually(lambda: _noted(db, account, 14101))
    assert not await site.commands()
