"""The route that a call waits for, if it waits for one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from telecore.commands import RouteDial
from telecore.notices import RouteWanted


class RouteAsk:
    """``wanted`` is what the cloud has not answered yet; it is told again after a reconnect."""

    def __init__(self) -> None:
        self.wanted: RouteWanted | None = None
        self._answer: asyncio.Future[RouteDial] | None = None

    @contextmanager
    def awaiting(self, wanted: RouteWanted) -> Iterator[asyncio.Future[RouteDial]]:
        """The answer, when it comes."""
        self.wanted, self._answer = wanted, asyncio.get_running_loop().create_future()
        try:
            yield self._answer
        finally:
            self.wanted = self._answer = None

    def answer(self, route: RouteDial) -> None:
        """The cloud's answer. One to an earlier question, or a second one, is dropped."""
        answer = self._answer
        if self.wanted is not None and route.dial == self.wanted.dial and answer is not None and not answer.done():
            answer.set_result(route)
