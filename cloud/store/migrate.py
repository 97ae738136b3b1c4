"""Bring a database to the newest schema, or say which it has. Alembic is used from code only: there is no .ini."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(url: URL | str, revision: str = "head") -> str:
    """Run what is missing, all in one transaction where the engine can; the revision reached."""
    engine = create_engine(make_url(url), poolclass=NullPool)
    with engine.begin() as conn:
        command.upgrade(_config(conn), revision)
        return current(conn) or ""


def current(conn: Connection) -> str | None:
    """The revision of this database, None for an empty one."""
    return MigrationContext.configure(conn).get_current_revision()


def newest() -> str:
    """The revision this code wants."""
    return ScriptDirectory.from_config(_config(None)).get_current_head() or ""


def _config(conn: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = conn
    return config
