"""One look for many reasons: of a thousand edges that come within a second not each needs one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

AFTER_S = 0.1


class Soon:
    """Calls ``then`` once, ``after_s`` after the first of those who ask for it."""

    def __init__(self, then: Callable[[], None], after_s: float = AFTER_S) -> None:
        self._then = then
        self._after_s = after_s
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._after_s, self._now)

    def _now(self) -> None:
        self._timer = None
        self._then()
