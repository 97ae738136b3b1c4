"""Sound that nothing in the store needs any more goes; what is needed, or is being written at this moment, never does.

Files are named by their content, so two recordings may share one. Whoever deletes a file, and whoever says in the store
that one is here, does it under ``Files.settling``: between the look at the rows and the file nobody else comes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy import select, union

from cloud.store import recordings
from cloud.store.database import Connection, Database
from cloud.store.schema import clips, releases
from cloud.store.schema import recordings as recording_rows
from telecore.errors import StorageFailed, Transient
from telecore.ids import Sha256

log = logging.getLogger(__name__)

AGE_S = 8 * 24 * 3600.0
"""A file without a row is left alone for so long: its row may be about to be written, or an edge may tell of it again
to a store that was restored from before it was made."""
EVERY_S = 24 * 3600.0
FIRST_S = 600.0
_PIECE = 200
_PAUSE_S = 0.01


class Deletes(Protocol):
    """``services.files.Files``."""

    @property
    def settling(self) -> asyncio.Lock: ...
    async def delete(self, sha256: Sha256, /) -> None: ...


class Sweeps(Deletes, Protocol):
    """``services.files.Files``."""

    async def before(self, moment: float, /) -> list[Sha256]: ...
    async def delete_old(self, sha256: Sha256, moment: float, /) -> bool: ...
    async def tidy(self, moment: float, /) -> int: ...


async def drop(db: Database, files: Deletes, sha256: Sha256, *, but: str = "") -> bool:
    """Delete the file, unless a recording other than ``but`` needs it; whether it went. Raises StoreFailed, OSError."""
    if not sha256:
        return False
    async with files.settling:
        if await db.read(lambda conn: recordings.count_of_hash(conn, sha256, but)):
            return False
        await files.delete(sha256)
        return True


class SoundSweep:
    """Once a day: files whose row was never written, for whoever was to write it died in between."""

    def __init__(self, db: Database, files: Sweeps, *, wall: Callable[[], float] = time.time) -> None:
        self._db = db
        self._files = files
        self._wall = wall

    async def run(self) -> None:
        """For ever."""
        await asyncio.sleep(FIRST_S)
        while True:
            try:
                if count := await self.sweep():
                    log.info("%d files of sound that nothing needs are gone", count)
            except (Transient, StorageFailed, OSError) as error:
                log.warning("sound that nothing needs waits for the disk: %s", error)
            await asyncio.sleep(EVERY_S)

    async def sweep(self) -> int:
        """How many went. Raises StoreFailed, OSError."""
        moment = self._wall() - AGE_S
        found = await self._files.before(moment)
        gone = await self._files.tidy(moment)
        for start in range(0, len(found), _PIECE):
            gone += await self._piece(found[start : start + _PIECE], moment)
            await asyncio.sleep(_PAUSE_S)
        return gone

    async def _piece(self, hashes: Sequence[Sha256], moment: float) -> int:
        async with self._files.settling:
            needed = await self._db.read(lambda conn: _needed(conn, hashes))
            return sum([await self._files.delete_old(one, moment) for one in hashes if one not in needed])


def _needed(conn: Connection, hashes: Sequence[Sha256]) -> set[str]:
    """Those of them that a row names."""
    tables = (recording_rows, clips, releases)
    asked = union(*(select(table.c.sha256).where(table.c.sha256.in_(hashes)) for table in tables))
    return {str(sha256) for sha256 in conn.execute(asked).scalars()}
