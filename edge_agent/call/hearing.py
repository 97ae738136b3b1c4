"""What a <Gather> is told in words: the cloud is asked to hear, told when to stop, and answers with the words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from edge_agent.call.report import Notify
from telecore.commands import SpeechHeard
from telecore.ids import CallSid, FeedId, new_id
from telecore.notices import Notice, SpeechAsked, SpeechOver
from telecore.twiml.control import SpeechSpec


class Hearing:
    """One <Gather>'s. ``asked`` and then ``over`` are told again after a reconnect, until there is an answer."""

    def __init__(self, call: CallSid, spec: SpeechSpec, notify: Notify) -> None:
        self.asked = SpeechAsked(call, FeedId(new_id()), spec)
        self.answer: asyncio.Future[SpeechHeard] = asyncio.get_running_loop().create_future()
        self._notify = notify
        self.over: SpeechOver | None = None
        self._since = 0.0

    def begin(self) -> None:
        self._notify(self.asked)

    def spoken(self) -> None:
        """The party has begun to speak."""
        self.asked = replace(self.asked, spoken=True)
        self._since = asyncio.get_running_loop().time()
        self._notify(self.asked)

    async def words(self, within_s: float) -> SpeechHeard | None:
        """What the party said; None when no answer comes in time. Long speech takes longer to be understood."""
        self._end(wanted=True)
        within_s += asyncio.get_running_loop().time() - self._since
        try:
            async with asyncio.timeout(within_s):
                return await self.answer
        except TimeoutError:
            return None

    def close(self) -> None:
        """Nobody listens any more, nor waits for words."""
        if not self.answer.done():
            self._end(wanted=False)

    def _end(self, *, wanted: bool) -> None:
        self.over = SpeechOver(self.asked.call, self.asked.feed, wanted)
        self._notify(self.over)


class Hearings:
    """The one of a call, if it has one now."""

    def __init__(self, call: CallSid, notify: Notify) -> None:
        self._call = call
        self._notify = notify
        self._now: Hearing | None = None

    def repeat(self) -> list[Notice]:
        """What the cloud has to be told again after a reconnect."""
        if self._now is None:
            return []
        return [self._now.asked] if self._now.over is None else [self._now.asked, self._now.over]

    @contextmanager
    def listening(self, spec: SpeechSpec) -> Iterator[Hearing]:
        """From now on, until the end of the block."""
        hearing = self._now = Hearing(self._call, spec, self._notify)
        hearing.begin()
        try:
            yield hearing
        finally:
            hearing.close()
            if self._now is hearing:
                self._now = None

    def take(self, heard: SpeechHeard) -> None:
        """The cloud's answer. One to an earlier <Gather>, or a second one, is dropped."""
        now = self._now
        if now is not None and heard.feed == now.asked.feed and not now.answer.done():
            now.answer.set_result(heard)
