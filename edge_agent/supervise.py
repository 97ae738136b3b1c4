"""Keep a part of the agent running: restart it when it falls, ever more slowly, and say so."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from telecore.backoff import Policy, next_delay
from telecore.errors import DeviceLost, Transient

log = logging.getLogger(__name__)

_EXPECTED = (DeviceLost, Transient, OSError)


@dataclass(frozen=True, slots=True)
class Fall:
    """A part fell. ``expected``: the world did it, not a bug of ours."""

    name: str
    error: BaseException
    expected: bool
    falls: int


RETRY = Policy(first=1.0, factor=2.0, cap=60.0)
STEADY_S = 120.0
"""A part that ran this long before it fell is restarted as after its first fall."""


async def supervise(
    name: str,
    part: Callable[[], Awaitable[None]],
    *,
    stopping: asyncio.Event,
    on_fall: Callable[[Fall], None] | None = None,
    retry: Policy = RETRY,
    steady_s: float = STEADY_S,
    chance: Callable[[], float] = random.random,
) -> None:
    """Run ``part`` until it returns by itself or is cancelled. What it raises is logged here, once.

    Whoever cancels sets ``stopping`` before: a part that falls in that moment raises its error in place of the
    cancellation, and would be started again.
    """
    clock = asyncio.get_running_loop().time
    falls = 0
    while True:
        began = clock()
        try:
            await part()
            return
        except Exception as error:  # noqa: BLE001  (the one place for the bugs of all parts)
            falls = 1 if clock() - began >= steady_s else falls + 1
            fall = Fall(name, error, is_expected(error), falls)
        _say(fall)
        if on_fall is not None:
            on_fall(fall)
        if stopping.is_set():
            return
        await asyncio.sleep(next_delay(retry, falls, chance))


def is_expected(error: BaseException) -> bool:
    """Whether the world is to blame: the device, the line, the disk."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_expected(inner) for inner in error.exceptions)
    return isinstance(error, _EXPECTED)


def reason(error: BaseException) -> str:
    """The innermost sentence of an error, also of one that a TaskGroup has wrapped."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__


def _say(fall: Fall) -> None:
    if fall.expected:
        log.warning("%s stopped: %s", fall.name, reason(fall.error))
    else:
        log.error("%s fell over a fault of ours", fall.name, exc_info=fall.error)
