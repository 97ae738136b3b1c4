"""From every earlier schema with rows in each of its tables: nothing of them is lost, and what is new has a value."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    select,
    text,
)

from cloud.sealing import FILE, MARK, Seals, place
from cloud.store import migrate, sealed
from cloud.store.schema import metadata
from tests.fakes import postgres

ROWS = 3
SEALED = "0023"
VERSION = "alembic_version"
BODY = "Straße \U0001f30a 水 'quoted' \\ \" end"

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    if not postgres.installed():
        pytest.skip("no PostgreSQL, or no psycopg")
    with postgres.server() as one:
        yield one.url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'm.db'}"
        return
    found = str(request.getfixturevalue("server"))
    yield found
    engine = create_engine(found)
    with engine.begin() as conn:
        conn.execute(text("DROP SCHEMA public CASCADE"))
        conn.execute(text("CREATE SCHEMA public"))
    engine.dispose()


@pytest.fixture
def seals(tmp_path: Path) -> Seals:
    return Seals(tmp_path / FILE)


def test_every_row_of_every_earlier_schema_is_kept(url: str, seals: Seals) -> None:
    """Each schema in turn gets rows in all its tables, and what an earlier one left must still be there."""
    engine = create_engine(url)
    kept: Rows = {}
    for step, revision in enumerate(migrate.revisions()):
        assert migrate.upgrade(url, revision, seals) == revision
        if revision == SEALED:
            assert _plain_secrets(engine) == []
        made = _reflected(engine)
        now = _all_rows(engine, made, seals)
        for table, rows in kept.items():
            assert len(now[table]) == len(rows), f"{table} after {revision}"
            lost = [row for row, found in zip(rows, now[table], strict=True) if not row.items() <= found.items()]
            assert lost == [], f"{table} after {revision}"
        with engine.begin() as conn:
            _fill(conn, made, range(step * ROWS, (step + 1) * ROWS))
        kept = _all_rows(engine, made, seals)
        assert min(len(rows) for rows in kept.values()) >= ROWS
    _is_sound(engine)
    engine.dispose()


def test_a_schema_that_is_newer_than_the_program_is_refused(url: str, seals: Seals) -> None:
    migrate.upgrade(url, seals=seals)
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        migrate.SchemaTooNew, match=f"schema 9999, and this program knows none after {migrate.newest()}"
    ):
        migrate.upgrade(url, seals=seals)
    with engine.connect() as conn:
        assert migrate.current(conn) == "9999"
    engine.dispose()


def _is_sound(engine: Engine) -> None:
    """It is the schema, row for row as the code reads it, and every reference leads somewhere."""
    with engine.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn, opts={"compare_type": True}), metadata) == []
        for table in metadata.sorted_tables:
            for row in conn.execute(select(table)):
                dates = [value for value in row if isinstance(value, datetime)]
                assert all(date.tzinfo is not None for date in dates)
        if engine.dialect.name == "sqlite":
            assert conn.execute(text("PRAGMA foreign_key_check")).all() == []
            assert conn.execute(text("PRAGMA integrity_check")).scalar() == "ok"


def _reflected(engine: Engine) -> MetaData:
    """Every table as it is now, whatever that is."""
    made = MetaData()
    made.reflect(engine)
    return made


def _fill(conn: Connection, made: MetaData, numbers: range) -> None:
    """Rows in every table; what refers to another table refers to these rows of it."""
    keys: dict[tuple[str, str], list[Any]] = {}
    for table in made.sorted_tables:
        if table.name == VERSION:
            continue
        rows = [
            {column.name: _value(table, column, n, place, keys) for column in table.c}
            for place, n in enumerate(numbers)
        ]
        conn.execute(table.insert(), rows)
        for column in table.c:
            keys[(table.name, column.name)] = [row[column.name] for row in rows]


def _value(table: Table, column: Column[Any], n: int, place: int, keys: dict[tuple[str, str], list[Any]]) -> Any:
    for key in column.foreign_keys:
        return keys[(key.column.table.name, key.column.name)][place]
    if isinstance(column.type, Boolean):
        return n % 2 == 0
    if isinstance(column.type, JSON):
        return {"body": BODY, "n": n}
    if isinstance(column.type, Float):
        return n + 0.25
    if isinstance(column.type, Integer):
        moment = not column.primary_key and "BIG" in str(column.type).upper()
        return 1_760_000_000_000_000 + n if moment else n + 1
    if isinstance(column.type, String):
        content = f"{n} {table.name}.{column.name} {BODY}"
        return content[: column.type.length or 2000]
    raise AssertionError(f"{table.name}.{column.name} is of a type nobody has thought of: {column.type}")


def _all_rows(engine: Engine, made: MetaData, seals: Seals) -> Rows:
    """Every value as the database has it, those that are sealed as they were before."""
    with engine.connect() as conn:
        return {table.name: _rows_of(conn, table, seals) for table in made.sorted_tables if table.name != VERSION}


def _rows_of(conn: Connection, table: Table, seals: Seals) -> list[dict[str, Any]]:
    # Without SQLAlchemy's types: of each step the tables are others, and making their statements is most of the time.
    order = ", ".join(f'"{column.name}"' for column in table.primary_key)
    found = conn.exec_driver_sql(f'SELECT * FROM "{table.name}"' + (f" ORDER BY {order}" if order else ""))  # noqa: S608
    names = tuple(found.keys())
    rows = [dict(zip(names, row, strict=True)) for row in found.all()]
    for row in rows:
        for name, value in row.items():
            if isinstance(value, str) and value.startswith(MARK):
                row[name] = seals.open(place(table.name, name, row[sealed.COLUMNS[table.name].identity]), value)
    return rows


def _plain_secrets(engine: Engine) -> list[str]:
    with engine.connect() as conn:
        return [
            str(value)
            for name, (_, columns) in sealed.COLUMNS.items()
            for column in columns
            for value in conn.execute(text(f"SELECT {column} FROM {name} WHERE {column} <> ''")).scalars()  # noqa: S608
            if not str(value).startswith(MARK)
        ]
