"""What many ask of the store at once, in one transaction: after a restart a whole fleet has the same question.

Nobody is made to wait for others: whoever is alone asks at once, and who comes while that is under way goes with the
next. A transaction's own cost, and most of a statement's, is then paid once for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy import Connection

from telecore.errors import Transient

K = TypeVar("K")
V = TypeVar("V")
Answer = Callable[[Connection, Sequence[K]], Sequence[V]]
"""Given some questions, the answer to each, in their order."""

MOST = 64
"""Questions that go together; bounds how long the others wait."""


class Together(Generic[K, V]):
    """``run`` is ``Database.read`` or ``Database.write``. Questions are answered in the order in which they came."""

    def __init__(
        self, run: Callable[[Callable[[Connection], Sequence[V]]], Awaitable[Sequence[V]]], answer: Answer[K, V]
    ) -> None:
        self._run = run
        self._answer = answer
        self._waiting: list[tuple[K, asyncio.Future[V]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, question: K) -> V:
        """Raises StoreFailed, and what the question itself makes ``answer`` raise, which concerns no other."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[V] = loop.create_future()
        self._waiting.append((question, done))
        if self._asking is None:
            self._asking = loop.create_task(self._ask_all(), name="asking together")
        return await done

    async def _ask_all(self) -> None:
        """Until nobody waits."""
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._ask([one for one in group if not one[1].done()])
        finally:
            self._asking = None

    async def _ask(self, group: Sequence[tuple[K, asyncio.Future[V]]]) -> None:
        questions = [question for question, _ in group]

        def answers(conn: Connection) -> Sequence[V]:
            return [answer for _, answer in zip(questions, self._answer(conn, questions), strict=True)]

        (told,) = await asyncio.gather(self._run(answers), return_exceptions=True)
        if not isinstance(told, BaseException):
            for (_, done), answer in zip(group, told, strict=True):
                if not done.done():
                    done.set_result(answer)
        elif len(group) > 1 and not isinstance(told, Transient):
            for one in group:
                await self._ask([one])
        else:
            for _, done in group:
                if not done.done():
                    done.set_exception(told)
