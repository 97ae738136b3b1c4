"""The scripts and the schema describe the same tables."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from cloud.store import migrate
from cloud.store.schema import metadata


def test_migrations_make_exactly_the_schema(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'm.db'}"
    assert migrate.upgrade(url) == migrate.newest()
    engine = create_engine(url)
    with engine.connect() as conn:
        differences = compare_metadata(MigrationContext.configure(conn, opts={"compare_type": True}), metadata)
    engine.dispose()
    assert differences == []


def test_running_them_again_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'm.db'}"
    migrate.upgrade(url)
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(metadata.tables["operators"].insert().values(name="a", password="b", created_at=None or _moment()))
    engine.dispose()
    assert migrate.upgrade(url) == migrate.newest()
    with engine.connect() as conn:
        assert conn.execute(metadata.tables["operators"].select()).one().name == "a"
    engine.dispose()


def _moment() -> object:
    from datetime import UTC, datetime

    return datetime(2026, 1, 1, tzinfo=UTC)
