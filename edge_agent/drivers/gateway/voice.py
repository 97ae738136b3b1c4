"""Calls on a line whose SIP side is vague about their ends: the box's own tongue may know why nobody answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from edge_agent.contracts import VoiceCall, VoiceEvent, VoiceEventKind, VoiceService
from telecore.ids import E164

VAGUE = frozenset({18, 31, 38, 41, 127})
"""What 480, 503 and their like are read as: boxes answer one of them to everything."""
PATIENCE_S = 0.8
_LOOK_S = 0.1

Ask = Callable[[float], int | None]
"""The Q.850 cause of the line's last call, if that ended after this moment of the loop's clock; None: not told."""


class LineVoice(VoiceService):
    """``calls`` is the SIP side, ``ask`` the box's own tongue; ``knows``: whether that tells causes, and is there."""

    def __init__(self, calls: VoiceService, ask: Ask, knows: Callable[[], bool]) -> None:
        self._calls = calls
        self._ask = ask
        self._knows = knows
        self._waiting: set[asyncio.Task[None]] = set()

    async def dial(
        self, to: str, on_event: Callable[[VoiceEvent], None], caller: E164 | None = None, *, hidden: bool = False
    ) -> VoiceCall:
        """See ``contracts.VoiceService``. An end before the answer may be told a moment later, with its true cause."""
        began = asyncio.get_running_loop().time()
        answered = False

        def hear(event: VoiceEvent) -> None:
            nonlocal answered
            answered = answered or event.kind is VoiceEventKind.ANSWERED
            if event.kind is VoiceEventKind.ENDED and not answered and event.cause in VAGUE and self._knows():
                task = asyncio.ensure_future(self._end(event, on_event, began))
                self._waiting.add(task)
                task.add_done_callback(self._waiting.discard)
            else:
                on_event(event)

        return await self._calls.dial(to, hear, caller, hidden=hidden)

    async def _end(self, event: VoiceEvent, on_event: Callable[[VoiceEvent], None], began: float) -> None:
        """The two ways from the box may take their time, so the notice is waited for a moment."""
        until = asyncio.get_running_loop().time() + PATIENCE_S
        while (cause := self._ask(began)) is None and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)
        on_event(event if cause is None else replace(event, cause=cause))
