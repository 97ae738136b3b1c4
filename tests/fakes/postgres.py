"""A PostgreSQL server of our own in a folder, on a Unix socket, where the programs and psycopg are installed.

Tests that want a store get an empty one each: a copy of one that was migrated once.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
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


class Server:
    """One that runs. ``url``: of an empty database."""

    def __init__(self, folder: Path, *, safe: bool) -> None:
        """``safe``: it syncs its files, as it must where its machine may lose power; otherwise it is faster."""
        self._folder = folder
        self._safe = safe
        # The server will not run as root.
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user)
        self.url = f"postgresql+psycopg://simferry@/postgres?host={folder}"
        self._run("initdb", "-U", "simferry", "-A", "trust", "--no-sync")

    def start(self) -> None:
        """It answers when this returns, and has mended what a kill left."""
        options = f"-k {self._folder} -c listen_addresses=''" + ("" if self._safe else " -F")
        log = self._folder / "log"
        try:
            self._run("pg_ctl", "start", "-w", "-l", str(log), "-o", options)
        except subprocess.CalledProcessError as error:
            raise RuntimeError("\n".join(log.read_text().splitlines()[-10:])) from error

    def kill(self) -> None:
        """SIGKILL to the server and all that it has begun."""
        first = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(first, signal.SIGSTOP)  # it begins no more of them
        all_ = [first, *_children(first)]
        for process in all_:
            os.kill(process, signal.SIGKILL)
        deadline = time.monotonic() + 10.0
        while any(Path(f"/proc/{process}").exists() for process in all_):  # the next one would not start beside them
            assert time.monotonic() < deadline, "nobody has reaped them"
            time.sleep(0.01)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-m", "immediate")

    def _run(self, program: str, *arguments: str) -> None:
        bin_ = programs()
        assert bin_ is not None
        command = [str(bin_ / program), "-D", str(self._folder / "data"), *arguments]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        subprocess.run(command, check=True, user=self._user, cwd=self._folder, timeout=60, **quiet)  # type: ignore[call-overload]


def _children(of: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{of}/task/{of}/children").read_text().split()]


@contextlib.contextmanager
def server(*, safe: bool = False) -> Iterator[Server]:
    """One in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="simferry-pg-"))
    try:
        one = Server(folder, safe=safe)
        one.start()
        try:
            yield one
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):  # a test may have left it killed
                one.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_store() -> Iterator[str]:
    """The URL of a store without a row, migrated; its copies are what tests use."""
    if not installed():
        pytest.skip("no PostgreSQL, or no psycopg")
    with server() as one:
        _do(one.url, "CREATE DATABASE migrated")
        made = one.url.replace("/postgres?", "/migrated?")
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
