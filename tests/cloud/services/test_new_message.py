"""Messages of services, scheduled ones, and what their recipients have said."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloud.services.caps import CapKeeper
from cloud.services.messages import MessageService
from cloud.services.requests import NewMessage, UpdateMessage
from cloud.store import accounts, feedback, messages, messaging_services, numbers, opt_outs
from cloud.tunnel.heard import utc_now
from telecore.errors import InvalidRequest, NoRoute
from telecore.events import MessageDelivered, MessageSubmitted
from telecore.ids import Address
from telecore.model import ChannelState, MessageStatus
from telecore.sim_health import Health, HealthState
from tests.cloud.services.conftest import running
from tests.cloud.services.service_site import add_service
from tests.cloud.services.site import CHANNELS, HANDSET, NUMBERS, channel_changed


def wanted(of, **changes) -> NewMessage:
    return NewMessage(**{"sender": None, "to": HANDSET, "body": "Hello", "service": of.sid} | changes)


async def kept(db, record):
    return await db.read(lambda conn: messages.get(conn, record.sid))


async def number_at(db, at):
    return await db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[at]))


async def test_accepted_then_sent_by_the_best_number(site, db, account, messages_):
    service = await add_service(site)
    record = await messages_.create(account.sid, wanted(service))
    assert (record.status, record.sender, record.service) == (MessageStatus.ACCEPTED, "", service.sid)
    after = await kept(db, record)
    (command,) = await site.commands()
    assert (after.status, after.sender, after.channel) == (MessageStatus.QUEUED, NUMBERS[0], CHANNELS[0])
    assert (command.channel, command.message) == (CHANNELS[0], record.sid)


async def test_every_status_of_a_service_is_told_once_in_order(site, account, app, messages_, queue):
    service = await add_service(site, status_callback=app.answer("/status", ""))
    async with running(queue):
        record = await messages_.create(account.sid, wanted(service))
        await site.send(
            MessageSubmitted(message=record.sid, channel=CHANNELS[0], segments=1), MessageDelivered(message=record.sid)
        )
        seen = await app.wait_for("/status", 4)
    assert [request.params["MessageStatus"] for request in seen] == ["accepted", "queued", "sent", "delivered"]
    assert {request.params["MessagingServiceSid"] for request in seen} == {service.sid}
    assert [request.params["From"] for request in seen] == ["", *[NUMBERS[0]] * 3]


async def test_the_recipient_keeps_the_number_he_knows(site, db, account, messages_):
    service = await add_service(site)
    await messages_.create(account.sid, wanted(service))
    await site.send(channel_changed(0, sent_today=500))
    again = await kept(db, await messages_.create(account.sid, wanted(service)))
    other = await kept(db, await messages_.create(account.sid, wanted(service, to=Address("+85512000002"))))
    assert (again.sender, other.sender) == (NUMBERS[0], NUMBERS[1])
    assert "the number that the recipient knows" in messages_.sending._routing.reason(again.sid)
    await site.send(channel_changed(0, ChannelState.SEARCHING))
    assert (await kept(db, await messages_.create(account.sid, wanted(service)))).sender == NUMBERS[1]


async def test_without_stickiness_the_load_decides(site, db, account, messages_):
    service = await add_service(site, sticky_sender=False)
    await messages_.create(account.sid, wanted(service))
    await site.send(channel_changed(0, sent_today=500))
    assert (await kept(db, await messages_.create(account.sid, wanted(service)))).sender == NUMBERS[1]


async def test_it_waits_for_any_of_its_numbers(site, db, account, messages_):
    service = await add_service(site)
    site.link = False
    records = [await messages_.create(account.sid, wanted(service, body=str(n))) for n in range(3)]
    assert await messages_.route_waiting() == 0
    assert (await kept(db, records[0])).status is MessageStatus.ACCEPTED
    site.link = True
    await site.send(channel_changed(0, ChannelState.SEARCHING))
    assert await messages_.route_waiting() == 3
    assert await messages_.route_waiting() == 0
    assert [command.body for command in await site.commands()] == ["0", "1", "2"]
    assert {command.channel for command in await site.commands()} == {CHANNELS[1]}


async def test_its_validity_ends_without_a_sender(site, db, account, routing, queue, messages_):
    service = await add_service(site, validity_s=60)
    site.link = False
    record = await messages_.create(account.sid, wanted(service))
    later = utc_now() + timedelta(seconds=61)
    late = MessageService(db, routing, queue, wake=site.woken.append, caps=CapKeeper(), now=lambda: later)
    assert (await messages_.expire(), await late.expire()) == (0, 1)
    failed = await kept(db, record)
    assert (failed.status, failed.error_code) == (MessageStatus.FAILED, 30036)


async def test_the_service_encodes_unless_it_is_told_otherwise(site, account, messages_):
    service = await add_service(site)
    for smart, bodies in ((None, '"x"'), (True, '"x"'), (False, "“x”")):
        assert (await messages_.create(account.sid, wanted(service, body="“x”", smart_encoded=smart))).body == bodies


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"service": "MG" + "0" * 32}, 21701, 404),
        ({"sender": NUMBERS[1]}, 21711, 400),
        ({"sender": "+85599999999"}, 21606, 400),
    ],
)
async def test_what_the_service_refuses(site, account, messages_, changes, code, status):
    service = await add_service(site, at=(0,))
    with pytest.raises(InvalidRequest) as caught:
        await messages_.create(account.sid, wanted(service, **changes))
    assert (caught.value.code, caught.value.status) == (code, status)
    assert not await site.commands()


async def test_a_service_of_somebody_else_and_an_empty_one(site, db, account, messages_):
    foreign = await db.write(lambda conn: accounts.create(conn, "Other"))
    service = await add_service(site)
    with pytest.raises(InvalidRequest) as caught:
        await messages_.create(foreign.sid, wanted(service))
    assert (caught.value.code, caught.value.status) == (21701, 404)
    with pytest.raises(InvalidRequest) as caught:
        await messages_.create(account.sid, wanted(await add_service(site, at=())))
    assert caught.value.code == 21704


async def test_a_service_whose_sims_are_all_retired(site, account, messages_):
    service = await add_service(site)
    for at in (0, 1):
        await site.send(channel_changed(at, health=Health(HealthState.RETIRED, 0.0, "", 0)))
    with pytest.raises(NoRoute) as caught:
        await messages_.create(account.sid, wanted(service))
    assert caught.value.code == 21703


async def test_a_named_sender_of_the_service_is_queued_at_once(site, account, messages_):
    service = await add_service(site)
    record = await messages_.create(account.sid, wanted(service, sender=NUMBERS[1]))
    assert (record.status, record.sender, record.service) == (MessageStatus.QUEUED, NUMBERS[1], service.sid)


# ------------------------------------------------------------------ scheduled


async def scheduled(messages_, account, service, **changes):
    return await messages_.create(account.sid, wanted(service, send_at=utc_now() + timedelta(hours=1), **changes))


def an_hour_later(db, routing, queue, site):
    later = utc_now() + timedelta(hours=1, seconds=1)
    return MessageService(db, routing, queue, wake=site.woken.append, caps=CapKeeper(), now=lambda: later)


async def test_a_scheduled_message_goes_when_its_time_comes(site, db, account, app, routing, queue, messages_):
    service = await add_service(site, status_callback=app.answer("/status", ""))
    record = await scheduled(messages_, account, service)
    assert record.status is MessageStatus.SCHEDULED
    assert record.not_after - record.send_at == timedelta(seconds=36000)
    assert await messages_.release() == 0
    assert not await site.commands()
    async with running(queue):
        assert await an_hour_later(db, routing, queue, site).release() == 1
        seen = await app.wait_for("/status", 3)
    assert [request.params["MessageStatus"] for request in seen] == ["scheduled", "accepted", "queued"]
    assert len(await site.commands()) == 1
    with pytest.raises(InvalidRequest) as caught:
        await messages_.update(account.sid, record.sid, UpdateMessage(cancel=True))
    assert caught.value.code == 30409


async def test_one_that_was_canceled_never_goes(site, db, account, routing, queue, messages_):
    record = await scheduled(messages_, account, await add_service(site))
    assert (
        await messages_.update(account.sid, record.sid, UpdateMessage(cancel=True))
    ).status is MessageStatus.CANCELED
    assert await an_hour_later(db, routing, queue, site).release() == 0
    assert not await site.commands()


async def test_what_happened_meanwhile_counts(site, db, account, routing, queue, messages_):
    """Its recipient said stop, its service went, its account was suspended."""
    service, gone = await add_service(site), await add_service(site, at=())
    stopped = await scheduled(messages_, account, service, to=Address("+85512000003"))
    await db.write(lambda conn: opt_outs.add(conn, account.sid, service.sid, "+85512000003"))
    orphan = await scheduled(messages_, account, service, to=Address("+85512000004"))
    await db.write(lambda conn: messages.update(conn, orphan.sid, service=gone.sid))
    await db.write(lambda conn: messaging_services.remove(conn, gone.sid))
    late = an_hour_later(db, routing, queue, site)
    assert await late.release() == 2
    codes = [(await kept(db, record)).error_code for record in (stopped, orphan)]
    assert codes == [21610, 21701]
    suspended = await scheduled(messages_, account, service)
    await db.write(lambda conn: accounts.update(conn, account.sid, status="suspended"))
    assert await late.release() == 1
    assert (await kept(db, suspended)).error_code == 30002
    assert not await site.commands()


async def test_what_is_yet_to_be_sent_is_not_redacted(site, account, messages_):
    record = await scheduled(messages_, account, await add_service(site))
    with pytest.raises(InvalidRequest) as caught:
        await messages_.update(account.sid, record.sid, UpdateMessage(redact=True))
    assert caught.value.code == 20009


# ------------------------------------------------------------------ who wants nothing


async def test_who_said_stop_to_the_service_gets_nothing_from_its_numbers(site, db, account, messages_):
    service = await add_service(site)
    await db.write(lambda conn: opt_outs.add(conn, account.sid, service.sid, HANDSET))
    for ask in (wanted(service), NewMessage(NUMBERS[0], HANDSET, "x"), wanted(service, sender=NUMBERS[1])):
        with pytest.raises(InvalidRequest) as caught:
            await messages_.create(account.sid, ask)
        assert (caught.value.code, caught.value.status) == (21610, 400)
    assert not await site.commands()
    assert await messages_.create(account.sid, wanted(service, to=Address("+85512000002")))


async def test_who_said_stop_to_one_number_hears_from_another(site, db, account, messages_):
    service, number = await add_service(site), await number_at(db, 0)
    await db.write(lambda conn: opt_outs.add(conn, account.sid, number.sid, HANDSET))
    assert (await kept(db, await messages_.create(account.sid, wanted(service)))).sender == NUMBERS[1]
    with pytest.raises(InvalidRequest):
        await messages_.create(account.sid, NewMessage(NUMBERS[0], HANDSET, "x"))


async def test_feedback_is_kept_with_the_message_and_goes_with_it(site, db, account, messages_):
    record = await messages_.create(account.sid, NewMessage(NUMBERS[0], HANDSET, "x", feedback=True))
    found = await db.read(lambda conn: feedback.get(conn, record.sid))
    assert found.outcome == "unconfirmed"
    told = await messages_.feedback(account.sid, record.sid, "confirmed")
    assert (told.outcome, told.created_at) == ("confirmed", found.created_at)
    await db.write(lambda conn: messages.update_status(conn, record.sid, MessageStatus.DELIVERED))
    await messages_.delete(account.sid, record.sid)
    assert await db.read(lambda conn: feedback.get(conn, record.sid)) is None


async def test_a_number_that_leaves_takes_its_place_with_it(site, db, account, messages_):
    service, number = await add_service(site), await number_at(db, 0)
    other = await db.write(lambda conn: accounts.create(conn, "Sub", account.sid))
    await db.write(lambda conn: numbers.update(conn, number.sid, account=other.sid))
    assert [n.number for n in await db.read(lambda conn: messaging_services.pool(conn, service.sid))] == [NUMBERS[1]]
    second = await number_at(db, 1)
    await db.write(lambda conn: numbers.release(conn, second))
    assert await db.read(lambda conn: messaging_services.pool(conn, service.sid)) == []


async def test_nothing_is_left_of_a_service_that_was_deleted(site, db, account, messages_):
    service = await add_service(site)
    await messages_.create(account.sid, wanted(service))
    await db.write(lambda conn: opt_outs.add(conn, account.sid, service.sid, HANDSET))
    await db.write(lambda conn: messaging_services.remove(conn, service.sid))
    assert await messages_.create(account.sid, NewMessage(NUMBERS[0], HANDSET, "x"))
    assert await add_service(site)  # whose numbers are free again
