"""Collecting digits and words on a leg."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from edge_agent.media.clock import ticks
from edge_agent.media.leg import Ear, Leg
from edge_agent.media.speech_ear import SpeechEar
from telecore.twiml.control import Collected, CollectSpec


class Collector(Ear):
    """Counts keys and time. Keys are heard from the moment it is attached; before that they count for nobody.

    So a key pressed while an earlier verb speaks is not taken for this one, as at Twilio, and a key pressed during its
    own prompts is. With ``barge_in`` off the prompts are heard to their end and keys count all the same.
    """

    def __init__(self, spec: CollectSpec, stop_prompts: Callable[[], None], on_speech: Callable[[], None]) -> None:
        self.done: asyncio.Future[Collected] = asyncio.get_running_loop().create_future()
        self.wants_keys = spec.keys
        self._spec = spec
        self._stop_prompts = stop_prompts
        self._on_speech = on_speech
        self._words = None if spec.speech is None else SpeechEar(spec.speech, self._spoken, self._said)
        self._speaking = False
        self._digits = ""
        self._prompting = True
        self._patience = ticks(spec.timeout_s)
        self._left = self._patience

    def prompts_over(self) -> None:
        """The timeout runs from here."""
        self._prompting = False
        if self._words is not None:
            self._words.prompting = False
        if self._left <= 0:
            self._finish("timeout")

    def hear(self, frame: bytes) -> None:
        if self._words is not None:
            self._words.hear(frame)

    def sent(self, frame: bytes) -> None:
        if self._words is not None:
            self._words.tick()
        if not self._prompting and not self._speaking:
            self._left -= 1
            if self._left <= 0:
                self._finish("timeout")

    def press(self, key: str) -> None:
        if self.done.done():
            return
        self._left = self._patience
        self._words, self._speaking = None, False  # keys win
        if key in self._spec.finish_on_key:
            self._finish("key")
        else:
            self._digits += key
            if len(self._digits) == self._spec.num_digits:
                self._finish("count")
        if self._prompting and self._spec.barge_in:
            self._stop_prompts()

    def _spoken(self) -> None:
        self._speaking = True
        self._on_speech()
        if self._prompting and self._spec.barge_in:
            self._stop_prompts()

    def _said(self) -> None:
        self._finish("speech")

    def _finish(self, by: str) -> None:
        if not self.done.done():
            self.done.set_result(Collected(self._digits, by))


async def collect(
    leg: Leg,
    spec: CollectSpec,
    prompts: Callable[[], Awaitable[None]],
    on_speech: Callable[[], None] = lambda: None,
) -> Collected:
    """Play ``prompts`` until a key or speech stops them, then wait for what is still missing.

    ``on_speech`` is called when the party begins to speak. What was said is not in the result: see call/hearing.py.
    """

    def stop_prompts() -> None:
        leg.stop_play()
        prompting.cancel()

    collector = Collector(spec, stop_prompts, on_speech)
    with leg.attached(collector):
        async with asyncio.TaskGroup() as group:
            prompting = group.create_task(_run(prompts))
        collector.prompts_over()
        return await collector.done


async def _run(prompts: Callable[[], Awaitable[None]]) -> None:
    await prompts()
