"""Every route with every role; sessions that end; the second factor; guessing that does not lock the owner out."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import time
from collections.abc import AsyncIterator, Callable

import pyotp
import pytest

from cloud.dashboard.access import NOBODY, RULES, UNFINISHED
from cloud.dashboard.cookies import COOKIE, DEVICE_COOKIE, LOGIN_COOKIE, Cookies
from cloud.dashboard.knocking import Knocking, known_device
from cloud.dashboard.login import Doors
from cloud.dashboard.routes import Dashboard
from cloud.fleet.snapshot import Snapshot
from cloud.services.caps import CapKeeper
from cloud.services.fleet_tasks import FleetTasks
from cloud.store import accounts, audit, edges, operators
from cloud.store.records import OperatorRecord
from cloud.store.records.accounts import ROLES
from cloud.web import passwords, two_factor
from cloud.web.server import WebServer
from telecore.ids import EdgeId
from tests.cloud.dashboard.browsing import Browser, browsing
from tests.cloud.dashboard.conftest import PASSWORD, Desk

PIECES = {
    "edge": "site-1",
    "sid": "WH" + "0" * 32,
    "name": "operator.css",
    "sha256": "a" * 64,
    "account": "AC" + "0" * 32,
}


@pytest.fixture
async def browser(desk: Desk) -> AsyncIterator[Browser]:
    async with browsing(desk.url) as made:
        yield made


def path_of(route: str) -> str:
    route = route.replace("{device:[a-z0-9-]+(?:/[0-9]+)?}", "modem1")
    return re.sub(r"\{(\w+)(?::(?:[^{}]|\{[^}]*\})*)?\}", lambda found: PIECES[found[1]], route)


async def an_operator(desk: Desk, name: str, role: str, account: str | None = None) -> None:
    hashed = passwords.make_hash(PASSWORD)
    await desk.db.write(lambda conn: operators.put(conn, name, hashed, role=role, account=account))


def test_every_route_is_in_the_table(desk: Desk) -> None:
    served = {(route.method, route.path) for route in desk.server.routes}
    assert served == set(RULES)


@pytest.mark.parametrize("role", [NOBODY, *ROLES])
async def test_every_route_with_every_role(desk: Desk, browser: Browser, busy: Snapshot, role: str) -> None:
    """What the table allows is answered by the page behind; what it does not is 403, or the form to log in."""
    desk.fleet.show(busy)
    account = await desk.db.write(lambda conn: accounts.create(conn, "Clinic"))
    await desk.db.write(lambda conn: edges.create(conn, EdgeId("site-1"), account.sid))
    await an_operator(desk, "eve", ROLES[0] if role == NOBODY else role, account.sid if role == "account" else None)
    if role != NOBODY:
        assert await browser.log_in("eve") == 200
        await browser.get("/operator/me")
    csrf = browser.csrf
    last = "/operator/logout"
    for method, route in sorted(RULES, key=lambda rule: rule[1] == last):
        form = {"csrf": csrf, "password": "wrong", "new": "long enough it is", "state": "nothing"}
        if route.startswith("/operator/login") or route == "/operator/events":
            continue
        async with browser.http.request(
            method, desk.url + path_of(route), data=form if method == "POST" else None, allow_redirects=False
        ) as answer:
            text = await answer.text()
        if role in RULES[method, route]:
            assert "not open to the role" not in text, route
            assert answer.status in (200, 303, 400, 404) or route.startswith("/operator/me/")
            assert "Log in again" not in text
        elif role == NOBODY and method == "GET":
            assert "<h1>Simferry</h1>" in text
            assert "+85510000001" not in text
        else:
            assert answer.status == 403, route


def hash_of_yesterday() -> str:
    salt = b"s" * 16
    key = hashlib.scrypt(PASSWORD.encode(), salt=salt, n=1 << 14, r=8, p=1, maxmem=1 << 26, dklen=32)
    return "$".join(["scrypt", "14", "8", "1", base64.b64encode(salt).decode(), base64.b64encode(key).decode()])


async def test_a_hash_of_yesterday_is_made_anew(desk: Desk, browser: Browser) -> None:
    await desk.db.write(lambda conn: operators.put(conn, "old", hash_of_yesterday()))
    assert await browser.log_in("old", "wrong password") == 403
    assert await browser.log_in("old") == 200
    record = await desk.db.read(lambda conn: operators.get(conn, "old"))
    assert record is not None
    assert record.password.startswith("$argon2id$v=19$m=65536,t=2,p=1$")
    assert passwords.matches(PASSWORD, record.password)
    assert await browser.get("/operator") == 200
    assert "Log out" in browser.page, "the session goes on"
    assert known_device(browser.cookie(DEVICE_COOKIE), record)


async def test_a_hash_of_yesterday_does_not_come_back_for_a_new_password(
    desk: Desk, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.db.write(lambda conn: operators.put(conn, "old", hash_of_yesterday()))
    new, hashed = passwords.make_hash("another long one"), Knocking.hashed

    async def slow(self: Knocking, password: str) -> str:
        await desk.db.write(lambda conn: operators.change(conn, "old", password=new))
        return await hashed(self, password)

    monkeypatch.setattr(Knocking, "hashed", slow)
    assert await browser.log_in("old") == 403
    record = await desk.db.read(lambda conn: operators.get(conn, "old"))
    assert record is not None
    assert record.password == new


async def test_the_token_changes_at_login_and_what_others_set_is_not_taken(desk: Desk, browser: Browser) -> None:
    headers = {"Cookie": f"{COOKIE}=chosen-by-an-attacker"}
    async with browser.http.get(f"{desk.url}/operator", headers=headers) as answer:
        browser.page = await answer.text()
    form = {"csrf": browser.csrf, "user": "ann", "password": PASSWORD}
    both = f"{COOKIE}=chosen-by-an-attacker; {LOGIN_COOKIE}={browser.csrf}"
    async with browser.http.post(f"{desk.url}/operator/login", data=form, headers={"Cookie": both}) as answer:
        assert answer.status == 200
    first = browser.cookie(COOKIE)
    assert first not in ("", "chosen-by-an-attacker")
    await browser.log_in()
    assert browser.cookie(COOKIE) not in ("", first)


async def test_a_new_password_ends_the_other_sessions(desk: Desk, browser: Browser) -> None:
    async with browsing(desk.url) as other:
        await other.log_in()
        await browser.log_in()
        before = browser.cookie(COOKIE)
        await browser.get("/operator/me")
        assert browser.page.count("this one") == 1
        assert await browser.post("/operator/me/password", password="wrong", new="another long one") == 403
        assert await browser.post("/operator/me/password", password=PASSWORD, new="another long one") == 200
        assert browser.cookie(COOKIE) != before
        await other.get("/operator")
        assert "Log in" in other.page
        assert await other.log_in(password=PASSWORD) == 403
        assert await other.log_in(password="another long one") == 200


async def test_a_disabled_operator_is_out_at_once(desk: Desk, browser: Browser) -> None:
    await browser.log_in()
    await desk.db.write(lambda conn: operators.change(conn, "ann", disabled=True))
    await browser.get("/operator")
    assert "Log in" in browser.page
    assert await browser.log_in() == 403


@pytest.fixture(params=["another password", "disabled"])
def changed_meanwhile(
    request: pytest.FixtureRequest, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], dict[str, object]]:
    """From its call on the operator is changed whenever his password has been looked at; how."""
    other = {"password": passwords.make_hash("another long one")}
    changes: dict[str, object] = {"disabled": True} if request.param == "disabled" else dict(other)
    right = Knocking.right

    async def slow(self: Knocking, record: OperatorRecord, password: str) -> bool:
        found = await right(self, record, password)
        await desk.db.write(lambda conn: operators.change(conn, record.name, **changes))
        return found

    def begin() -> dict[str, object]:
        monkeypatch.setattr(Knocking, "right", slow)
        return changes

    return begin


async def test_who_proves_himself_by_what_is_changed_meanwhile_is_not_let_in(
    browser: Browser, changed_meanwhile: Callable[[], dict[str, object]]
) -> None:
    changed_meanwhile()
    assert await browser.log_in() == 403
    await browser.get("/operator")
    assert "Log in" in browser.page


async def test_whose_password_is_changed_meanwhile_changes_nothing(
    desk: Desk, browser: Browser, changed_meanwhile: Callable[[], dict[str, object]]
) -> None:
    await browser.log_in()
    await browser.get("/operator/me")
    changes = changed_meanwhile()
    assert await browser.post("/operator/me/password", password=PASSWORD, new="a thief's own one") == 403
    kept = await desk.db.read(lambda conn: operators.get(conn, "ann"))
    assert kept is not None
    assert {name: getattr(kept, name) for name in changes} == changes
    await browser.get("/operator")
    assert "Log in" in browser.page


async def test_a_session_is_ended_from_another(desk: Desk, browser: Browser) -> None:
    async with browsing(desk.url) as other:
        await other.log_in()
        await browser.log_in()
        await browser.get("/operator/me")
        ids = re.findall(r'name="id" value="([0-9a-f]+)"', browser.page)
        assert len(ids) == 2
        mine = browser.page.index("this one")
        others = [one for one in ids if abs(browser.page.index(one) - mine) > 900 or browser.page.index(one) < mine]
        await browser.post("/operator/me/sessions/end", id=others[0])
        await other.get("/operator")
        assert "Log in" in other.page


async def test_the_second_factor(desk: Desk, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    await browser.log_in()
    await browser.get("/operator/me")
    assert "<svg" in browser.page
    secret = browser.found(r'id="secret">([A-Z2-7 ]+)<').replace(" ", "")
    totp = pyotp.TOTP(secret)
    assert await browser.post("/operator/me/two-factor", code="000000") == 403
    code = totp.now()
    assert await browser.post("/operator/me/two-factor", code=code) == 200
    codes = browser.found(r'id="codes">(.*?)</pre>').split()
    assert len(codes) == 10
    record = await desk.db.read(lambda conn: operators.get(conn, "ann"))
    assert record is not None
    assert not set(codes) & set(record.recovery), "hashes are kept, not codes"

    async with browsing(desk.url) as other:
        await other.log_in()
        assert "authenticator" in other.page
        assert await other.get("/operator") == 200
        assert "Log out" not in other.page, "the password alone opens nothing"
        await other.log_in()
        assert await other.post("/operator/login/code", code=code) == 403, "a code counts once"
        assert await other.post("/operator/login/code", code=codes[0].upper()) == 200
        assert "Log out" in other.page
    async with browsing(desk.url) as third:
        await third.log_in()
        assert await third.post("/operator/login/code", code=codes[0]) == 403, "so does a recovery code"
        step = int(time.time()) // two_factor.STEP_S + 1
        assert await third.post("/operator/login/code", code=totp.generate_otp(step)) == 200
        assert "Log out" in third.page


async def test_where_a_second_factor_is_required_there_is_nothing_without_one(desk: Desk, busy: Snapshot) -> None:
    desk.fleet.show(busy)
    tasks = FleetTasks(desk.db, wake=lambda edge: None)
    dashboard = Dashboard(
        desk.db,
        desk.fleet,
        tasks,
        "http://127.0.0.1",
        webhooks=desk.hooks,
        edges=desk.edges,
        caps=CapKeeper(),
        doors=Doors(two_factor=True),
    )
    server = WebServer("127.0.0.1", 0, dashboard.routes())
    running = asyncio.create_task(server.run())
    await asyncio.wait_for(server.started.wait(), 5)
    try:
        async with browsing(f"http://127.0.0.1:{server.port}") as browser:
            await browser.log_in()
            assert browser.where == "/operator/me"
            for path in ("/operator", "/operator/audit", "/operator/webhooks", "/operator/channels/site-1/modem1"):
                await browser.get(path)
                assert browser.where == "/operator/me"
                assert "+85510000001" not in browser.page
            assert await browser.get("/operator/events") == 200
            assert browser.where == "/operator/me"
            assert await browser.post("/operator/me/two-factor/off", password=PASSWORD) == 200
            secret = browser.found(r'id="secret">([A-Z2-7 ]+)<').replace(" ", "")
            assert await browser.post("/operator/me/two-factor", code=pyotp.TOTP(secret).now()) == 200
            await browser.get("/operator")
            assert "site-1/modem1" in browser.page
            await browser.get("/operator/me")
            assert await browser.post("/operator/me/two-factor/off", password=PASSWORD) == 403
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_codes_cannot_be_guessed(desk: Desk, browser: Browser) -> None:
    await desk.db.write(lambda conn: operators.change(conn, "ann", totp_secret=two_factor.new_secret()))
    await browser.log_in()
    answers = [await browser.post("/operator/login/code", code=f"{n:06}") for n in range(7)]
    assert answers == [403] * 5 + [429] * 2


async def test_a_thousand_strangers_do_not_lock_the_owner_out(desk: Desk, browser: Browser) -> None:
    await browser.log_in()
    async with browsing(desk.url) as stranger:
        answers = [await stranger.log_in(password=f"guess {n}") for n in range(7)]
        assert answers == [403] * 5 + [429] * 2
        assert await stranger.log_in() == 429, "right or wrong"
    assert await browser.log_in() == 200, "the browser that was let in before"
    assert "Log out" in browser.page


async def test_what_happens_at_the_door_is_in_the_log(desk: Desk, browser: Browser) -> None:
    await browser.log_in(password="wrong")
    await browser.log_in("nobody-has-this-name", "my-password-in-the-wrong-field")
    await browser.log_in()
    await browser.get("/operator/audit")
    rows = await desk.db.read(lambda conn: audit.latest(conn, 10))
    assert [(row.who, row.result) for row in rows] == [
        ("operator ann", "done"),
        ("nobody known", "refused login"),
        ("operator ann", "refused login"),
    ]
    assert "nobody-has-this-name" not in browser.page
    assert "refused login" in browser.page
    assert "login 2" in browser.page, "what was turned away is counted"
    await browser.get("/operator/audit?verify=1")
    assert "whole" in browser.page


def test_cookies_over_https() -> None:
    header = Cookies(secure=True).header(COOKIE, "x", 60)
    assert header == "__Host-simferry_operator=x; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"


def test_unfinished_doors_are_in_the_table() -> None:
    assert {route for _, route in RULES} >= UNFINISHED
