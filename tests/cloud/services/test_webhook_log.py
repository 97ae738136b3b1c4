"""The log of webhooks: what is kept, at which level, and that it holds nobody up."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from twilio.request_validator import RequestValidator

from cloud.services import webhook_log as service
from cloud.services.exchanges import KEPT, WebhookRequest
from cloud.services.requests import NewMessage, UpdateMessage
from cloud.services.webhook_log import WAITING, WebhookLog
from cloud.store import accounts, messages, webhook_log
from cloud.store.database import Conflict, Database, StoreFailed
from cloud.store.records import Cursor
from cloud.store.webhook_log import WebhookFilter
from cloud.tunnel.heard import utc_now
from telecore.ids import AccountSid
from telecore.model import MessageStatus
from tests.cloud.services.site import HANDSET, NUMBERS
from tests.fakes.customer_app import Reply

CALL = "CA" + "1" * 32
FIELDS = {"CallSid": CALL, "Body": "ប្រុង\x00"}


@pytest.fixture
def hooks(db: Database, client) -> WebhookLog:
    made = WebhookLog(db, client)
    client.watch(made.take)
    return made


def ask(url: str, account, **more) -> WebhookRequest:
    fields = {"params": FIELDS, "secret": account.auth_token, "subject": CALL} | more
    return WebhookRequest(url, account.sid, **fields)


async def rows(db: Database, **wanted):
    page = await db.read(lambda conn: webhook_log.page(conn, None, WebhookFilter(**wanted), Cursor()))
    return list(page.items)


async def test_an_exchange_is_kept(db, account, app, client, hooks):
    url = app.answer("/voice", Reply("<Response/>", headers={"Set-Cookie": "a=secret", "Server": "app/1"}))
    await client.fetch(ask(url.replace("//", "//me:pass@") + "?q=1#rc=2", account))
    await hooks.flush()
    (row,) = await rows(db)
    assert (row.subject, row.method, row.status, row.code, row.fault) == (CALL, "POST", 200, 0, "")
    assert (row.url, row.params, row.body, row.size) == (f"{url}?q=1", FIELDS, "<Response/>", 11)
    assert row.got["Server"] == "app/1"
    assert row.whole
    assert 0 <= row.duration_ms < 5000
    kept = repr(row)
    assert "secret" not in kept
    assert "pass" not in kept
    assert app.received[0].headers["X-Twilio-Signature"] not in kept


async def test_what_failed_is_kept_with_its_code_and_page(db, account, app, client, hooks):
    await client.fetch(ask(app.answer("/bad", Reply("oops " * 4000, status=500)), account))
    await client.fetch(ask(app.answer("/gone", Reply(drop=True)), account))
    await client.fetch(ask("http://10.0.0.1/", account))
    await client.fetch(ask(app.answer("/late", Reply("x", delay_s=5)) + "#tt=500", account))
    await hooks.flush()
    late, forbidden, again, gone, bad = await rows(db, failed=True)
    assert (bad.status, bad.code, bad.body[:5], len(bad.body)) == (500, 11200, "oops ", KEPT)
    assert (gone.status, gone.code, again.code) == (None, 11205, 11205)
    assert (forbidden.code, late.code, late.status) == (11205, 11203, None)
    assert await rows(db, failed=False) == []
    assert [row.sid for row in await rows(db, code=11200)] == [bad.sid]
    assert [row.sid for row in await rows(db, status=500, subject=CALL)] == [bad.sid]
    assert await rows(db, subject="CA2") == []


async def test_redirects_are_exchanges_of_their_own(db, account, app, client, hooks):
    app.answer("/there", "<Response/>")
    await client.fetch(ask(app.answer("/here", Reply(status=302, headers={"Location": "/there"})), account))
    await hooks.flush()
    there, here = await rows(db)
    assert (here.status, here.got["Location"], there.method, there.url) == (302, "/there", "GET", app.url("/there"))


async def test_levels(db, account, app, client, hooks):
    url = app.answer("/voice", "<Response/>")
    await db.write(lambda conn: accounts.update(conn, account.sid, webhook_log="brief"))
    await client.fetch(ask(url + "?token=abc", account))
    await hooks.flush()
    (row,) = await rows(db)
    assert (row.url, row.params, row.body, row.size) == (url, {"CallSid": "…", "Body": "…"}, "", 11)
    with pytest.raises(Conflict):
        await hooks.replay(row)
    await db.write(lambda conn: accounts.update(conn, account.sid, webhook_log="off"))
    await client.fetch(ask(url, account))
    await hooks.flush()
    assert len(await rows(db)) == 1


async def test_a_replay_is_signed_anew_marked_and_kept(db, account, app, client, hooks):
    url = app.answer("/voice", ["<Response/>", Reply("no", status=503)])
    await client.fetch(ask(url + "?a=1", account))
    await hooks.flush()
    (row,) = await rows(db)
    fresh = await db.write(lambda conn: accounts.update(conn, account.sid, auth_token="f" * 32, webhook_log="off"))
    made = await hooks.replay(row)
    assert (made.replay_of, made.status, made.code) == (row.sid, 503, 11200)
    first, second = app.received
    assert second.params == first.params
    assert second.headers["X-Simferry-Replay"] == row.sid
    assert RequestValidator(fresh.auth_token).validate(
        f"{url}?a=1", second.params, second.headers["X-Twilio-Signature"]
    )
    assert second.headers["I-Twilio-Idempotency-Token"] != first.headers["I-Twilio-Idempotency-Token"]


async def test_sound_is_not_kept_and_text_of_no_charset_is(db, account, app, client, hooks):
    await client.fetch(ask(app.answer("/s", Reply(b"RIFF\x00", content_type="audio/wav")), account))
    await client.fetch(ask(app.answer("/t", Reply(b"\xff\x00x", content_type="text/plain")), account))
    await hooks.flush()
    text, sound = await rows(db)
    assert (sound.body, sound.size, text.body) == ("", 5, "\ufffdx")


async def test_what_comes_too_fast_is_dropped_and_counted(db, account, app, client, hooks, monkeypatch):
    taken = []
    client.watch(taken.append)
    await client.fetch(ask(app.answer("/voice", ""), account))
    (exchange,) = taken
    for _ in range(WAITING + 7):
        hooks.take(exchange)
    assert hooks.dropped == 7
    await hooks.flush()
    assert len(await rows(db)) == 50
    assert (await db.read(lambda conn: webhook_log.page(conn, None, WebhookFilter(), Cursor(1000)))).next_after is None


async def test_a_store_that_fails_loses_the_log_and_nothing_else(db, account, app, client, hooks, monkeypatch):
    async def fails(write):
        raise StoreFailed("disk full")

    monkeypatch.setattr(db, "write", fails)
    answer = await client.fetch(ask(app.answer("/voice", "<Response/>"), account))
    await hooks.flush()
    assert (answer.status, hooks.dropped) == (200, 1)


async def test_it_runs_by_itself_and_forgets_what_is_old(db, account, app, client, hooks, monkeypatch):
    monkeypatch.setattr(service, "_GATHER_S", 0.01)
    await client.fetch(ask(app.answer("/voice", ""), account))
    running = asyncio.create_task(hooks.run())
    async with asyncio.timeout(3):
        while not await rows(db):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])
    (row,) = await rows(db)
    assert await db.write(lambda conn: webhook_log.tidy(conn, account.sid, row.at)) == 0
    assert await db.write(lambda conn: webhook_log.tidy(conn, account.sid, row.at + timedelta(seconds=1))) == 1
    assert await rows(db) == []


async def test_much_that_is_old_is_forgotten_in_pieces(db, account, app, client, monkeypatch):
    monkeypatch.setattr(service, "_GATHER_S", 0.01)
    hooks = WebhookLog(db, client, now=lambda: utc_now() + timedelta(days=8))
    taken = []
    client.watch(taken.append)
    await client.fetch(ask(app.answer("/voice", ""), account))
    for _ in range(webhook_log.AT_ONCE + 1):
        hooks.take(taken[0])
    await hooks.flush()
    pieces, tidy = [], webhook_log.tidy

    def counted(*given, **more):
        pieces.append(tidy(*given, **more))
        return pieces[-1]

    monkeypatch.setattr(webhook_log, "tidy", counted)
    running = asyncio.create_task(hooks.run())
    async with asyncio.timeout(3):
        while not pieces or pieces[-1]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])
    assert pieces == [webhook_log.AT_ONCE, 1, 0]
    assert await rows(db) == []


@pytest.mark.parametrize("how", ["redact", "delete"])
async def test_what_is_redacted_or_deleted_is_in_no_log(site, db, account, app, client, hooks, messages_, how):
    wanted = NewMessage(sender=NUMBERS[0], to=HANDSET, body="Hello")
    given, other = [await messages_.create(account.sid, wanted) for _ in range(2)]
    await db.write(lambda conn: messages.update_status(conn, given.sid, MessageStatus.SENT))
    for subject in (given.sid, other.sid):
        await client.fetch(ask(app.answer("/sms", ""), account, subject=subject))
    await hooks.flush()
    if how == "redact":
        await messages_.update(account.sid, given.sid, UpdateMessage(redact=True))
    else:
        await messages_.delete(account.sid, given.sid)
    assert [row.subject for row in await rows(db)] == [other.sid]


async def test_an_account_that_is_gone_keeps_nothing(db, account, app, client, hooks):
    await client.fetch(WebhookRequest(app.answer("/voice", ""), AccountSid("AC" + "0" * 32)))
    await hooks.flush()
    assert await rows(db) == []
