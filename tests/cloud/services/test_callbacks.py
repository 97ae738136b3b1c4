"""The queue over a real store and real HTTP: order, retries, restarts, isolation."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from cloud.services.callbacks import Callbacks
from cloud.services.webhooks import WebhookFailure
from cloud.store import accounts, callbacks, notifications
from cloud.store.records import Hook
from tests.fakes.customer_app import Reply

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


async def emptied(db):
    async with asyncio.timeout(5):
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


async def test_another_sid_does_not_wait(app, db, put, queue):
    await put(app.answer("/slow", Reply(delay_s=0.4)))
    await put(app.answer("/quick", ""), OTHER)
    async with running(queue):
        await app.wait_for("/quick", within_s=0.3)


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


async def test_many_at_once(app, db, put, queue):
    url = app.answer("/status", "")
    for number in range(250):
        await put(url, f"SM{number:032x}")
    async with running(queue):
        await emptied(db)
    assert len(app.received) == 250


async def test_signed_with_the_token_of_the_account(app, db, put, queue, account):
    from twilio.request_validator import RequestValidator

    token = (await db.read(lambda conn: accounts.get(conn, account.sid))).auth_token
    url = app.answer("/status", "")
    await put(url)
    async with running(queue):
        await emptied(db)
    (seen,) = app.received
    assert RequestValidator(token).validate(url, seen.params, seen.headers["X-Twilio-Signature"])
