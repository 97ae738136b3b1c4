"""Sound that was deleted in the cloud goes from this disk, and from SQLite's log the rows that went with it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from edge_agent.blobs import EdgeBlobs
from edge_agent.spool import Spool
from telecore.commands import Erase
from telecore.errors import StorageFailed
from telecore.ids import Sha256
from telecore.notices import BlobUnknown

log = logging.getLogger(__name__)

_AGAIN_S = 10.0
_NEVER_TOLD_S = 8 * 24 * 3600.0
"""So old is a file that the cloud knows nothing of, and no row here tells of, when it is taken for one whose row was
never written. A row that tells of one is kept for a day after the cloud has it."""


class Erasing:
    """The spool knows which files are to go until each is gone, so a kill between row and file leaves none behind.

    A recording that is made meanwhile may have the same sound: as its row is written the file is to go no more.
    """

    def __init__(self, spool: Spool, blobs: EdgeBlobs, wall: Callable[[], float] = time.time) -> None:
        self._spool = spool
        self._blobs = blobs
        self._wall = wall
        self._unknown: set[Sha256] = set()
        self._due = asyncio.Event()
        self._due.set()
        spool.on_late = self._due.set
        spool.on_recording = blobs.written

    async def perform(self, command: Erase) -> None:
        """The command is journaled, and its rows are gone: see to the rest."""
        log.info("%d messages, calls and recordings were deleted", len(command.subjects) + len(command.redacted))
        self._due.set()

    def unknown(self, notice: BlobUnknown) -> None:
        """The cloud has no recordings with these sounds."""
        self._unknown.update(notice.hashes)
        self._due.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._due.wait()
            self._due.clear()
            if not await self._swept():
                await asyncio.sleep(_AGAIN_S)
                self._due.set()

    async def _swept(self) -> bool:
        try:
            await self._judge()
            adds, all_gone = await self._blobs.adds(), True
            for sha256 in await self._spool.erased_sounds():
                if await self._blobs.erase(sha256, adds):
                    await self._spool.sound_gone(sha256)
                else:
                    all_gone = False
            return await self._spool.scrub() and all_gone
        except StorageFailed as error:
            log.warning("what was deleted waits for the disk: %s", error)
            return False

    async def _judge(self) -> None:
        """Files of which the agent died before it told go too, when they are old. Raises StorageFailed."""
        told = frozenset(self._unknown)
        if told and (old := await self._blobs.older(told, self._wall() - _NEVER_TOLD_S)):
            log.info("%d recordings that the cloud knows nothing of are older than a week", len(old))
            await self._spool.let_sounds_go(old)
        self._unknown -= told
