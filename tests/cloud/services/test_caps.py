"""Caps over a whole desk: through every door, across a restart, told once, and nobody else's business."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from cloud.services.cap_watch import CAP
from cloud.services.requests import NewCall, NewMessage
from cloud.services.verify import NewVerification
from cloud.store import accounts, caps, messages, notifications, numbers, warnings
from cloud.store.messages import MessageFilter
from cloud.store.records import Cursor, Hook
from cloud.store.rows import now
from telecore.errors import Refused, UsedUp
from telecore.events import CallAnswered, CallEnded, CallInitiated, CallRinging
from telecore.ids import Address
from telecore.model import MessageStatus
from telecore.twiml.control import DialTarget
from tests.cloud.services.site import CHANNELS, HANDSET, NUMBERS
from tests.cloud.services.test_dials import dial, parent  # noqa: F401
from tests.cloud.services.test_messages import received
from tests.cloud.services.test_sms_in_calls import wanted as sms_wanted
from tests.cloud.services.test_verify import add_service
from tests.fakes.customer_app import twiml

ABROAD = "+25261230"
SATELLITE = "+8816123456789"
ONE_PAGE = {"twiml": "<Response><Pause/></Response>"}


async def set_caps(desk, account=None, **settings):
    sid = account or desk.account.sid
    await desk.db.write(lambda conn: caps.set_settings(conn, sid, settings, now()))
    desk.desk.caps.forget()


def send(desk, to=HANDSET, body="Hello", account=None, sender=NUMBERS[0], **more):
    wanted = NewMessage(sender, Address(to), body, **more)
    return desk.desk.messages.create(account or desk.account.sid, wanted)


def call(desk, to=HANDSET, at=0, **more):
    return desk.desk.calls.create(desk.account.sid, NewCall(NUMBERS[at], Address(to), **ONE_PAGE, **more))


async def stored(desk):
    return len(
        (await desk.db.read(lambda conn: messages.list_(conn, desk.account.sid, MessageFilter(), Cursor()))).items
    )


async def told(desk):
    """Codes and subjects of warnings, without the account's SID."""
    found = await desk.db.read(warnings.list_)
    return {(one.code, one.subject.partition(" ")[2]) for one in found if one.edge == ""}


async def noted(desk, about=None):
    return [n.code for n in await desk.db.read(lambda conn: notifications.list_(conn, desk.account.sid, about=about))]


async def test_a_cap_is_told_when_near_and_when_reached_and_what_is_more_is_refused_and_not_stored(desk):
    await set_caps(desk, messages_per_day=5)
    for count in range(5):
        assert (await told(desk)) == ({("cap_near", "messages_per_day")} if count == 4 else set())
        await send(desk)
    for _ in range(3):
        with pytest.raises(UsedUp, match="messages_per_day of 5 is used up until .* UTC") as caught:
            await send(desk)
    assert (caught.value.code, caught.value.status) == (63038, 429)
    assert 0 < caught.value.retry_after_s <= 86400
    assert await stored(desk) == 5
    assert await told(desk) == {("cap_reached", "messages_per_day")}
    assert await noted(desk, desk.account.sid) == [63038, 63038]


async def test_segments_count_and_those_of_today_before_the_cap_too(desk):
    await send(desk, body="x" * 161)
    await set_caps(desk, messages_per_hour=4)
    await send(desk, body="x" * 161)
    with pytest.raises(UsedUp):
        await send(desk)


async def test_a_restart_forgets_nothing_and_another_account_is_not_concerned(desk):
    await set_caps(desk, messages_per_hour=1, prefixes={ABROAD: 1})
    await send(desk)
    await desk.restart()
    with pytest.raises(UsedUp):
        await send(desk)
    other = await desk.db.write(lambda conn: accounts.create(conn, "Other"))
    number = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[1]))
    await desk.db.write(lambda conn: numbers.update(conn, number.sid, account=other.sid))
    assert (await send(desk, account=other.sid, sender=NUMBERS[1])).account == other.sid


async def test_what_subaccounts_send_counts_for_their_owner(desk):
    below = await desk.db.write(lambda conn: accounts.create(conn, "Below", desk.account.sid))
    number = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[1]))
    await desk.db.write(lambda conn: numbers.update(conn, number.sid, account=below.sid))
    await set_caps(desk, messages_per_hour=3)
    await set_caps(desk, below.sid, messages_per_hour=2)
    for _ in range(2):
        await send(desk, account=below.sid, sender=NUMBERS[1])
    with pytest.raises(UsedUp, match="of 2"):
        await send(desk, account=below.sid, sender=NUMBERS[1])
    await send(desk)
    with pytest.raises(UsedUp, match="of 3"):
        await send(desk)


