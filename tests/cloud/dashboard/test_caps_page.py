"""What accounts may spend and have, on the operator's page."""

from __future__ import annotations

import pytest

from cloud.dashboard.caps_page import CapsPage
from cloud.dashboard.login import Login
from cloud.dashboard.rendering import all_pages
from cloud.services.caps import CapKeeper
from cloud.store import accounts, audit, caps, operators
from cloud.store.caps import MESSAGES, Block
from cloud.store.rows import now
from cloud.web import passwords
from telecore.caps import Caps
from tests.cloud.dashboard.browsing import Browser, browsing
from tests.cloud.dashboard.conftest import PASSWORD, Desk


@pytest.fixture
async def browser(desk: Desk):
    async with browsing(desk.url) as made:
        yield made


async def test_use_against_caps_and_what_is_blocked(desk: Desk, browser: Browser) -> None:
    await browser.log_in()
    assert "/operator/caps" in browser.page
    assert await browser.get("/operator/caps") == 200
    assert "No account has a cap" in browser.page
    clinic = await desk.db.write(lambda conn: accounts.create(conn, "Clinic <b>"))
    made = Block(clinic.sid, "+2526123", "messages go to a run of its numbers", now())

    def spend(conn):
        caps.set_settings(conn, clinic.sid, {"messages_per_day": 50}, now())
        caps.count(conn, clinic.sid, MESSAGES, 7, now())
        caps.block(conn, made)

    await desk.db.write(spend)
    await browser.get("/operator/caps")
    for shown in ("messages_per_day 7 of 50", "+2526123", "Clinic &lt;b&gt;", clinic.sid):
        assert shown in browser.page


async def test_they_are_set_and_taken_back(desk: Desk, browser: Browser) -> None:
    clinic = await desk.db.write(lambda conn: accounts.create(conn, "Clinic"))
    where = f"/operator/caps/{clinic.sid}"

    async def kept() -> dict[str, object]:
        return dict(await desk.db.read(lambda conn: caps.settings(conn, clinic.sid)))

    await browser.log_in()
    await browser.get("/operator/caps")
    assert where in browser.page
    assert await browser.get(where) == 200
    given = {"messages_per_day": "50", "allow": "+855,+84", "prefixes": "+84=5", "special": "true", "bursts": "block"}
    assert await browser.post(where, **given) == 200
    assert "messages_per_day 0 of 50" in browser.page
    assert await kept() == {
        "messages_per_day": 50, "allow": ["+855", "+84"], "prefixes": {"+84": 5}, "special": True, "bursts": "block",
    }  # fmt: skip
    await browser.get(where)
    for value in ('value="50"', 'value="+855,+84"', 'value="+84=5"', '<option value="block" selected>'):
        assert value in browser.page
    assert await browser.post(where, **(given | {"allow": "855"})) == 400
    assert "allow" in browser.page
    assert (await kept())["allow"] == ["+855", "+84"]
    await desk.db.write(lambda conn: caps.block(conn, Block(clinic.sid, "+2526123", "a run", now())))
    assert await browser.post(where, messages_per_day="0", unblock="true") == 200
    assert await kept() == {"messages_per_day": 0}
    assert await desk.db.read(lambda conn: caps.blocks(conn, clinic.sid)) == []
    await browser.get(where)
    assert await browser.post(f"/operator/caps/AC{'0' * 32}") == 404
    entries = await desk.db.read(lambda conn: audit.latest(conn, 20))
    done = [entry for entry in entries if entry.result == "done" and entry.target == where]
    assert [entry.who for entry in done] == ["operator ann"] * 2


async def test_only_a_form_of_ours_sets_them_and_only_for_operators(desk: Desk, browser: Browser) -> None:
    clinic = await desk.db.write(lambda conn: accounts.create(conn, "Clinic"))
    where, hashed = f"/operator/caps/{clinic.sid}", passwords.make_hash(PASSWORD)
    await desk.db.write(lambda conn: operators.put(conn, "eve", hashed, role="auditor"))
    await browser.log_in()
    await browser.get(where)
    assert await browser.post(where, csrf="0" * 32, messages_per_day="5") == 403
    async with browsing(desk.url) as other:
        await other.log_in("eve")
        assert await other.get(where) == 200
        assert "<button" not in other.page
        assert await other.post(where, messages_per_day="5") == 403
    assert await desk.db.read(lambda conn: caps.settings(conn, clinic.sid)) == {}


async def test_an_account_does_not_see_others(desk: Desk, browser: Browser) -> None:
    mine = await desk.db.write(lambda conn: accounts.create(conn, "Mine"))
    hashed = passwords.make_hash(PASSWORD)
    await desk.db.write(lambda conn: operators.put(conn, "eve", hashed, role="account", account=mine.sid))
    await browser.log_in("eve")
    assert "/operator/caps" not in browser.page
    assert await browser.get("/operator/caps") == 403


async def test_caps_of_the_configuration_are_shown_for_accounts_that_nobody_owns(desk: Desk) -> None:
    mine = await desk.db.write(lambda conn: accounts.create(conn, "Mine"))
    below = await desk.db.write(lambda conn: accounts.create(conn, "Below", mine.sid))
    pages = all_pages()
    page = CapsPage(desk.db, pages, Login(desk.db, pages, secure=False), CapKeeper(Caps(messages_per_day=9)))
    found = await desk.db.read(page._rows)
    assert [(record.sid, [step.most for step in used]) for record, used, _ in found] == [(mine.sid, [9])]
    await desk.db.write(lambda conn: caps.set_settings(conn, below.sid, {"calls_at_once": 2}, now()))
    assert {record.sid for record, _, _ in await desk.db.read(page._rows)} == {mine.sid, below.sid}
