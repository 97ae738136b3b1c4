"""What an account may spend, over /simferry/v1."""

from __future__ import annotations

import pytest

from cloud.store import accounts
from cloud.store.caps import Block, block
from cloud.store.rows import now
from tests.fakes.api_site import Site

WHERE = "/simferry/v1/caps"


async def test_a_parent_sets_its_subaccounts_and_nobody_his_own(site: Site) -> None:
    below = await site.db.write(lambda conn: accounts.create(conn, "Ward", site.account.sid))
    stranger = await site.db.write(lambda conn: accounts.create(conn, "Stranger"))
    status, body = await site.ask("GET", WHERE)
    assert (status, body["messages_per_day"], body["bursts"], body["used"]) == (200, 0, "foreign", {})
    status, body = await site.ask("POST", WHERE, [("messages_per_day", "0")])
    assert (status, body["code"]) == (403, 20003)
    given = [("account", below.sid), ("messages_per_day", "50"), ("allow", "+855,+84"), ("prefixes", "+84=5")]
    status, body = await site.ask("POST", WHERE, given)
    assert (status, body["sid"], body["messages_per_day"]) == (200, below.sid, 50)
    assert (body["allow"], body["prefixes"], body["used"]) == (["+855", "+84"], {"+84": 5}, {"messages_per_day": 0})
    _, body = await site.ask("POST", WHERE, [("account", below.sid), ("allow", "")])
    assert (body["allow"], body["messages_per_day"]) == ([], 50)
    for method in ("GET", "POST"):
        assert (await site.ask(method, WHERE, [("account", stranger.sid)]))[0] == 404


async def test_what_is_blocked_is_shown(site: Site) -> None:
    made = Block(site.account.sid, "+2526123", "messages go to a run of its numbers", now())
    await site.db.write(lambda conn: block(conn, made))
    _, body = await site.ask("GET", WHERE)
    assert [(found["prefix"], found["why"]) for found in body["blocked"]] == [(made.prefix, made.why)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("messages_per_day", "-1"),
        ("allow", "855"),
        ("prefixes", "+84"),
        ("special", "maybe"),
        ("bursts", "x"),
        ("warnings", "x"),
    ],
)  # fmt: skip
async def test_what_cannot_be_set(site: Site, name: str, value: str) -> None:
    below = await site.db.write(lambda conn: accounts.create(conn, "Ward", site.account.sid))
    status, body = await site.ask("POST", WHERE, [("account", below.sid), (name, value)])
    assert (status, name in body["message"]) == (400, True)
