"""The cloud of the day: hands commands to the agent and takes its events, as the tunnel would, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from telecore.codec import decode_event, encode
from telecore.commands import Command, RunPage
from telecore.events import CallAnswered, CallOffered, Event
from telecore.ids import CallSid
from telecore.model import Clip
from telecore.notices import Announced, Do, Notice
from telecore.twiml.page import Verb

READ_AT_ONCE = 200

Hear = Callable[[Event], None]
PageFor = Callable[[Event], tuple[Verb, ...] | None]


class FarEnd:
    """In the place of ``edge_agent.uplink.Uplink``. ``hear`` gets every event once, in order.

    ``page`` says what a call is to do when it is offered or answered; None leaves it alone.
    """

    instances: list[FarEnd] = []  # noqa: RUF012  (the agent builds it; whoever runs the day finds it here)

    def __init__(self, url: str, identity: object, spool: Any, dispatcher: Any, blobs: object, **hooks: Any) -> None:
        del url, identity, blobs
        self.connected = True
        self.hear: Hear = lambda event: None
        self.page: PageFor = lambda event: None
        self._spool = spool
        self._dispatcher = dispatcher
        self._on_notice: Callable[[Notice], None] = hooks["on_notice"]
        self._rows = asyncio.Event()
        self._seq = 0
        self._pages: dict[CallSid, int] = {}
        FarEnd.instances.append(self)

    async def run(self) -> None:
        """Take what the spool has, for ever."""
        after = 0
        while True:
            self._rows.clear()
            while rows := await self._spool.read(after, READ_AT_ONCE):
                for number, payload in rows:
                    self.hear(decode_event(payload))
                    after = number
                await self._spool.forget(after)
            await self._rows.wait()

    def wake(self) -> None:
        self._rows.set()

    def notify(self, notice: Notice) -> bool:
        """A live event: a call that is offered, or answered, wants its page."""
        if isinstance(notice, Announced) and isinstance(notice.event, CallOffered | CallAnswered):
            verbs = self.page(notice.event)
            if verbs is not None:
                self._pages[notice.event.call] = page = self._pages.get(notice.event.call, 0) + 1
                asyncio.get_running_loop().call_later(
                    0.2, self._do, RunPage(call=notice.event.call, page=page, verbs=verbs)
                )
        return True

    async def fetch(self, sha256: str, size: int, within_s: float) -> Clip:
        raise NotImplementedError("the day's pages play no clips")

    def stop_fetch(self, sha256: str) -> None:
        """Nothing is ever under way."""

    async def wish(self, command: Command) -> None:
        """A command of the numbered street."""
        self._seq += 1
        await self._dispatcher.apply_batch("day", [(self._seq, encode(command), False)])

    def _do(self, command: Command) -> None:
        self._on_notice(Do(command))
