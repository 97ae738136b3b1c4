"""The queue over a real store and real HTTP: order, retries, restarts, isolation."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from datetime import UTC, datetime

import pytest

from cloud.services.addresses import AddressPolicy
from cloud.services.callbacks import Callbacks
from cloud.services.webhooks import Timeouts, WebhookClient, WebhookFailure
from cloud.store import accounts, callbacks, notifications
from cloud.store.records import Hook
from tests.fakes.customer_app import CustomerApp, Reply

FAR = datetime(2999, 1, 1, tzinfo=UTC)
SMS, OTHER = "SM" + "1" * 32, "SM" + "2" * 32


@contextlib.asynccontextmanager
async def running(queue):
    task = asyncio.create_task(queue.run())
    yield queue
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture
def queue(db, client, debugger):
    return Callbacks(db, client, debugger, delays_s=(0.02, 0.02))


@pytest.fixture
def put(db, account):
    async def put(url, subject=SMS, kind="status", **fields):
        params = {"MessageSid": subject, **fields}
        return await db.write(lambda conn: callbacks.add(conn, account.sid, subject, Hook(url), params, kind=kind))

    return put


async def emptied(db, within_s=5):
    async with asyncio.timeout(within_s):
        while await db.read(callbacks.next_moment) is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_those_of_one_sid_arrive_in_order_despite_failures(app, db, put, queue):
    url = app.answer("/status", [Reply(status=503), Reply(drop=True), Reply(drop=True), ""])
    for step in "abc":
        await put(url, MessageStatus=step)
    async with running(queue):
        await emptied(db)
    assert [seen.params["MessageStatus"] for seen in app.received] == ["a", "a", "a", "a", "b", "c"]
    assert len({seen.headers["I-Twilio-Idempotency-Token"] for seen in app.received}) == 3


async def test_a_row_queued_later_wakes_the_queue(app, db, put, queue):
    url = app.answer("/status", "")
    async with running(queue):
        await asyncio.sleep(0.05)
        await put(url)
        queue.wake()
        await app.wait_for("/status", within_s=1)
        await emptied(db)


@pytest.mark.parametrize(
    ("told", "once"),
    [
        ({"MessageStatus": "sent"}, True),
        ({"SmsStatus": "received", "Body": "x"}, True),
        ({"CallSid": "CA1", "CallStatus": "completed", "SequenceNumber": "3", "Timestamp": "now"}, True),
        ({"RecordingSid": "RE1", "RecordingStatus": "completed", "RecordingUrl": "signed"}, True),
        ({"CallSid": "CA1", "CallStatus": "in-progress", "QueueResult": "redirected"}, False),
    ],
)
async def test_what_is_told_once_has_the_same_token_in_every_store(db, account, told, once):
    """An application that was told before a backup was restored knows it again."""

    async def tokens():
        return [row.token for row in await db.read(lambda conn: callbacks.next_due(conn, FAR))]

    told = {"MessageSid": SMS, **told} if "CallSid" not in told and "RecordingSid" not in told else told
    await db.write(lambda conn: callbacks.add(conn, account.sid, "A", Hook("http://a/"), told))
    other = {**told, "Timestamp": "later", "RecordingUrl": "signed anew", "From": "another"}
    await db.write(lambda conn: callbacks.add(conn, account.sid, "B", Hook("http://b/"), other))
    first, second = await tokens()
    assert (first == second) is once
    assert len(first) == 32
    for name in ("MessageStatus", "SmsStatus", "CallStatus", "RecordingStatus"):
        if name in told:
            await db.write(
                lambda conn, n=name: callbacks.add(conn, account.sid, "C", Hook("http://b/"), {**told, n: "x"})
            )
    assert first not in (await tokens())[2:]


async def test_another_sid_does_not_wait(app, db, put, queue):
    await put(app.answer("/slow", Reply(delay_s=0.4)))
    await put(app.answer("/quick", ""), OTHER)
    async with running(queue):
        await app.wait_for("/quick", within_s=0.3)


async def test_it_is_settled_when_all_that_is_due_was_taken(app, db, put, queue):
    await put(app.answer("/status", Reply(delay_s=0.2)))
    await put(app.answer("/next", ""))
    async with running(queue):
        await queue.settled(5)
    assert (len(app.seen("/status")), len(app.seen("/next"))) == (1, 1)
    assert await db.read(callbacks.next_moment) is None


async def test_nobody_is_waited_for_longer_than_is_said(app, db, put, queue):
    await put(app.answer("/status", Reply(delay_s=0.4)))
    async with running(queue), asyncio.timeout(0.3):
        await queue.settled(0.1)


async def test_what_never_succeeds_is_given_up_and_noted(app, db, put, queue, account):
    await put(app.answer("/status", Reply(status=500)))
    await put(app.answer("/next", ""))
    async with running(queue):
        await emptied(db)
    assert len(app.seen("/status")) == 3
    assert len(app.seen("/next")) == 1
    (note,) = await db.read(lambda conn: notifications.list_(conn, account.sid, about=SMS))
    assert note.code == 11200
    assert "3 attempts" in note.text


async def test_a_refusal_is_not_repeated(app, db, put, queue):
    await put(app.answer("/status", Reply(status=403)))
    async with running(queue):
        await emptied(db)
    assert len(app.received) == 1


async def test_a_restart_goes_on_with_the_same_token(app, db, put, client, debugger):
    url = app.answer("/status", [Reply(delay_s=0.4), ""])
    await put(url)
    async with running(Callbacks(db, client, debugger)):
        await app.wait_for("/status")
    async with running(Callbacks(db, client, debugger)):
        await emptied(db)
    first, second = app.received
    assert first.headers["I-Twilio-Idempotency-Token"] == second.headers["I-Twilio-Idempotency-Token"]


async def test_a_kind_of_its_own_is_handled_and_retried(db, put, queue):
    tried = []

    async def work(row, account):
        tried.append((row.params["MessageSid"], account.auth_token))
        if len(tried) < 2:
            return WebhookFailure(11205, "down", row.url)
        await db.write(lambda conn: callbacks.done(conn, row.id))
        return None

    queue.handle("message", work)
    await put("http://127.0.0.1/", kind="message")
    async with running(queue):
        await emptied(db)
    assert len(tried) == 2


@pytest.fixture
async def patient(db, debugger):
    """A queue whose requests may hang for longer than any test."""
    client = WebhookClient(AddressPolicy(["127.0.0.1"]), Timeouts(connect_s=30, total_s=30))
    yield Callbacks(db, client, debugger)
    await client.close()


async def test_many_at_once_and_none_of_them_twice(app, db, put, patient):
    """Under load an answer may be late: with time enough for each, a second request would be one too many."""
    url = app.answer("/status", "")
    for number in range(250):
        await put(url, f"SM{number:032x}")
    async with running(patient):
        await emptied(db, within_s=60)
    assert len({seen.headers["I-Twilio-Idempotency-Token"] for seen in app.received}) == 250
    assert len(app.received) == 250


async def test_a_server_that_hangs_delays_nobody_else(app, db, put, patient):
    other = await db.write(lambda conn: accounts.create(conn, "Other"))
    for number in range(150):
        await put(app.answer("/hangs", Reply(delay_s=30)), f"SM{number:032x}")
    async with CustomerApp() as healthy, running(patient):
        await app.wait_for("/hangs", 25)
        await db.write(lambda conn: callbacks.add(conn, other.sid, SMS, Hook(app.answer("/others", "")), {}))
        await put(healthy.answer("/own", ""), OTHER)
        patient.wake()
        await app.wait_for("/others", within_s=2)
        await healthy.wait_for("/own", within_s=2)
        assert len(app.seen("/hangs")) == 25


async def test_whatever_ends_makes_room_for_the_next(app, db, put, patient):
    """Of 25 places 20 are hung on: the rest must not wait for them."""
    hangs = app.answer("/hangs", Reply(delay_s=30))
    for number in range(20):
        await put(hangs, f"SM{number:032x}")
    for number in range(20, 60):
        await put(app.answer("/quick", ""), f"SM{number:032x}")
    async with running(patient):
        await app.wait_for("/quick", 40)


async def test_after_a_restart_a_retry_does_not_wait_for_what_hangs(app, db, put, client, patient, debugger):
    """When it is due is known from the store alone, whatever else is under way."""
    await put(app.answer("/down", [Reply(status=503), ""]))
    async with running(Callbacks(db, client, debugger, delays_s=(0.5,))):
        await app.wait_for("/down")
        await eventually_failed(db)
    await put(app.answer("/hangs", Reply(delay_s=30)), OTHER)
    async with running(patient):
        await app.wait_for("/down", 2, within_s=3)


async def eventually_failed(db):
    async with asyncio.timeout(5):
        while not (await db.read(lambda conn: callbacks.next_due(conn, FAR)))[0].attempts:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_signed_with_the_token_of_the_account(app, db, put, queue, account):
    from twilio.request_validator import RequestValidator

    token = (await db.read(lambda conn: accounts.get(conn, account.sid))).auth_token
    url = app.answer("/status", "")
    await put(url)
    async with running(queue):
        await emptied(db)
    (seen,) = app.received
    assert RequestValidator(token).validate(url, seen.params, seen.headers["X-Twilio-Signature"])


async def test_many_that_become_ready_at_once_do_not_begin_in_one_turn_of_the_loop(db, put, queue):
    """Calls, edges and timers share the loop."""
    loop, begun, by_turn = asyncio.get_running_loop(), [], [0]

    def turn():
        by_turn.append(len(begun))
        if len(begun) < 25:
            loop.call_soon(turn)

    async def work(row, account):
        begun.append(row.id)
        until = time.monotonic() + 0.01
        while time.monotonic() < until:
            """What it takes to make a request."""
        await db.write(lambda conn: callbacks.done(conn, row.id))

    queue.handle("message", work)
    for n in range(25):
        await put("http://app.test/", f"SM{n:032x}", kind="message")
    loop.call_soon(turn)
    async with running(queue):
        await emptied(db)
    assert len(begun) == 25
    assert max(after - before for before, after in itertools.pairwise(by_turn)) <= 3
