"""Releases go out by share, and halt by themselves (U2 of the list of faults)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cloud.services import staging
from cloud.services.rollouts import Rollouts, release_of
from cloud.store import releases
from cloud.store.database import Connection, Database
from cloud.store.records.releases import ADDED, HALTED, STAGED, ReleaseRecord
from telecore.errors import InvalidRequest, NotFound
from telecore.ids import EdgeId, Sha256
from telecore.notices import Notice, UpdateEnded, UpdatesOffered, UpdatesStand
from telecore.releases import is_staged

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RELEASE = ReleaseRecord(
    Sha256("a" * 64), "program", "0.2.0", "stable", 900, NOON, state=STAGED, percent=10, staged_at=NOON
)
EDGES = [EdgeId(f"site-{number}") for number in range(200)]


class Fleet:
    def __init__(self, db: Database) -> None:
        self.heard: dict[EdgeId, UpdatesOffered] = {}
        self.rollouts = Rollouts(db, self._notify)

    def _notify(self, edge: EdgeId, notice: Notice) -> bool:
        assert isinstance(notice, UpdatesOffered)
        self.heard[edge] = notice
        return True

    @property
    def offered(self) -> set[EdgeId]:
        return {edge for edge, notice in self.heard.items() if notice.releases}


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not what():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_tenth_hears_of_it_and_a_failing_canary_halts_it_for_all(db: Database) -> None:
    await db.write(lambda conn: releases.add(conn, RELEASE))
    fleet = Fleet(db)
    running = asyncio.create_task(fleet.rollouts.run())
    for edge in EDGES:
        fleet.rollouts.on_link(edge, True)
    mine = {edge for edge in EDGES if is_staged(RELEASE.sha256, edge, 10)}
    await until(lambda: fleet.offered == mine)
    assert set(fleet.heard) == mine  # the others hear nothing
    first, second = sorted(mine)[:2]
    fleet.rollouts.on_stand(first, UpdatesStand("trial", RELEASE.sha256))
    fleet.rollouts.on_stand(first, UpdatesStand("idle", ended=(UpdateEnded(RELEASE.sha256, "done"),)))
    fleet.rollouts.on_stand(
        second, UpdatesStand("idle", ended=(UpdateEnded(RELEASE.sha256, "refused", "other packages"),))
    )
    await asyncio.sleep(0.1)
    assert fleet.offered == mine
    third = sorted(mine)[2]
    for _ in range(2):  # told again after each greeting
        ended = UpdateEnded(RELEASE.sha256, "reverted", "it did not prove itself")
        fleet.rollouts.on_stand(third, UpdatesStand("idle", ended=(ended,)))
    await until(lambda: not fleet.offered)
    (record,) = await db.read(releases.list_)
    assert (record.state, record.reason[:22]) == (HALTED, "1 of 2 edges went back")
    fares = {each.edge: each.outcome for each in await db.read(lambda conn: releases.updates_of(conn, record))}
    assert fares == {first: "done", second: "refused", third: "reverted"}
    running.cancel()


async def test_what_is_halted_while_the_store_is_asked_is_not_offered_again(db: Database) -> None:
    """What was seen before comes after what was seen later."""
    await db.write(lambda conn: releases.add(conn, replace(RELEASE, percent=100)))
    fleet = Fleet(db)
    read, seen, told = db.read, asyncio.Event(), asyncio.Event()

    async def slowly(work: Callable[[Connection], Any]) -> Any:
        found = await read(work)
        if not seen.is_set():
            seen.set()
            await told.wait()
        return found

    db.read = slowly  # type: ignore[method-assign]
    fleet.rollouts.on_link(EDGES[0], True)
    first = asyncio.create_task(fleet.rollouts._look())
    await seen.wait()
    await db.write(lambda conn: staging.halt(conn, "0.2.0", "smoke"))
    second = asyncio.create_task(fleet.rollouts._look())
    await asyncio.wait({second}, timeout=0.1)
    told.set()
    await asyncio.gather(first, second)
    assert not fleet.offered


async def test_one_failure_among_many_does_not_halt_it(db: Database) -> None:
    await db.write(lambda conn: releases.add(conn, replace(RELEASE, percent=100)))
    fleet = Fleet(db)
    running = asyncio.create_task(fleet.rollouts.run())
    for number, edge in enumerate(EDGES[:40]):
        outcome = "reverted" if number in (30, 39) else "done"
        fleet.rollouts.on_link(edge, True)
        fleet.rollouts.on_stand(edge, UpdatesStand("idle", ended=(UpdateEnded(RELEASE.sha256, outcome),)))
        await until(lambda: edge in fleet.heard)  # noqa: B023
        await asyncio.sleep(0.02)
    (record,) = await db.read(releases.list_)
    assert record.state == STAGED
    running.cancel()


async def test_the_last_one_staged_of_each_kind_is_what_an_edge_is_to_have(db: Database) -> None:
    later = replace(RELEASE, sha256=Sha256("b" * 64), version="0.2.1", percent=100, staged_at=NOON.replace(hour=13))
    profiles = replace(RELEASE, sha256=Sha256("c" * 64), what="profiles", percent=100)
    for each in (replace(RELEASE, percent=100), later, profiles):
        await db.write(lambda conn: releases.add(conn, each))  # noqa: B023
    found = releases.turn_of(EDGES[0], await db.read(releases.staged))
    assert [each.version for each in found] == ["0.2.1", "0.2.0"]


def test_what_is_no_release_is_told_so() -> None:
    with pytest.raises(InvalidRequest, match="no release file"):
        release_of(b"PK")


async def test_what_operators_may_do_in_each_state(db: Database) -> None:
    await db.write(lambda conn: releases.add(conn, replace(RELEASE, state=ADDED, percent=0.0)))

    async def do(step: Callable[[Connection], ReleaseRecord]) -> str:
        try:
            made = await db.write(step)
        except InvalidRequest as error:
            return f"no: {error.message.split(',', maxsplit=1)[0]}"
        (kept,) = await db.read(releases.list_)
        assert kept == made
        return made.state

    assert await do(lambda conn: staging.pause(conn, "0.2.0")) == "no: it is added"
    assert (await do(lambda conn: staging.resume(conn, "0.2.0"))).startswith("no: only")
    assert await do(lambda conn: staging.stage(conn, "0.2.0", 0)) == "no: percent must be above 0 and at most 100"
    assert await do(lambda conn: staging.stage(conn, "0.2.0", 5, urgent=True)) == "staged"
    assert await do(lambda conn: staging.pause(conn, "aaaa")) == "paused"
    assert await do(lambda conn: staging.resume(conn, "0.2.0")) == "staged"
    assert await do(lambda conn: staging.halt(conn, "0.2.0", "smoke")) == "halted"
    assert (await do(lambda conn: staging.stage(conn, "0.2.0", 5))).startswith("no: it was halted (smoke)")
    assert await do(lambda conn: staging.stage(conn, "0.2.0", 50, again=True)) == "staged"
    (kept,) = await db.read(releases.list_)
    assert (kept.attempt, kept.percent, kept.reason, kept.urgent) == (2, 50, "", True)
    with pytest.raises(NotFound):
        await db.write(lambda conn: staging.pause(conn, "9.9.9"))


async def test_an_edge_hears_that_a_release_is_urgent_and_is_seen_coming_along(db: Database) -> None:
    await db.write(lambda conn: releases.add(conn, replace(RELEASE, percent=100, urgent=True)))
    fleet = Fleet(db)
    running = asyncio.create_task(fleet.rollouts.run())
    fleet.rollouts.on_link(EDGES[0], True)
    await until(lambda: fleet.offered)
    assert fleet.heard[EDGES[0]].releases[0].urgent
    for percent in (10, 20):
        fleet.rollouts.on_stand(EDGES[0], UpdatesStand("fetching", RELEASE.sha256, f"program 0.2.0: {percent} %"))
        said = f"program 0.2.0: {percent} %"
        async with asyncio.timeout(5):
            while [u.reason for u in await db.read(lambda conn: releases.updates_of(conn, RELEASE))] != [said]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    running.cancel()
