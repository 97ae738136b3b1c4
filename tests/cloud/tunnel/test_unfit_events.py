"""What no database can hold does not stop a street: PostgreSQL has lengths, and no NUL, where SQLite takes anything."""

from __future__ import annotations

import itertools
import json
import logging
from pathlib import Path

import pytest

from cloud.sealing import FILE, Seals
from cloud.services.caps import CapKeeper
from cloud.store import accounts, edges
from cloud.store.database import Database
from cloud.tunnel.ingest import Ingest
from telecore.ids import EdgeId
from tests.fakes.postgres import copied
from tests.faults.test_fuzz_tunnel import EVENTS

EDGE = EdgeId("site-1")
UNFIT = ("x" * 5000, "a\0b", 2**70)


async def test_every_field_of_every_event_may_be_unfit(
    postgres_store: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    ours = [json.loads(json.dumps(event).replace('"x"', f'"{EDGE}/modem1"')) for event in EVENTS]
    numbers = itertools.count(1)
    async with Database(copied(postgres_store), seals=Seals(tmp_path / FILE)) as db:
        account = await db.write(lambda conn: accounts.create(conn, "Clinic"))
        await db.write(lambda conn: edges.create(conn, EDGE, account.sid))
        street = Ingest(db, allow=CapKeeper().allow).incoming(EDGE)
        for event in [*EVENTS, *ours]:
            for name, value in itertools.product(event.keys() - {"kind"}, UNFIT):
                seq = next(numbers)
                await street.apply("s", seq, {**event, "id": f"id{seq}", name: value}, history=False)
        assert await street.applied("s") == seq
