"""A PostgreSQL server of our own in a folder, on a Unix socket, where the programs and psycopg are installed.

Tests that want a store get an empty one each: a copy of one that was migrated once.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from cloud.sealing import Seals
from cloud.store import migrate

_NUMBERS = itertools.count(1)
_DEBIAN = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """Where ``initdb`` and ``pg_ctl`` lie; Debian keeps them off the path."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    beside = sorted(_DEBIAN.glob("*/bin/initdb")) if _DEBIAN.is_dir() else []
    return beside[-1].parent if beside else None


def installed() -> bool:
    return programs() is not None and importlib.util.find_spec("psycopg") is not None


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The URL of an empty database."""
    bin_ = programs()
    assert bin_ is not None
    folder = Path(tempfile.mkdtemp(prefix="simferry-pg-"))
    # The server will not run as root.
    user = "nobody" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        command = [str(bin_ / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(
            command, check=True, user=user, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60
        )

    try:
        run("initdb", "-U", "simferry", "-A", "trust", "--no-sync")
        run("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", f"-k {folder} -c listen_addresses='' -F")
        try:
            yield f"postgresql+psycopg://simferry@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_store() -> Iterator[str]:
    """The URL of a store without a row, migrated; its copies are what tests use."""
    if not installed():
        pytest.skip("no PostgreSQL, or no psycopg")
    with server() as url:
        _do(url, "CREATE DATABASE migrated")
        made = url.replace("/postgres?", "/migrated?")
        migrate.upgrade(made, seals=Seals(Path("none")))  # there is nothing to seal yet
        yield made


def copied(url: str) -> str:
    """The URL of a copy of this database, of which it is the last user."""
    name = f"copy_{next(_NUMBERS)}"
    _do(url.replace("/migrated?", "/postgres?"), f"CREATE DATABASE {name} TEMPLATE migrated STRATEGY file_copy")
    return url.replace("/migrated?", f"/{name}?")


def _do(url: str, statement: str) -> None:
    engine = create_engine(make_url(url), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.execute(text(statement))
    engine.dispose()
