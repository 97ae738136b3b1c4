"""Sound that was deleted in the cloud goes from this disk, and from SQLite's log the rows that went with it."""

from __future__ import annotations

import asyncio
import logging

from edge_agent.blobs import EdgeBlobs
from edge_agent.spool import Spool
from telecore.commands import Erase
from telecore.errors import StorageFailed

log = logging.getLogger(__name__)

_AGAIN_S = 10.0


class Erasing:
    """The spool knows which files are to go until each is gone, so a kill between row and file leaves none behind.

    A recording that is made meanwhile may have the same sound: as its row is written the file is to go no more.
    """

    def __init__(self, spool: Spool, blobs: EdgeBlobs) -> None:
        self._spool = spool
        self._blobs = blobs
        self._due = asyncio.Event()
        self._due.set()
        spool.on_late = self._due.set
        spool.on_recording = blobs.written

    async def perform(self, command: Erase) -> None:
        """The command is journaled, and its rows are gone: see to the rest."""
        log.info("%d messages, calls and recordings were deleted", len(command.subjects) + len(command.redacted))
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
