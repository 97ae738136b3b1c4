"""A clock that jumps from one timer to the next, so that a day takes as long as its work takes.

``install`` must run before the agent or the simulator are imported: many of their defaults are bound then.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import datetime as datetime_module
import selectors
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

real_monotonic = time.monotonic
_real_datetime = datetime_module.datetime


class VirtualClock:
    """Seconds since the day began, and the wall clock that goes with them."""

    def __init__(self, start: float) -> None:
        self.start = start
        self.elapsed = 0.0

    def monotonic(self) -> float:
        return self.elapsed

    def wall(self) -> float:
        return self.start + self.elapsed


class _JumpingSelector(selectors.DefaultSelector):
    """Where an event loop would wait for time to pass, it passes."""

    clock: VirtualClock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise RuntimeError("nothing is left to happen: every task waits for something that no timer brings")
        self.clock.elapsed += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a virtual clock. What runs on it must wait for timers and memory only."""

    def __init__(self, clock: VirtualClock) -> None:
        selector = _JumpingSelector()
        selector.clock = clock
        self._virtual = clock
        super().__init__(selector)

    def time(self) -> float:
        return self._virtual.elapsed


class InlineExecutor:
    """Work of a thread, done at once: the same seed gives the same day."""

    def __init__(self, max_workers: int | None = None, *args: object, **kwargs: object) -> None:
        del max_workers, args
        initializer = kwargs.get("initializer")
        if callable(initializer):
            initializer()

    def submit(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(work(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  (it is whoever waits for the result who must see it)
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        del wait, cancel_futures


class InlineThread:
    """The same for the spool's own thread (``edge_agent/spool/thread.py``)."""

    def __init__(self, name: str) -> None:
        del name

    def do(self, work: Callable[[], T], told: Callable[[T | BaseException], None]) -> None:
        outcome: T | BaseException
        try:
            outcome = work()
        except BaseException as error:  # noqa: BLE001  (as above)
            outcome = error
        asyncio.get_running_loop().call_soon(told, outcome)

    async def result(self, work: Callable[[], T]) -> T:
        return work()

    def end(self) -> None:
        """There is nothing to end."""


def install(start: float) -> VirtualClock:
    """Put the clock in the place of the machine's, for everything imported from now on."""
    clock = VirtualClock(start)
    replaced: Mapping[str, Callable[[], float]] = {"time": clock.wall, "monotonic": clock.monotonic}
    for name, function in replaced.items():
        setattr(time, name, function)

    class VirtualDatetime(_real_datetime):
        @classmethod
        def now(cls, tz: datetime_module.tzinfo | None = None) -> VirtualDatetime:
            return cls.fromtimestamp(clock.wall(), tz)

    datetime_module.datetime = VirtualDatetime  # type: ignore[misc]
    concurrent.futures.ThreadPoolExecutor = InlineExecutor  # type: ignore[misc,assignment]
    return clock
