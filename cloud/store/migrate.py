"""Bring a database to the newest schema, or say which it has. Alembic is used from code only: there is no .ini."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from cloud.sealing import FILE, Seals
from telecore.errors import LocalProtocolError, Refused

MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaTooNew(Refused):
    """A later version of the program has changed this database. Nothing was done to it."""


def upgrade(url: URL | str, revision: str = "head", seals: Seals | None = None) -> str:
    """Run what is missing, all in one transaction: whoever is killed in between has changed nothing.

    ``seals``: with which secrets are sealed on the way; by default those beside a SQLite file. Returns the revision
    reached. Raises SchemaTooNew, SealBroken.
    """
    seals = seals or seals_beside(url)
    engine = create_engine(make_url(url), poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        _begin_ourselves(engine)
    with engine.begin() as conn:
        _refuse_newer(current(conn))
        command.upgrade(_config(conn, seals), revision)
        return current(conn) or ""


def seals_beside(url: URL | str) -> Seals:
    """The keys that lie beside a SQLite file. Raises LocalProtocolError for other databases, which have no folder."""
    made = make_url(url)
    if made.get_backend_name() != "sqlite" or not made.database:
        raise LocalProtocolError("this database lies in no folder: say where its keys are")
    return Seals(Path(made.database).parent / FILE)


def current(conn: Connection) -> str | None:
    """The revision of this database, None for an empty one."""
    return MigrationContext.configure(conn).get_current_revision()


def is_newest(url: URL | str) -> bool:
    """Whether this code can use the database as it is. Changes nothing, and makes none. Blocks."""
    made = make_url(url)
    if made.get_backend_name() == "sqlite" and not Path(made.database or "").is_file():
        return False
    engine = create_engine(made, poolclass=NullPool)
    try:
        with engine.connect() as conn:
            return current(conn) == newest()
    except SQLAlchemyError:
        return False


def newest() -> str:
    """The revision this code wants."""
    return _scripts().get_current_head() or ""


def revisions() -> list[str]:
    """All that this code knows, the earliest first."""
    return [found.revision for found in _scripts().walk_revisions()][::-1]


@cache
def _scripts() -> ScriptDirectory:
    """Read once: it takes longer than most commands do."""
    return ScriptDirectory.from_config(_config())


def _refuse_newer(found: str | None) -> None:
    if found is not None and found not in (known := revisions()):
        raise SchemaTooNew(
            f"the database has schema {found}, and this program knows none after {known[-1]}: "
            "start the version that made it, or restore a backup from before it"
        )


def _begin_ourselves(engine: Engine) -> None:
    """Python's driver begins a transaction for rows only, so that each change of a table would be kept by itself."""

    @event.listens_for(engine, "connect")
    def on_connect(raw: Any, _: object) -> None:
        raw.isolation_level = None
        raw.execute("PRAGMA secure_delete=ON").close()  # what is sealed on the way must not stand beside it

    @event.listens_for(engine, "begin")
    def on_begin(conn: Connection) -> None:
        conn.execute(text("BEGIN IMMEDIATE"))


def _config(conn: Connection | None = None, seals: Seals | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = conn
    config.attributes["seals"] = seals
    return config
