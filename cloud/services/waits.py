"""What a call hears while it waits: the customer's documents, page after page, as long as the waiting lasts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from cloud.services.call_session import SessionTools
from cloud.services.cookies import Cookies
from cloud.services.documents import NoDocument
from cloud.services.live_tasks import LiveTasks
from cloud.services.pages import Problem
from cloud.services.webhooks import WebhookRequest
from cloud.store import accounts
from cloud.store.records import AccountRecord, CallRecord, Hook
from cloud.tunnel.call_steps import voice_fields
from telecore.commands import RunWait
from telecore.ids import EdgeId, StayId
from telecore.model import CallStatus
from telecore.notices import Do, WaitEnded
from telecore.twiml.document import Document
from telecore.twiml.page import Ended, Goto, Outcome, Verb
from telecore.twiml.verbs.gather import Gather
from telecore.twiml.verbs.hangup import Hangup
from telecore.twiml.verbs.leave import Leave
from telecore.twiml.verbs.pause import Pause
from telecore.twiml.verbs.play import Play
from telecore.twiml.verbs.redirect import Redirect
from telecore.twiml.verbs.say import Say

OF_CONFERENCE: tuple[type[Verb], ...] = (Say, Play, Pause, Redirect)
OF_QUEUE: tuple[type[Verb], ...] = (*OF_CONFERENCE, Gather, Hangup, Leave)
OF_WHISPER: tuple[type[Verb], ...] = (*OF_CONFERENCE, Gather, Hangup)
NOT_ALLOWED = 13238
SHORTEST_S = 1.0
"""A document that is over sooner is asked for again only then."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One call that waits. ``hook`` None: our music; its URL empty: silence. ``more`` are the request's own fields.

    ``once``: the document is run to its end one time, and then ``done`` is called.
    """

    call: CallRecord
    stay: StayId
    hook: Hook | None
    allowed: tuple[type[Verb], ...]
    more: Callable[[], Awaitable[Mapping[str, str]]]
    once: bool = False
    done: Callable[[], None] | None = None


class _Turn:
    """The page that a call was given, until its outcome comes."""

    def __init__(self, page: int) -> None:
        self.page = page
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()


class Waits:
    """One task for each stay that waits."""

    def __init__(self, tools: SessionTools) -> None:
        self._tools = tools
        self._tasks = LiveTasks()
        self._running: dict[StayId, asyncio.Task[object]] = {}
        self._turns: dict[StayId, _Turn] = {}
        self._pages: dict[StayId, int] = {}

    async def close(self) -> None:
        await self._tasks.close()

    def begin(self, waiting: Waiting) -> None:
        """From now on it hears this, whatever it heard before."""
        self._cancel(waiting.stay)
        self._running[waiting.stay] = self._tasks.start(self._wait(waiting), f"waiting of {waiting.call.sid}")

    def stop(self, stay: StayId) -> None:
        """It waits no longer."""
        self._cancel(stay)

    def forget(self, stay: StayId) -> None:
        """It is over."""
        self._cancel(stay)
        self._pages.pop(stay, None)

    def seen(self, stay: StayId, page: int) -> None:
        """The page that the edge was given last; ours may be an earlier process's."""
        self._pages[stay] = max(page, self._pages.get(stay, 0))

    def ended(self, notice: WaitEnded) -> None:
        turn = self._turns.get(notice.stay)
        if turn is not None and turn.page == notice.page and not turn.outcome.done():
            turn.outcome.set_result(notice.outcome)

    def _cancel(self, stay: StayId) -> None:
        task = self._running.pop(stay, None)
        if task is not None:
            task.cancel()
        self._turns.pop(stay, None)

    async def _wait(self, waiting: Waiting) -> None:
        account = await self._tools.db.read(lambda conn: accounts.get(conn, waiting.call.account))
        if waiting.hook is None or account is None:
            self._send(waiting, (), music=waiting.hook is None)
            return
        if not waiting.hook.url:
            self._send(waiting, ())
            return
        await self._documents(waiting, account, waiting.hook)
        if waiting.done is not None:
            waiting.done()

    async def _documents(self, waiting: Waiting, account: AccountRecord, first: Hook) -> None:
        cookies = Cookies()
        source = Goto(first.url, first.method)
        while True:
            began = time.monotonic()
            verbs = await self._fetch(waiting, account, source, cookies)
            if verbs is None or not verbs:
                self._send(waiting, (), music=verbs is None and not waiting.once)
                return
            turn = self._turns[waiting.stay] = self._send(waiting, verbs)
            outcome = await turn.outcome
            if isinstance(outcome, Goto):
                source = outcome
                continue
            if waiting.once or outcome != Ended("finished"):
                return
            source = Goto(first.url, first.method)
            await asyncio.sleep(max(0.0, SHORTEST_S - (time.monotonic() - began)))

    async def _fetch(
        self, waiting: Waiting, account: AccountRecord, source: Goto, cookies: Cookies
    ) -> tuple[Verb, ...] | None:
        """The next page; None when it cannot be had, which the debugger is told."""
        call = replace(waiting.call, status=CallStatus.IN_PROGRESS)
        fields = voice_fields(call) | dict(await waiting.more()) | source.params
        ask = WebhookRequest(source.url, account.sid, source.method, fields, account.auth_token)
        found = await self._tools.documents.voice(ask, Hook(), call.sid, cookies)
        if isinstance(found, NoDocument):
            return None
        allowed = tuple(verb for verb in found.verbs if isinstance(verb, waiting.allowed))
        prepared = await self._tools.pages.prepare(Document(allowed, found.warnings), account, waits=True)
        for verb in found.verbs:
            if not isinstance(verb, waiting.allowed):
                await self._note(
                    call, Problem(NOT_ALLOWED, f"<{verb.kind}> cannot be run while a call waits", "warning")
                )
        for problem in prepared.problems:
            await self._note(call, problem, source.url)
        return prepared.page

    async def _note(self, call: CallRecord, problem: Problem, url: str = "") -> None:
        hook = Hook(problem.url or url)
        await self._tools.debugger.note(call.account, call.sid, problem.code, problem.text, hook, level=problem.level)

    def _send(self, waiting: Waiting, verbs: tuple[Verb, ...], *, music: bool = False) -> _Turn:
        page = self._pages[waiting.stay] = self._pages.get(waiting.stay, 0) + 1
        command = RunWait(call=waiting.call.sid, stay=waiting.stay, page=page, verbs=verbs, music=music)
        self._tools.send(waiting.call.edge or EdgeId(""), Do(command))
        return _Turn(page)
