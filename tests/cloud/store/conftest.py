"""A real store on a temporary file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloud.store import accounts
from cloud.store.database import Database
from cloud.store.records import AccountRecord
from tests.fakes.store import store_url


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(store_url(tmp_path)) as database:
        yield database


@pytest.fixture
async def account(db: Database) -> AccountRecord:
    return await db.write(lambda conn: accounts.create(conn, "Test"))
