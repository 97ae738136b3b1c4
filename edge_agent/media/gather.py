"""Collecting digits on a leg."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from edge_agent.media.clock import ticks
from edge_agent.media.leg import Ear, Leg
from telecore.twiml.control import Collected, CollectSpec


class Collector(Ear):
    """Counts keys and time. Keys are heard from the moment it is attached; before that they count for nobody.

    So a key pressed while an earlier verb speaks is not taken for this one, as at Twilio, and a key pressed during its
    own prompts is. With ``barge_in`` off the prompts are heard to their end and keys count all the same.
    """

    wants_keys = True

    def __init__(self, spec: CollectSpec, on_key: Callable[[], None]) -> None:
        self.done: asyncio.Future[Collected] = asyncio.get_running_loop().create_future()
        self._spec = spec
        self._on_key = on_key
        self._digits = ""
        self._prompting = True
        self._patience = ticks(spec.timeout_s)
        self._left = self._patience

    def prompts_over(self) -> None:
        """The timeout runs from here."""
        self._prompting = False
        if self._left <= 0:
            self._finish("timeout")

    def sent(self, frame: bytes) -> None:
        if not self._prompting:
            self._left -= 1
            if self._left <= 0:
                self._finish("timeout")

    def press(self, key: str) -> None:
        if self.done.done():
            return
        self._left = self._patience
        if key in self._spec.finish_on_key:
            self._finish("key")
        else:
            self._digits += key
            if len(self._digits) == self._spec.num_digits:
                self._finish("count")
        if self._prompting and self._spec.barge_in:
            self._on_key()

    def _finish(self, by: str) -> None:
        if not self.done.done():
            self.done.set_result(Collected(self._digits, by))


async def collect(leg: Leg, spec: CollectSpec, prompts: Callable[[], Awaitable[None]]) -> Collected:
    """Play ``prompts`` until a key stops them, then wait for what is still missing."""

    def stop_prompts() -> None:
        leg.stop_play()
        prompting.cancel()

    collector = Collector(spec, stop_prompts)
    with leg.attached(collector):
        async with asyncio.TaskGroup() as group:
            prompting = group.create_task(_run(prompts))
        collector.prompts_over()
        return await collector.done


async def _run(prompts: Callable[[], Awaitable[None]]) -> None:
    await prompts()
