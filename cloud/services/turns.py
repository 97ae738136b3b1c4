"""Many that become ready at once begin over several turns of the loop, so that none of its turns is long.

What the store answers comes in one piece: hundreds of requests that then begin in one turn would hold up live calls,
edges and every timer for as long as all of them take together.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

SLICE_S = 0.02
"""How much of a turn they may have, together."""


class Turns:
    """Of one loop."""

    def __init__(self, slice_s: float = SLICE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._slice_s = slice_s
        self._clock = clock
        self._began: float | None = None

    async def mine(self) -> None:
        """Return in a turn of which something is left."""
        while True:
            if self._began is None:
                self._began = self._clock()
                asyncio.get_running_loop().call_soon(self._next)
            if self._clock() - self._began < self._slice_s:
                return
            await asyncio.sleep(0)

    def _next(self) -> None:
        self._began = None
