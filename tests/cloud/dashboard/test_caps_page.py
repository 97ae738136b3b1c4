"""What accounts may spend and have, on the operator's page."""

from __future__ import annotations

import pytest

from cloud.dashboard.caps_page import CapsPage
from cloud.dashboard.login import Login
from cloud.dashboard.rendering import all_pages
from cloud.services.caps import CapKeeper
from cloud.store import accounts, caps, operators
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
