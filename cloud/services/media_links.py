"""Links to the sound of a recording that open it without credentials: signed, for a while, and revoked together.

An account's key signs them. A new key makes all links there are void at once.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from cloud.store import accounts
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord
from telecore.errors import Transient

log = logging.getLogger(__name__)

SIGNED = "signed"
READ_EVERY_S = 30.0


def new_key() -> str:
    return secrets.token_hex(32)


def signature(key: str, account: str, recording: str, expires: int) -> str:
    """43 characters that may stand in a path."""
    told = hmac.new(bytes.fromhex(key), f"{account}\n{recording}\n{expires}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(told).decode().rstrip("=")


def is_good(record: AccountRecord, recording: str, expires: int, given: str, now: float) -> bool:
    """Whether the account's key made it and it has not expired."""
    key = record.media_key or new_key()
    right = hmac.compare_digest(signature(key, record.sid, recording, expires).encode(), given.encode())
    return right and bool(record.media_key) and now < expires


@dataclass(frozen=True, slots=True)
class _Signing:
    key: str
    life_s: int


class MediaLinks:
    """``plain`` is the URL that asks for credentials, by account and recording."""

    def __init__(self, public_url: str, plain: Callable[[str, str], str], now: Callable[[], float] = time.time) -> None:
        self._public_url = public_url.rstrip("/")
        self._plain = plain
        self._now = now
        self._signing: dict[str, _Signing] = {}

    def url(self, account: str, recording: str) -> str:
        """What webhooks are told: a link for accounts that want one."""
        signing = self._signing.get(account)
        if signing is None:
            return self._plain(account, recording)
        return self.signed(account, recording, signing.key, int(self._now()) + signing.life_s)

    def signed(self, account: str, recording: str, key: str, expires: int) -> str:
        """``.mp3`` or ``.wav`` may be added to it, as to the plain one."""
        return f"{self._public_url}/media/{account}/{expires}/{signature(key, account, recording, expires)}/{recording}"

    async def read(self, db: Database) -> None:
        """Which accounts want links. Raises StoreFailed."""
        records = await db.read(accounts.all_)
        self._signing = {
            record.sid: _Signing(record.media_key, record.media_link_s)
            for record in records
            if record.media_access == SIGNED and record.media_key
        }

    async def read_for_ever(self, db: Database) -> None:
        """What is changed at the command line counts after half a minute."""
        while True:
            try:
                await self.read(db)
            except Transient as error:
                log.warning("which accounts want links to recordings could not be read: %s", error)
            await asyncio.sleep(READ_EVERY_S)


def with_key(conn: Connection, record: AccountRecord) -> AccountRecord:
    """The account, which has a key from now on."""
    return record if record.media_key else accounts.update(conn, record.sid, media_key=new_key()) or record
