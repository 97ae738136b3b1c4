"""One live call as one task: fetch a document, send it as a page, wait for its outcome, and so on.

A page is sent before it is written down: the caller waits for the one and not for the other. What is lost by a cut
line or a restart of the cloud heals by the edge's repetitions: see ``heard`` and ``page_ended``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cloud.services.cookies import Cookies
from cloud.services.debugger import Debugger
from cloud.services.documents import Documents, NoDocument
from cloud.services.pages import Pages, Prepared, Problem
from cloud.services.webhooks import WebhookRequest
from cloud.store import accounts, calls
from cloud.store.database import Database
from cloud.store.records import AccountRecord, CallRecord, Hook
from cloud.tunnel.call_steps import voice_fields
from telecore.commands import RunPage
from telecore.errors import InvalidTwiml, Transient
from telecore.ids import EdgeId
from telecore.model import CallStatus
from telecore.notices import Do, Notice, PageEnded
from telecore.states import FINAL_CALL
from telecore.twiml.document import Document, read_voice
from telecore.twiml.page import Goto, Outcome
from telecore.twiml.verbs.hangup import Hangup
from telecore.twiml.verbs.reject import Reject
from telecore.twiml.verbs.say import Say

log = logging.getLogger(__name__)

EXCUSE = Document((Say("We are sorry, an application error has occurred. Goodbye."), Hangup()))
"""What a caller hears whose document cannot be had."""
REFUSAL = Document((Reject(),))
NO_URL = 11100
HUNG_UP = "hangup"
"""The ``Digits`` of a <Record>, or ``QueueResult`` of an <Enqueue>, that the caller's hanging up has ended."""
MOST_PAGES = 60
WITHIN_S = 10.0
"""A document that redirects to itself without a word would otherwise do so for ever."""
_RESEND_S = 1.0
_NEVER = float("-inf")
FRESH_S = 5.0
"""How long what was read of the account counts."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the next document comes from: a URL, with what the last verb adds to the request, or the text itself."""

    url: str = ""
    method: str = "POST"
    params: dict[str, str] = field(default_factory=dict)
    twiml: str = ""


InnerPage = Callable[[CallRecord, Mapping[str, str]], Awaitable[Document]]
"""Makes a document of the call and of what its last verb told."""


@dataclass(frozen=True, slots=True)
class SessionTools:
    """What sessions share. ``send`` is False when the edge is not on the line; ``recording_url`` takes account, SID."""

    db: Database
    documents: Documents
    pages: Pages
    debugger: Debugger
    send: Callable[[EdgeId, Notice], bool]
    recording_url: Callable[[str, str], str]
    now: Callable[[], float] = time.monotonic
    inner: Mapping[str, InnerPage] = field(default_factory=dict)
    """Documents made here: by what stands for a URL in the rows of their calls."""


