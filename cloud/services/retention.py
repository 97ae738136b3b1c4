"""Accounts keep messages, recordings and calls for so many days; then these are redacted or deleted, as if by hand.

It goes in small pieces, between which others write. What is under way is left alone until it is over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from cloud.services.sound_sweep import Deletes, drop
from cloud.store import accounts, erasing, recordings, retention
from cloud.store.database import Connection, Database
from cloud.store.erasing import Gone
from cloud.store.records import AccountRecord
from cloud.store.records.accounts import REDACTED
from cloud.store.retention import Aged, Find
from cloud.tunnel.heard import utc_now
from telecore.errors import StorageFailed, Transient
from telecore.ids import AccountSid, EdgeId, Sha256

log = logging.getLogger(__name__)

EVERY_S = 3600.0
FIRST_S = 60.0
"""After the start, when sites come back all at once."""
PIECE = 25
"""Rows of one transaction."""
_PAUSE_S = 0.01

Erase = Callable[[list[str]], Awaitable[None]]
EraseOne = Callable[[Connection, str], Gone | None]


class Renditions(Protocol):
    """``services.renditions.Renditions``."""

    async def forget(self, sha256: Sha256) -> None: ...


class Retention:
    """``purge`` is one pass over all accounts. ``wake`` gives an edge its commands: it has copies too."""

    def __init__(
        self,
        db: Database,
        sound: Deletes,
        renditions: Renditions,
        *,
        wake: Callable[[EdgeId], None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._sound = sound
        self._renditions = renditions
        self._wake = wake
        self._now = now
        self._clear: dict[tuple[AccountSid, str], int] = {}
        """Up to which ``id`` nothing is left to do, by account and by what is done."""

    async def run(self) -> None:
        """For ever."""
        await asyncio.sleep(FIRST_S)
        while True:
            try:
                if count := await self.purge():
                    log.info("%d messages, recordings and calls were past their days", count)
            except (Transient, StorageFailed, OSError) as error:
                log.warning("what is past its days waits for the store: %s", error)
            await asyncio.sleep(EVERY_S)

    async def purge(self) -> int:
        """How many messages, recordings and calls went. Raises StoreFailed, OSError."""
        count = 0
        for account in await self._db.read(accounts.all_):
            count += await self._account(account)
        return count

    async def _account(self, account: AccountRecord) -> int:
        redacts = account.message_retention == REDACTED
        find = retention.messages_to_redact if redacts else retention.messages_to_delete
        message = partial(self._each, erasing.redact if redacts else erasing.message)
        plan: tuple[tuple[int, Find, Erase], ...] = (
            (account.message_days, find, message),
            (account.recording_days, retention.recordings_to_delete, self._recordings),
            (account.call_days, retention.calls_to_delete, partial(self._each, erasing.call)),
        )
        return sum([await self._old(account.sid, days, find, erase) for days, find, erase in plan if days])

    async def _old(self, account: AccountSid, days: int, find: Find, erase: Erase) -> int:
        """Go over what is old from where something was left; stop where a whole piece is young."""
        before, key, count = self._now() - timedelta(days=days), (account, find.__name__), 0
        after, waits = self._clear.get(key, 0), None
        while True:
            rows = await self._look(find, account, before, after)
            if waits is None:
                waits = next((row.id for row in rows if not (row.old and row.over)), None)
            due = [row.sid for row in rows if row.old and row.over and not row.done]
            for start in range(0, len(due), PIECE):
                piece = due[start : start + PIECE]
                await erase(piece)
                count += len(piece)
                await asyncio.sleep(_PAUSE_S)
            after = max((row.id for row in rows), default=after)
            if not any(row.old for row in rows):
                break
        self._clear[key] = after if waits is None else waits - 1
        return count

    async def _look(self, find: Find, account: AccountSid, before: datetime, after: int) -> list[Aged]:
        return await self._db.read(lambda conn: find(conn, account, before, after))

    async def _each(self, erase: EraseOne, sids: list[str]) -> None:
        told = await self._db.write(lambda conn: erasing.tell(conn, [erase(conn, sid) for sid in sids]))
        self._db.erased = True
        for edge in told:
            self._wake(edge)

    async def _recordings(self, sids: list[str]) -> None:
        """The sound first: a row whose sound is gone is found again after a crash, sound without a row never."""
        for sid in sids:
            sha256 = await self._db.read(partial(_sound_of, sid=sid))
            if await drop(self._db, self._sound, sha256, but=sid):
                await self._renditions.forget(sha256)
            await self._each(_erase_recording, [sid])


def _erase_recording(conn: Connection, sid: str) -> Gone | None:
    """Unless sound that had been given up is on its way again."""
    record = recordings.get(conn, sid)
    if record is None or record.status not in retention.RECORDING_OVER:
        return None
    erasing.words(conn, sid)
    return erasing.recording(conn, sid)


def _sound_of(conn: Connection, sid: str) -> Sha256:
    """Empty while it may still come."""
    record = recordings.get(conn, sid)
    over = record is not None and record.status in retention.RECORDING_OVER
    return record.sha256 if record is not None and over else Sha256("")
