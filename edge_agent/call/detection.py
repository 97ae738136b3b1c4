"""Who answered a call that was placed: listened for from its answer on, told once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edge_agent.media.jitter import JitterBuffer
from edge_agent.media.leg import Ear
from telecore.audio.answering import AnsweringDetector, State
from telecore.model import MachineSpec

_WAITING_FRAMES = 50
"""A loop that was held up for a moment costs no word."""


class Detection(Ear):
    """``told`` takes the verdict and how long it took in ms. A line that sends nothing is silent for as long."""

    def __init__(self, spec: MachineSpec, told: Callable[[str, int], None]) -> None:
        self._detector = AnsweringDetector(spec)
        self._told = told
        self._heard = JitterBuffer(_WAITING_FRAMES)
        self._over = False
        self._wait: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait(self) -> None:
        """Until it is told, or somebody cannot wait."""
        await self._wait

    def hear(self, frame: bytes) -> None:
        if not self._over:
            self._heard.push(frame)

    def sent(self, frame: bytes) -> None:
        if not self._over and (verdict := self._detector.feed(self._heard.pull())):
            self._tell(verdict)

    def let_go(self) -> None:
        """Somebody has other plans with the call: nobody waits any more. It is told all the same."""
        if not self._wait.done():
            self._wait.set_result(None)

    def end(self) -> None:
        """The call is over: what was not found out is unknown."""
        if not self._over:
            self._tell(State.UNKNOWN.value)

    def _tell(self, verdict: str) -> None:
        self._over = True
        self._told(verdict, self._detector.ms)
        self.let_go()
