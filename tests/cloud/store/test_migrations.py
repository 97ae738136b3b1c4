"""The scripts and the schema describe the same tables."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from cloud.store import migrate
from cloud.store.schema import metadata

MADE = datetime(2026, 1, 1, tzinfo=UTC)


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
        conn.execute(metadata.tables["operators"].insert().values(name="a", password="b", created_at=MADE))
    engine.dispose()
    assert migrate.upgrade(url) == migrate.newest()
    with engine.connect() as conn:
        assert conn.execute(metadata.tables["operators"].select()).one().name == "a"
    engine.dispose()


def test_a_database_of_the_first_revision_keeps_its_rows(tmp_path: Path) -> None:
    """Its messages are neither urgent nor flash, and everything new is empty."""
    url = f"sqlite:///{tmp_path / 'm.db'}"
    migrate.upgrade(url, "0001")
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(text("INSERT INTO accounts (sid, friendly_name, auth_token, status, created_at, updated_at)"
                          " VALUES ('AC1', 'One', 't', 'active', 1, 1)"))  # fmt: skip
        conn.execute(text("INSERT INTO messages (sid, account, direction, sender, recipient, body, status, created_at,"
                          " updated_at, segments, status_callback)"
                          " VALUES ('SM1', 'AC1', 'inbound', '1', '2', 'kept', 'received', 1, 1, 1, '')"))  # fmt: skip
    engine.dispose()
    assert migrate.upgrade(url) == migrate.newest()
    with engine.connect() as conn:
        row = conn.execute(metadata.tables["messages"].select()).one()
        assert (row.body, row.urgent, row.flash, row.port) == ("kept", False, False, None)
        for name in ("warnings", "history", "tasks"):
            assert conn.execute(metadata.tables[name].select()).all() == []
    engine.dispose()


def test_one_that_is_cut_off_has_changed_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a power cut would: the first start of all must not be the last."""
    url = f"sqlite:///{tmp_path / 'm.db'}"
    with monkeypatch.context() as patch:
        patch.setattr(Operations, "create_index", _cut)
        with pytest.raises(KeyboardInterrupt):
            migrate.upgrade(url)
    engine = create_engine(url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()
    assert migrate.upgrade(url) == migrate.newest()


def _cut(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_the_tables_can_be_made_in_postgresql_too() -> None:
    for table in metadata.sorted_tables:
        made = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "AUTOINCREMENT" not in made
        if "id" in table.c and table.name != "tombstones":
            assert "BIGSERIAL" in made, table.name
