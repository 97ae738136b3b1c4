"""What is asked of the store's threads, and how their answers come back to the loop: many with one wake-up."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Job(Generic[T]):
    """One transaction's work and whoever waits for it. As a context manager it keeps what the work raised."""

    def __init__(self, work: Callable[[Connection], T], done: asyncio.Future[T]) -> None:
        self.work = work
        self.done = done
        self.result: T
        self.error: BaseException | None = None

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for it; may be asked by any thread."""
        return not self.done.cancelled()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.error = error
        return isinstance(error, Exception)


class Answers:
    """Brings to ``loop`` what threads have done. A loop that is closed is told nothing any more."""

    def __init__(self, loop: asyncio.AbstractEventLoop, translated: Callable[[BaseException], BaseException]) -> None:
        self._loop = loop
        self._translated = translated
        self._ready: deque[Job[Any]] = deque()
        self._woken = False
        self._lock = threading.Lock()

    def tell(self, *jobs: Job[Any]) -> None:
        """These are done, with their result or error. By any thread."""
        self._ready.extend(jobs)
        with self._lock:
            woken, self._woken = self._woken, True
        if not woken:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._hand_out)

    def _hand_out(self) -> None:
        with self._lock:
            self._woken = False
        while self._ready:
            job = self._ready.popleft()
            if job.done.done():
                continue
            if job.error is None:
                job.done.set_result(job.result)
            else:
                job.done.set_exception(self._translated(job.error))
