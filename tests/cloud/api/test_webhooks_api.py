"""The log of webhooks and the settings of an account, over /simferry/v1."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from cloud.services.exchanges import WebhookRequest
from cloud.store import accounts, audit, webhook_log
from cloud.store.records import Cursor
from cloud.store.webhook_log import WebhookFilter
from tests.fakes.api_site import Site
from tests.fakes.customer_app import CustomerApp, Reply

LOG = "/simferry/v1/webhooks"
CALL = "CA" + "1" * 32


async def logged(site: Site, app: CustomerApp, subject: str, reply: str | Reply) -> str:
    """One request to the application, as the services make it, and the SID it is logged under."""
    url = app.answer(f"/{subject[:4]}", reply)
    ask = WebhookRequest(url, site.account.sid, params={"CallSid": subject}, secret="s", subject=subject)
    await site.hooks.client.fetch(ask)
    await site.hooks.log.flush()
    page = await site.db.read(lambda conn: webhook_log.page(conn, None, WebhookFilter(subject=subject), Cursor()))
    return page.items[0].sid


async def test_list_fetch_and_filters(site: Site) -> None:
    async with CustomerApp() as app:
        good = await logged(site, app, CALL, "<Response/>")
        bad = await logged(site, app, "SM" + "2" * 32, Reply("sorry", status=500))
    _, body = await site.ask("GET", LOG)
    assert [row["sid"] for row in body["webhooks"]] == [bad, good]
    _, body = await site.ask("GET", LOG, [("failed", "true"), ("code", "11200"), ("status", "500")])
    assert [row["sid"] for row in body["webhooks"]] == [bad]
    _, body = await site.ask("GET", LOG, [("subject", CALL), ("PageSize", "1")])
    assert [row["sid"] for row in body["webhooks"]] == [good]
    status, row = await site.ask("GET", f"{LOG}/{bad}")
    assert (status, row["response"]["status"], row["response"]["body"]) == (200, 500, "sorry")
    assert (row["code"], row["request"]["params"], row["can_be_replayed"]) == (
        11200,
        {"CallSid": "SM" + "2" * 32},
        True,
    )


async def test_a_replay_is_a_row_of_its_own(site: Site) -> None:
    async with CustomerApp() as app:
        sid = await logged(site, app, CALL, "<Response/>")
        status, made = await site.ask("POST", f"{LOG}/{sid}/replay")
        assert len(app.received) == 2
    assert (status, made["replay_of"], made["response"]["status"]) == (201, sid, 200)


async def test_what_is_wrong_and_what_is_anothers(site: Site) -> None:
    async with CustomerApp() as app:
        sid = await logged(site, app, CALL, "")
    for name, value in (("code", "x"), ("code", "1000000"), ("status", "99"), ("failed", "maybe"), ("PageToken", "x")):
        status, _ = await site.ask("GET", LOG, [(name, value)])
        assert status == 400, name
    assert (await site.ask("GET", f"{LOG}/WH{'0' * 32}"))[0] == 404
    stranger = await site.db.write(lambda conn: accounts.create(conn, "Stranger"))
    other = replace(site, account=stranger)
    assert (await other.ask("GET", f"{LOG}/{sid}"))[0] == 404
    assert (await other.ask("POST", f"{LOG}/{sid}/replay"))[0] == 404
    assert (await other.ask("GET", LOG))[1]["webhooks"] == []


async def test_what_was_not_kept_whole_cannot_be_replayed(site: Site) -> None:
    status, body = await site.ask("POST", "/simferry/v1/account", [("webhook_log", "brief")])
    assert (status, body["webhook_log"], body["webhook_log_days"]) == (200, "brief", 7)
    async with CustomerApp() as app:
        sid = await logged(site, app, CALL, "")
    status, body = await site.ask("POST", f"{LOG}/{sid}/replay")
    assert (status, body["code"]) == (409, 20409)


async def test_settings_are_the_accounts_own_or_its_subaccounts(site: Site) -> None:
    where = "/simferry/v1/account"
    below = await site.db.write(lambda conn: accounts.create(conn, "Ward", site.account.sid))
    stranger = await site.db.write(lambda conn: accounts.create(conn, "Stranger"))
    _, body = await site.ask("GET", where)
    assert (body["sid"], body["compat"], body["webhook_log"]) == (site.account.sid, "twilio", "full")
    _, body = await site.ask("POST", where, [("account", below.sid), ("webhook_log_days", "30"), ("compat", "somleng")])
    assert (body["sid"], body["webhook_log_days"], body["compat"]) == (below.sid, 30, "somleng")
    assert (await site.ask("POST", where, [("account", stranger.sid)]))[0] == 404
    kept = ("message_retention", "message_days", "recording_days", "call_days")
    assert [body[name] for name in kept] == ["redacted", 0, 0, 0]
    _, body = await site.ask("POST", where, list(zip(kept, ("deleted", "90", "30", "3650"), strict=True)))
    assert [body[name] for name in kept] == ["deleted", 90, 30, 3650]
    _, body = await site.ask("POST", where, [("message_days", "0")])
    assert [body[name] for name in kept] == ["deleted", 0, 30, 3650]
    entries = await site.db.read(lambda conn: audit.latest(conn, 2))
    assert [entry.action for entry in entries] == [f"POST {where}"] * 2
    assert [entry.detail for entry in entries] == ["message_days", ", ".join(sorted(kept))]
    for name, value in (
        ("compat", "jambonz"),
        ("webhook_log", "all"),
        ("webhook_log_days", "0"),
        ("webhook_log_days", "91"),
        ("message_retention", "full"),
        ("message_days", "-1"),
        ("recording_days", "3651"),
        ("call_days", "ten"),
    ):
        status, body = await site.ask("POST", where, [(name, value)])
        assert (status, f"'{name}'" in body["message"]) == (400, True), body
    key = await site.twilio(lambda c: c.new_keys.create())
    client = site.by_key(key.sid, key.secret)
    answer = await asyncio.to_thread(lambda: client.request("GET", f"{site.url}{where}"))
    assert answer.status_code == 401
