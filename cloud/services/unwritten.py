"""What an edge tells of a call whose row is being written is kept until it is there: whoever hears it looks there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from cloud.services.live_tasks import LiveTasks
from cloud.services.sessions import Sessions
from telecore.errors import Transient
from telecore.ids import CallSid, EdgeId
from telecore.notices import FeedOpened, Notice


class Unwritten:
    """A call's first page is run while its row is on its way to the disk, and a slow disk may come second."""

    def __init__(self, sessions: Sessions, hear: Callable[[EdgeId, Notice], None]) -> None:
        self._sessions = sessions
        self._hear = hear
        self._tasks = LiveTasks()
        self._kept: dict[CallSid, list[tuple[EdgeId, Notice]]] = {}

    async def close(self) -> None:
        await self._tasks.close()

    def keeps(self, edge: EdgeId, notice: Notice) -> bool:
        """Whether this one is heard later: in its order, once the row of its call is there, or is not there in time."""
        call = getattr(notice, "call", None)
        if call is None or (call not in self._kept and (_at_once(notice) or not self._sessions.unwritten(call))):
            return False
        if call not in self._kept:
            self._kept[call] = []
            self._tasks.start(self._wait(call), f"row of {call}")
        self._kept[call].append((edge, notice))
        return True

    async def _wait(self, call: CallSid) -> None:
        try:
            with suppress(Transient):  # whoever hears it asks the store for himself
                await self._sessions.written(call)
        finally:
            kept = self._kept.pop(call)
        for edge, notice in kept:
            self._hear(edge, notice)


def _at_once(notice: Notice) -> bool:
    """The sound is right behind it, and its hearer asked for it and needs no row."""
    return isinstance(notice, FeedOpened)
