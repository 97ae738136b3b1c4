"""SMS by a command: one at a time on a line, each handed over once."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from edge_agent.contracts import OnSegment, OutboundSms, SubmitRef
from edge_agent.drivers.carry_through import carry_through
from telecore.errors import Busy, DeviceLost, InvalidRequest, OutcomeUnknown, TimedOut

_NUMBER = re.compile(r"\+?[0-9*#]{1,30}")


@dataclass(slots=True)
class Handover:
    """``begun``: the box may have it."""

    begun: bool = False

    def begin(self) -> None:
        self.begun = True


Segment = Callable[[Handover], Coroutine[None, None, tuple[str, int]]]
"""Hands over one segment, bounded in time; what it is known by, and how many SMS it was.

Raises DeviceRefused, OutcomeUnknown, Transient, and DeviceLost or TimedOut, which make the outcome unknown once it has
begun.
"""
Cut = Callable[[OutboundSms], Sequence[Segment]]
"""What an SMS is sent as; the same each time. Raises InvalidRequest."""


class AmiSms:
    """A PacedSms. ``between_s``: the least time between two segments."""

    def __init__(self, cut: Cut, between_s: float = 0.0) -> None:
        self._cut = cut
        self._between_s = between_s
        self._next_at = 0.0
        self._turn = asyncio.Lock()

    def wait_s(self) -> float:
        """See ``contracts.PacedSms``."""
        return max(0.0, self._next_at - asyncio.get_running_loop().time())

    async def submit(self, sms: OutboundSms, first: int, on_segment: OnSegment) -> None:
        """See ``contracts.SmsService``. Nothing is handed over after its time, which the box is not told."""
        if _NUMBER.fullmatch(sms.to) is None:
            raise InvalidRequest("this box sends to numbers only", field="To", code=21211)
        if not sms.body or sms.port is not None:
            raise InvalidRequest("this box sends texts only", field="Body", code=21602)
        segments = self._cut(sms)
        ends_at = math.inf if sms.validity_s is None else asyncio.get_running_loop().time() + sms.validity_s
        async with self._turn:
            for number in range(first, len(segments)):
                await self._wait_for_turn(ends_at)
                await self._carry(segments[number], number, len(segments), on_segment)

    async def _carry(self, segment: Segment, number: int, total: int, on_segment: OnSegment) -> None:
        handover = Handover()

        async def hand_over() -> None:
            try:
                ref, sms = await segment(handover)
            except (DeviceLost, TimedOut) as error:
                if not handover.begun:
                    raise
                raise OutcomeUnknown(f"handed over, and then: {error}") from error
            finally:
                self._next_at = asyncio.get_running_loop().time() + self._between_s
            await on_segment(SubmitRef(ref, number, total, sms))

        await carry_through(hand_over(), lambda: handover.begun)

    async def _wait_for_turn(self, ends_at: float) -> None:
        """Raises Busy when the turn comes only after the message's time: its queue ends it then."""
        now = asyncio.get_running_loop().time()
        if max(now, self._next_at) >= ends_at:
            raise Busy("the line takes the next SMS only after this one's time")
        if self._next_at > now:
            await asyncio.sleep(self._next_at - now)
