"""A real store on a temporary file, and where there is a PostgreSQL, on that too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloud.sealing import FILE, Seals
from cloud.store import accounts
from cloud.store.database import Database
from cloud.store.records import AccountRecord
from tests.fakes.postgres import copied, postgres_store
from tests.fakes.store import store_url

__all__ = ["postgres_store"]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty store."""
    if request.param == "sqlite":
        return store_url(tmp_path)
    return copied(request.getfixturevalue("postgres_store"))


@pytest.fixture
async def db(database_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(database_url, seals=Seals(tmp_path / FILE)) as database:
        yield database


@pytest.fixture
async def account(db: Database) -> AccountRecord:
    return await db.write(lambda conn: accounts.create(conn, "Test"))