class CallSession:
    """``record`` is the call as it was last heard of; the service keeps it fresh."""

    def __init__(self, tools: SessionTools, record: CallRecord, account: AccountRecord) -> None:
        self.record = record
        self._tools = tools
        self._account = account
        self._account_read = tools.now()
        self._cookies = Cookies()
        self._page = record.page
        self._sent: RunPage | None = None
        self._sent_at = 0.0
        self._outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._wishes: asyncio.Queue[Source] = asyncio.Queue()
        self._over = asyncio.Event()
        self._moments: deque[float] = deque(maxlen=MOST_PAGES)
        self._twiml = record.twiml

    @property
    def whispers(self) -> bool:
        """A dialled leg: its page is for who answers, before he is joined."""
        return self.record.parent is not None

    def redirect(self, source: Source) -> None:
        """Leave whatever runs and go on here."""
        self._wishes.put_nowait(source)

    @property
    def over(self) -> bool:
        """The call is over."""
        return self._over.is_set()

    def end(self) -> None:
        """The call is over. A request that is under way is still made: it may tell of a recording."""
        self._over.set()

    def page_ended(self, notice: PageEnded) -> None:
        """The outcome of a page. Those of pages since replaced count no more."""
        if notice.page >= self._page and not self._outcome.done():
            self._page = notice.page
            self._outcome.set_result(notice.outcome)

    def line_cut(self) -> None:
        """What was sent last may have been lost: it goes again as soon as the edge says that it has not got it."""
        self._sent_at = _NEVER

    def heard(self, page: int) -> None:
        """The edge says which page it was given last: an earlier one means that ours was lost."""
        if self._sent is not None and page < self._page and self._tools.now() - self._sent_at > _RESEND_S:
            self._transmit(self._sent)

    async def run(self, source: Source | None) -> None:
        """From this document to the end of the call. None: a page runs already."""
        while not self._over.is_set():
            source = await self._turn_or_wish(source)
            if source is None:
                return
        if source is not None:
            await self.farewell(source)

    async def farewell(self, source: Source) -> None:
        """Make one last request for a call that is over; what it answers is not run."""
        await self._document(source)

    async def _turn_or_wish(self, source: Source | None) -> Source | None:
        turn = asyncio.ensure_future(self._turn(source))
        wish = asyncio.ensure_future(self._wishes.get())
        try:
            await asyncio.wait({turn, wish}, return_when=asyncio.FIRST_COMPLETED)
            return wish.result() if wish.done() else turn.result()
        finally:
            for task in (turn, wish):
                task.cancel()
            await asyncio.wait({turn, wish})

    async def _turn(self, source: Source | None) -> Source | None:
        """One page from its document to its outcome: where to go on, or None."""
        if source is not None:
            document = await self._document(source)
            if self._over.is_set():
                return None
            prepared = await self._tools.pages.prepare(document, self._account)
            await self._run_page(prepared, source)
        outcome = await self._first_of_outcome_and_end()
        return None if outcome is None else self.onward(outcome)

    def onward(self, outcome: Outcome) -> Source | None:
        """Where this outcome leads; None when it ends the call. No URL means the document itself, which had none."""
        if not isinstance(outcome, Goto):
            return None
        return Source(outcome.url, outcome.method, outcome.params) if outcome.url else Source(twiml=self._twiml)

    async def _first_of_outcome_and_end(self) -> Outcome | None:
        over = asyncio.ensure_future(self._over.wait())
        waited: set[asyncio.Future[Any]] = {self._outcome, over}
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            return self._outcome.result() if self._outcome.done() else None
        finally:
            over.cancel()

    async def _document(self, source: Source) -> Document:
        """What to run next; an excuse when the document cannot be had."""
        if source.twiml:
            self._twiml = source.twiml
            return await self._inline(source.twiml)
        if not source.url:
            await self._note(Problem(NO_URL, "The number has no voice URL, so its call was rejected"))
            return REFUSAL
        if source.url in self._tools.inner:
            return await self._tools.inner[source.url](self.record, source.params)
        if not self._may_go_on():
            await self._note(Problem(11215, f"More than {MOST_PAGES} documents in {WITHIN_S:g} s", url=source.url))
            return EXCUSE
        await self._refresh_account()
        found = await self._tools.documents.voice(
            self._request(source), self.record.fallback, self.record.sid, self._cookies
        )
        if isinstance(found, NoDocument):
            return Document(()) if self.whispers else EXCUSE
        return found

    async def _inline(self, twiml: str) -> Document:
        try:
            return read_voice(twiml, "")
        except InvalidTwiml as error:
            await self._note(Problem(error.code, error.message))
            return EXCUSE

    def _request(self, source: Source) -> WebhookRequest:
        hung_up = HUNG_UP in (
            source.params.get("Digits"),
            source.params.get("QueueResult"),
        )  # told before the call's end is
        params = voice_fields(self.record, CallStatus.COMPLETED if hung_up else None) | source.params
        if "RecordingSid" in params:
            params["RecordingUrl"] = self._tools.recording_url(self.record.account, params["RecordingSid"])
        return WebhookRequest(
            source.url,
            self.record.account,
            method=source.method,
            params=params,
            secret=self._account.auth_token,
            subject=self.record.sid,
        )

    async def _refresh_account(self) -> None:
        """A token that was promoted while the call goes on signs its further requests."""
        if self._tools.now() - self._account_read < FRESH_S:
            return
        sid = self.record.account
        try:
            found = await self._tools.db.read(lambda conn: accounts.get(conn, sid))
        except Transient as error:
            log.warning("%s: its account cannot be read: %s", self.record.sid, error)
            return
        self._account = found or self._account
        self._account_read = self._tools.now()

    def _may_go_on(self) -> bool:
        now = self._tools.now()
        full = len(self._moments) == MOST_PAGES and now - self._moments[0] < WITHIN_S
        self._moments.append(now)
        return not full

    async def _run_page(self, prepared: Prepared, source: Source) -> None:
        """Send it; only then write down that it was sent, and what was wrong with it."""
        self._page += 1
        self._outcome = asyncio.get_running_loop().create_future()
        self._sent = RunPage(call=self.record.sid, page=self._page, verbs=prepared.page)
        self._transmit(self._sent)
        await self._write_down(source)
        for problem in prepared.problems:
            await self._note(problem, source.url)

    def _transmit(self, page: RunPage) -> None:
        self._sent_at = self._tools.now()
        if self.record.edge is None or not self._tools.send(self.record.edge, Do(page)):
            self.line_cut()
            log.info("%s: page %d waits for its edge", page.call, page.page)

    async def _write_down(self, source: Source) -> None:
        page, sid = self._page, self.record.sid
        changes: dict[str, object] = {"page": page, "twiml": source.twiml}
        if source.url:
            changes |= {"url": source.url, "method": source.method}
        try:
            await self._tools.db.write(lambda conn: calls.update(conn, sid, **changes))
        except Transient as error:
            log.warning("%s: page %d is not written down: %s", sid, page, error)

    async def _note(self, problem: Problem, document: str = "") -> None:
        hook = Hook(problem.url or document)
        await self._tools.debugger.note(
            self.record.account, self.record.sid, problem.code, problem.text, hook, level=problem.level
        )


def first_source(record: CallRecord) -> Source:
    """Where a call begins, or goes on when its page was lost with a restart of the cloud."""
    return Source(record.url, record.method) if record.url else Source(twiml=record.twiml)


def wants_session(record: CallRecord, *, answered: bool) -> bool:
    """Whether a document is to be fetched for this call as it stands now."""
    if record.status in FINAL_CALL:
        return False
    if record.parent is not None:
        return answered and bool(record.url)
    if record.machine_first and record.answered_by is None:
        return False
    return answered or record.status is CallStatus.RINGING and record.direction == "inbound"


def answered_now(record: CallRecord) -> CallRecord:
    """The call as it is once its answer is known, before that is written down."""
    return record if record.status in FINAL_CALL else replace(record, status=CallStatus.IN_PROGRESS)