async def test_special_numbers_and_runs_of_a_subaccount_are_as_its_owner_has_them(desk):
    below = await desk.db.write(lambda conn: accounts.create(conn, "Below", desk.account.sid))
    number = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[1]))
    await desk.db.write(lambda conn: numbers.update(conn, number.sid, account=below.sid))
    await set_caps(desk, special=True, bursts="alert")
    for to in (SATELLITE, *(f"{ABROAD}{n:04}" for n in range(40))):
        await send(desk, to, account=below.sid, sender=NUMBERS[1])
    assert await told(desk) == {("burst", ABROAD)}
    await set_caps(desk, below.sid, special=False)
    with pytest.raises(Refused, match="satellite"):
        await send(desk, SATELLITE, account=below.sid, sender=NUMBERS[1])


async def test_special_numbers_by_every_door(desk, app, parent):  # noqa: F811
    with pytest.raises(Refused, match="satellite") as caught:
        await send(desk, SATELLITE)
    assert (caught.value.code, caught.value.status) == (21408, 400)
    with pytest.raises(Refused) as caught:
        await call(desk, SATELLITE, at=1)
    assert caught.value.code == 21215
    answer = await dial(desk, parent, DialTarget(SATELLITE))
    assert answer.legs == ()
    assert 13227 in await noted(desk, parent)
    await desk.send(sms_wanted(parent, to=SATELLITE))
    assert 21408 in await noted(desk, parent)
    service = await add_service(desk)
    for channel in ("sms", "call"):
        with pytest.raises(Refused) as caught:
            await desk.desk.verify.start(desk.account.sid, service.sid, NewVerification(Address(SATELLITE), channel))
        assert (caught.value.code, caught.value.status) == (60605, 403)
    assert await stored(desk) == 0
    await set_caps(desk, special=True)
    await send(desk, SATELLITE)


async def test_a_reply_that_is_refused_is_noted(desk, app):
    await set_caps(desk, deny=["+8559"])
    number = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[0]))
    hook = Hook(app.answer("/sms", twiml("<Message to='+85590000001'>x</Message><Message>y</Message>")))
    await desk.db.write(lambda conn: numbers.update(conn, number.sid, sms=hook))
    await desk.send(received(body="hello"))
    async with asyncio.timeout(5):
        while 21408 not in await noted(desk):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert await stored(desk) == 2


async def test_the_answer_to_a_keyword_counts_and_goes_to_no_special_number(desk):
    await set_caps(desk, messages_per_hour=1)
    await desk.send(received(body="HELP"))
    assert await stored(desk) == 2
    for asked, code in ((received(body="HELP"), 63038), (received(sender=Address(SATELLITE), body="STOP"), 21408)):
        await desk.send(asked)
        assert code in await noted(desk, asked.message)
    assert await stored(desk) == 4
    with pytest.raises(Refused, match="unsubscribed"):
        await send(desk, SATELLITE)


async def test_a_scheduled_message_counts_when_it_is_due(desk):
    await set_caps(desk, messages_per_hour=1)
    soon = now() + timedelta(seconds=0.2)
    records = [await send(desk, send_at=soon) for _ in range(2)]
    await asyncio.sleep(0.3)
    await desk.desk.messages.release()
    after = [await desk.db.read(lambda conn, r=r: messages.get(conn, r.sid)) for r in records]
    assert [(r.status, r.error_code) for r in after] == [(MessageStatus.QUEUED, None), (MessageStatus.FAILED, 63038)]


async def test_so_often_to_one_number_and_to_one_prefix(desk):
    await set_caps(desk, messages_per_number=2, prefixes={"+85512": 3})
    for _ in range(2):
        await send(desk)
    with pytest.raises(UsedUp, match="messages_per_number") as caught:
        await send(desk)
    assert caught.value.code == 20429
    await send(desk, "+85512000002")
    with pytest.raises(UsedUp, match=r"prefixes\.\+85512"):
        await send(desk, "+85512000003")
    await send(desk, "+85513000003")


async def test_calls_at_a_time_end_and_make_room(desk):
    await set_caps(desk, calls_at_once=1)
    first = await call(desk)
    with pytest.raises(UsedUp, match="calls_at_once of 1 is reached") as caught:
        await call(desk, at=1)
    assert caught.value.code == 10004
    await desk.tell(CallInitiated(call=first.sid, channel=CHANNELS[0]), CallEnded(call=first.sid, cause=16, by="us"))
    await call(desk, at=1)


async def test_minutes_of_calls_that_are_over_and_that_go_on(desk):
    await set_caps(desk, minutes_per_day=3)
    first = await call(desk)
    await desk.answer(first.sid)
    await desk.end(first.sid, duration_s=130)
    assert await told(desk) == set()
    with pytest.raises(UsedUp, match="minutes_per_day of 3"):
        await call(desk)


