"""Runs the pages of one call, one at a time, the newest always first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from edge_agent.call.report import Notify
from edge_agent.media.clips import Clips, clips_of
from telecore.commands import RunPage
from telecore.errors import TelecoreError
from telecore.ids import CallSid
from telecore.notices import Notice, PageEnded, PageFaulted
from telecore.twiml.control import CallControl
from telecore.twiml.interpreter import run_page
from telecore.twiml.page import Goto, Outcome

log = logging.getLogger(__name__)


class PageRunner:
    """``on_outcome`` hears how each page ended, ``on_error`` that one could not go on.

    ``unanswered`` is the outcome that the cloud has not answered with a page yet; it is told again after a reconnect.
    ``untold`` is the same, if it leads on and nobody has heard it.
    """

    def __init__(
        self,
        call: CallSid,
        notify: Notify,
        clips: Clips,
        on_outcome: Callable[[Outcome], None],
        on_error: Callable[[TelecoreError], None],
    ) -> None:
        self.number = 0
        self.unanswered: PageEnded | None = None
        self.untold: PageEnded | None = None
        self._call = call
        self._notify = notify
        self._clips = clips
        self._on_outcome = on_outcome
        self._on_error = on_error
        self._next: RunPage | None = None
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def repeat(self) -> list[Notice]:
        """What a cloud that is back has to hear."""
        self.untold = None
        return [] if self.unanswered is None else [self.unanswered]

    def take(self, command: RunPage) -> bool:
        """Run this page next, interrupting the one that runs. False: it is a repetition."""
        if command.page <= self.number:
            return False
        self.number = command.page
        self.unanswered = self.untold = None
        self._next = command
        self._wake.set()
        if self._running is not None:
            self._running.cancel()
        return True

    async def run(self, control: CallControl) -> None:
        """Run pages as they come, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._wake.wait()
                self._wake.clear()
                command, self._next = self._next, None
                if command is not None:
                    self._running = group.create_task(self._execute(command, control))
                    await asyncio.wait({self._running})

    async def finish(self, within_s: float) -> None:
        """Let the page that runs come to its end, if it does so in time."""
        if self._running is not None and not self._running.done():
            await asyncio.wait({self._running}, timeout=within_s)

    def fault(self, code: int, text: str) -> None:
        """Something of this page cannot be done as asked; it goes on. ``code`` is Twilio's."""
        log.warning("call %s, page %d: %s", self._call, self.number, text)
        self._notify(PageFaulted(self._call, self.number, code, text))

    async def _execute(self, command: RunPage, control: CallControl) -> None:
        ahead = asyncio.create_task(self._clips.prefetch(clips_of(command.verbs)))
        try:
            outcome = await run_page(command.verbs, control)
        except TelecoreError as error:
            log.warning("call %s, page %d could not go on: %s", self._call, command.page, error)
            self._on_error(error)
        else:
            self.unanswered = ended = PageEnded(self._call, command.page, outcome)
            heard = self._notify(ended)
            self.untold = ended if not heard and isinstance(outcome, Goto) else None
            self._on_outcome(outcome)
        finally:
            ahead.cancel()
            await asyncio.wait({ahead})
