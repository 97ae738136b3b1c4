"""A controller that is to stop takes no new work, and lets live calls finish first.

New work is what customers ask for and can ask for again: messages, calls, verifications, changes. What a live call
needs goes on: its documents, its updates, its conference, its queue. What edges tell is taken until the last moment.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable

from cloud.web.errors import TooMany

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.1
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_A_LIVE_CALL = re.compile(
    r"/2010-04-01/Accounts/[^/]+/("
    r"Calls/[^/]+(\.json)?|Calls/[^/]+/(Recordings|Streams)(/.*|\.json)?|"
    r"Conferences/[^/]+(\.json)?|Conferences/[^/]+/(Participants/[^/]+|Recordings/.*)|"
    r"Queues/[^/]+/Members/[^/]+)"
)


class Stopping(TooMany):
    """No new work is taken; ``retry_after_s`` is when the next process should be there."""

    code = 20503
    status = 503


class Drain:
    """``live`` counts what is to finish. ``back_s``: how long the next process takes to be there."""

    def __init__(self, live: Callable[[], int], *, calls_s: float, back_s: float = 5.0) -> None:
        self._live = live
        self._calls_s = calls_s
        self._back_s = back_s
        self._until: float | None = None
        self._hurry = asyncio.Event()

    @property
    def begun(self) -> bool:
        return self._until is not None

    def begin(self) -> None:
        """From now on nothing new is taken. It may be told twice."""
        if self._until is None:
            self._until = asyncio.get_running_loop().time() + self._calls_s
            log.info("draining: no new work is taken, %d calls may finish within %g s", self._live(), self._calls_s)

    @property
    def hurried(self) -> bool:
        return self._hurry.is_set()

    def hurry(self) -> None:
        """Wait for nobody."""
        self._hurry.set()

    def gate(self, method: str, path: str) -> None:
        """Raises Stopping for a request that is new work."""
        if self._until is None or method in _READS or _OF_A_LIVE_CALL.fullmatch(path):
            return
        left_s = max(0.0, self._until - asyncio.get_running_loop().time()) if self._live() else 0.0
        raise Stopping("The controller is stopping and takes no new work; try again later", left_s + self._back_s)

    async def accepts(self) -> bool:
        """For ``/readyz``."""
        return self._until is None

    async def finished(self) -> int:
        """Wait until no call is live, for the time that is allowed from now on; how many still are."""
        loop = asyncio.get_running_loop()
        self.begin()
        until = self._until = loop.time() + self._calls_s  # it may have taken no new work for long: callers ring in
        while (left := self._live()) and loop.time() < until and not self._hurry.is_set():  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_EVERY_S)
        return left