async def test_a_call_abroad_ends_when_its_minutes_are_used_up_and_one_at_home_goes_on(desk):
    await set_caps(desk, minutes_per_day=3)
    abroad, home = await call(desk, f"{ABROAD}0001"), await call(desk, at=1)
    for sid, channel in ((abroad.sid, CHANNELS[0]), (home.sid, CHANNELS[1])):
        await desk.tell(
            CallInitiated(call=sid, channel=channel), CallRinging(call=sid),
            CallAnswered(call=sid),
        )  # fmt: skip
    await desk.desk.cap_watch.look()
    assert await told(desk) == set()
    later = now() + timedelta(minutes=2)
    desk.desk.cap_watch._now = lambda: later
    await desk.desk.cap_watch.look()
    assert await told(desk) == {("cap_reached", "minutes_per_day")}
    await desk.hang_up(abroad.sid)
    assert (await desk.record(home.sid)).ended_at is None
    assert (await desk.record(abroad.sid)).ended_at is not None


async def test_a_run_abroad_is_blocked_and_a_warning_at_home_is_not(desk):
    await set_caps(desk, messages_per_day=70)
    for n in range(40):
        await send(desk, f"+855125550{n:03}")
    assert ("burst", "+85512555") in await told(desk)
    for n in range(30):
        await send(desk, f"{ABROAD}{n:04}")
    with pytest.raises(Refused, match="blocked until") as caught:
        await send(desk, f"{ABROAD}0999")
    assert caught.value.code == 30450
    await desk.restart()
    with pytest.raises(Refused, match="blocked until"):
        await send(desk, f"{ABROAD}0999")
    with pytest.raises(UsedUp):
        await send(desk)
    assert await send(desk, urgent=True)
    with pytest.raises(UsedUp):
        await send(desk, "+33612345678", urgent=True)
    await set_caps(desk, warnings="capped")
    with pytest.raises(UsedUp):
        await send(desk, urgent=True)


async def test_alerts_end_with_their_window_and_what_was_refused_is_counted(desk):
    counted = []
    await set_caps(desk, messages_per_hour=1, messages_per_number=9)
    await send(desk)
    with pytest.raises(UsedUp):
        await send(desk)
    watch = desk.desk.cap_watch
    watch._tell_refused = lambda kind, source, why: counted.append((kind, source))
    later = now() + timedelta(hours=1)
    await watch.look()
    assert counted == [(CAP, desk.account.sid)]
    assert await told(desk) == {("cap_reached", "messages_per_hour")}
    watch._now = lambda: later
    await watch.look()
    assert await told(desk) == set()
    assert not await desk.db.read(lambda conn: caps.has_stale(conn, later))


async def test_a_run_is_told_for_an_hour_and_not_to_the_end_of_this_one(desk):
    began = now().replace(minute=58, second=0)
    desk.desk.caps._now = lambda: began
    for n in range(30):
        await send(desk, f"{ABROAD}{n:04}")
    for minutes, expected in ((59, {("burst", ABROAD)}), (60, set())):
        desk.desk.cap_watch._now = lambda m=minutes: began + timedelta(minutes=m)
        await desk.desk.cap_watch.look()
        assert await told(desk) == expected


async def test_a_run_is_told_and_not_blocked_where_nobody_knows_what_is_abroad(desk):
    number = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[0]))
    for other in NUMBERS[1:]:
        found = await desk.db.read(lambda conn, other=other: numbers.get_by_number(conn, other))
        await desk.db.write(lambda conn, found=found: numbers.release(conn, found))
    await desk.db.write(lambda conn: numbers.update(conn, number.sid, number="FLOODINFO"))
    for n in range(40):
        await send(desk, f"+855125550{n:03}", sender="FLOODINFO")
    assert await told(desk) == {("burst", "+85512555")}


async def test_a_sip_uri_that_is_no_number_is_not_counted_as_one(desk):
    await set_caps(desk, calls_per_number=1)

    def ask(to):
        return desk.db.write(lambda conn: desk.desk.caps.call(conn, desk.account.sid, to))

    for _ in range(3):
        await ask("")
    await ask(HANDSET)
    with pytest.raises(UsedUp, match="calls_per_number"):
        await ask(HANDSET)


async def test_many_calls_that_ring_once_are_a_burst(desk):
    record = replace(await desk.record(await desk.offer()), direction="outbound-api", started_at=now())
    for n in range(40):
        desk.desk.cap_watch.over(replace(record, called=f"{ABROAD}{n * 37:04}", ended_at=now()))
    async with asyncio.timeout(5):
        while ("burst", ABROAD[:6]) not in await told(desk):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    with pytest.raises(Refused, match="blocked until"):
        await call(desk, f"{ABROAD}5555", at=1)
