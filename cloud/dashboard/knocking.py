"""Guessing slowed, by address and by name, and the owner not locked out by those who guess.

A browser that its operator has logged in with carries a cookie that says so. Its tries are counted apart, so that a
thousand strangers who try a name from a thousand addresses do not keep its owner waiting.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable

from cloud.store import operators
from cloud.store.database import Connection, Database
from cloud.store.records import OperatorRecord
from cloud.web import passwords
from cloud.web.rate import RateLimit

TRIES, TRY_EVERY_S = 5, 30.0
HASHES_AT_ONCE = 2
"""Each takes 64 MiB and a core."""
_MAX_PASSWORD = 1024


class Knocking:
    def __init__(self, db: Database, clock: Callable[[], float]) -> None:
        self._db = db
        self._tries = RateLimit(TRIES, TRY_EVERY_S, clock)
        self._gate = asyncio.Semaphore(HASHES_AT_ONCE)

    def count(self, source: str, user: str, device: str) -> None:
        """A try with a password. Raises TooMany."""
        if device:
            self._tries.take(f"device {device}")
            return
        self._tries.take(f"from {source}")
        self._tries.take(f"as {user}")

    def count_code(self, user: str, device: str) -> None:
        """A try with a code, by somebody who knew the password. Raises TooMany."""
        self._tries.take(f"code device {device}" if device else f"code as {user}")

    def forgive(self, source: str, user: str, device: str) -> None:
        for key in (f"from {source}", f"as {user}", f"device {device}", f"code device {device}", f"code as {user}"):
            self._tries.forgive(key)

    async def right(self, record: OperatorRecord, password: str) -> bool:
        """Whether it is the password; a hash of yesterday's kind is made anew on the way."""
        if not await self._matches(password, record.password):
            return False
        if passwords.outdated(record.password):
            hashed = await self.hashed(password)
            await self._db.write(lambda conn: _renew(conn, record, hashed))
        return True

    async def nobody(self, password: str) -> None:
        """Take as long as ``right`` does."""
        await self._matches(password, passwords.NOBODYS)

    async def hashed(self, password: str) -> str:
        async with self._gate:
            return await asyncio.to_thread(passwords.make_hash, password)

    async def _matches(self, password: str, stored: str) -> bool:
        async with self._gate:
            right = await asyncio.to_thread(passwords.matches, password[:_MAX_PASSWORD], stored)
        return right and len(password) <= _MAX_PASSWORD


def _renew(conn: Connection, record: OperatorRecord, hashed: str) -> None:
    """Of a password that was replaced meanwhile nothing is kept."""
    if operators.standing(conn, record) is not None:
        operators.keep(conn, record.name, password=hashed)


def device_cookie(record: OperatorRecord) -> str:
    """What a browser shows to be one that its operator has been let in with. A new password makes it void."""
    nonce = secrets.token_hex(16)
    return f"{nonce}.{_seal(record, nonce)}"


def known_device(cookie: str, record: OperatorRecord | None) -> str:
    """The name of the browser, or nothing."""
    nonce, _, seal = cookie.partition(".")
    if record is None or not nonce or not hmac.compare_digest(_seal(record, nonce).encode(), _bytes(seal)):
        return ""
    return nonce


def _seal(record: OperatorRecord, nonce: str) -> str:
    key = hashlib.sha256(f"{record.name}\0{record.password}".encode()).digest()
    return hmac.new(key, _bytes(nonce), hashlib.sha256).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
