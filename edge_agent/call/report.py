"""The events of one call: announced at once, written at the same time, in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from telecore.errors import StorageFailed
from telecore.events import CallEvent
from telecore.notices import Announced, Notice

log = logging.getLogger(__name__)

Emit = Callable[[CallEvent], Awaitable[object]]
Notify = Callable[[Notice], bool]

_RETRY_S = (0.2, 1.0, 5.0, 15.0)


class CallReport:
    """The live path never waits for the disk; the disk is written in the order things happened."""

    def __init__(self, emit: Emit, notify: Notify) -> None:
        self._emit = emit
        self._notify = notify
        self._unwritten: asyncio.Queue[CallEvent | None] = asyncio.Queue()

    def say(self, event: CallEvent) -> None:
        """This happened."""
        self._notify(Announced(event))
        self._unwritten.put_nowait(event)

    async def tell(self, event: CallEvent) -> None:
        """This happened, and no other event of its call waits for it. Returns when it is written."""
        self._notify(Announced(event))
        await self._write(event)

    def close(self) -> None:
        """Nothing more happens."""
        self._unwritten.put_nowait(None)

    async def run(self) -> None:
        """Write until all is written that was said before ``close``."""
        while (event := await self._unwritten.get()) is not None:
            await self._write(event)

    async def _write(self, event: CallEvent) -> None:
        for wait in _RETRY_S:
            try:
                await self._emit(event)
            except StorageFailed as error:
                log.warning("%s of call %s is not written yet: %s", event.kind, event.call, error)
                await asyncio.sleep(wait)
            else:
                return
        log.error("%s of call %s was announced but could not be written", event.kind, event.call)
