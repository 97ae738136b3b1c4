"""Releases by the API: started, paused, halted by the account that owns all others, and as if there were none else."""

from __future__ import annotations

from datetime import UTC, datetime

import aiohttp
import pytest

from cloud.store import accounts, audit, edges, releases
from cloud.store.database import Connection
from cloud.store.records.releases import EdgeUpdateRecord, ReleaseRecord
from telecore.ids import EdgeId, Sha256
from tests.fakes.api_site import Site, basic

WHERE = "/simferry/v1/releases"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHA = Sha256("a" * 64)
RELEASE = ReleaseRecord(SHA, "program", "0.2.0", "stable", 3_200_000, NOON)


@pytest.fixture
async def site(site: Site) -> Site:
    def write(conn: Connection) -> None:
        releases.add(conn, RELEASE)
        edges.enrol(conn, edges.create(conn, EdgeId("site-1"), site.account.sid), "", public_key="ab" * 32)

    await site.db.write(write)
    return site


async def step(site: Site, name: str, which: str = "0.2.0", **fields: str) -> tuple[int, dict[str, object]]:
    return await site.ask("POST", f"{WHERE}/{which}/{name}", list(fields.items()))


async def test_it_is_started_paused_gone_on_with_and_halted(site: Site) -> None:
    status, body = await site.ask("GET", WHERE)
    assert (status, [(one["version"], one["state"]) for one in body["releases"]]) == (200, [("0.2.0", "added")])
    for percent in ("many", "250", "0"):
        status, body = await step(site, "stage", percent=percent)
        assert (status, "percent" in str(body["message"])) == (400, True)
    status, body = await step(site, "stage", percent="100", urgent="true")
    assert (status, body["state"], body["percent"], body["urgent"]) == (200, "staged", 100, True)
    assert [(one["edge"], one["outcome"]) for one in body["edges"]] == [("site-1", "not yet")]  # type: ignore[attr-defined]
    assert (await step(site, "pause", SHA[:12]))[1]["state"] == "paused"
    assert (await step(site, "resume", SHA))[1]["state"] == "staged"
    assert (await step(site, "resume"))[0] == 400
    update = EdgeUpdateRecord(EdgeId("site-1"), SHA, 1, "fetching", "40 %", NOON)
    await site.db.write(lambda conn: releases.fared(conn, update))
    status, body = await site.ask("GET", f"{WHERE}/0.2.0")
    assert (status, body["counts"]) == (200, {"fetching": 1})
    status, body = await step(site, "halt", why="site-7 is silent")
    assert body["reason"] == f"site-7 is silent (account {site.account.sid})"
    assert (await step(site, "stage", percent="5"))[0] == 400
    assert (await step(site, "stage", percent="5", again="true"))[1]["attempt"] == 2
    assert (await site.ask("GET", f"{WHERE}/9.9.9"))[0] == 404
    entries = await site.db.read(lambda conn: audit.latest(conn, 50))
    done = [entry.action for entry in entries if entry.result == "done" and "releases" in entry.action]
    assert len(done) == 5


async def test_where_there_are_others_it_is_the_operators(site: Site) -> None:
    """A customer's token, which may be stolen, changes nothing of what other customers' sites run."""
    below = await site.db.write(lambda conn: accounts.create(conn, "Ward", site.account.sid))
    assert len((await site.ask("GET", WHERE))[1]["releases"]) == 1
    async with (
        aiohttp.ClientSession(headers=basic(below)) as http,
        http.get(f"{site.url}{WHERE}") as answer,
    ):
        assert (await answer.json())["releases"] == []
    await site.db.write(lambda conn: accounts.create(conn, "Somebody else"))
    assert (await site.ask("GET", WHERE))[1]["releases"] == []
    assert (await site.ask("GET", f"{WHERE}/0.2.0"))[0] == 404
    for name, fields in (("stage", {"percent": "5"}), ("pause", {}), ("resume", {}), ("halt", {})):
        assert (await step(site, name, **fields))[0] == 404, name
    assert (await site.db.read(releases.list_)) == [RELEASE]
