"""<Gather input="speech"> in the cloud: hears a call's feed while its edge says that somebody speaks, and answers."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cloud.services.debugger import Debugger
from cloud.services.feeds import FeedEar, Feeds
from cloud.services.hearing.partials import Partials
from cloud.services.hearing.recogniser import Heard, Hearing, Listen, RecognitionFailed
from cloud.services.hearing.recognisers import Recognisers
from cloud.services.live_tasks import LiveTasks
from cloud.services.webhooks import WebhookClient
from cloud.store import accounts
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord, CallRecord
from cloud.tunnel import call_steps
from telecore.audio.g711 import ulaw_to_l16
from telecore.commands import SpeechHeard
from telecore.ids import CallSid, EdgeId, FeedId
from telecore.model import Track
from telecore.notices import Do, Notice, SpeechAsked, SpeechOver
from telecore.twiml.verbs.gather import NO_RECOGNISER

log = logging.getLogger(__name__)

_ANSWERS = 200
"""How many are remembered for an edge that did not get them."""
_BEFORE_FRAMES = 50
"""What is kept from before somebody was seen to speak: a second, in which the first word began."""


@dataclass(frozen=True, slots=True)
class GatherTools:
    """``send`` is False when the edge is not on the line."""

    db: Database
    feeds: Feeds
    recognisers: Recognisers
    client: WebhookClient
    debugger: Debugger
    send: Callable[[EdgeId, Notice], bool]


class Gathers:
    """All that listen now. They live in memory: after a restart the edge asks again."""

    def __init__(self, tools: GatherTools) -> None:
        self._tools = tools
        self._tasks = LiveTasks()
        self._live: dict[tuple[EdgeId, FeedId], _Listening] = {}
        self._answers: OrderedDict[tuple[EdgeId, FeedId], SpeechHeard] = OrderedDict()

    def asked(self, edge: EdgeId, notice: SpeechAsked) -> None:
        """A <Gather> began, or somebody began to speak; perhaps told again."""
        key = (edge, notice.feed)
        if key in self._answers:
            return
        listening = self._live.get(key)
        if listening is None:
            listening = self._live[key] = _Listening(self._tools, edge, notice, self._answer)
            task = self._tasks.start(listening.run(), f"hearing {notice.call}")
            task.add_done_callback(lambda _: self._live.pop(key, None))
        if notice.spoken:
            listening.spoken.set()

    def over(self, edge: EdgeId, notice: SpeechOver) -> None:
        """The edge waits for the words, or has no more use for them."""
        key = (edge, notice.feed)
        listening = self._live.get(key)
        if listening is not None:
            listening.over(notice.wanted)
        elif notice.wanted:  # it was told and did not arrive; or an earlier process of ours heard it
            self._answer(edge, self._answers.get(key) or SpeechHeard(call=notice.call, feed=notice.feed))

    async def close(self) -> None:
        await self._tasks.close()

    def _answer(self, edge: EdgeId, heard: SpeechHeard) -> None:
        self._answers[edge, heard.feed] = heard
        while len(self._answers) > _ANSWERS:
            self._answers.popitem(last=False)
        if not self._tools.send(edge, Do(heard)):
            log.info("%s: what was said is told when edge %s is back", heard.call, edge)


class _Listening(FeedEar):
    """One <Gather>: from its beginning to its answer."""

    def __init__(
        self, tools: GatherTools, edge: EdgeId, asked: SpeechAsked, answer: Callable[[EdgeId, SpeechHeard], None]
    ) -> None:
        self.spoken = asyncio.Event()
        self._tools = tools
        self._edge = edge
        self._asked = asked
        self._answer = answer
        self._over: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._before: deque[bytes] = deque(maxlen=_BEFORE_FRAMES)
        self._hearing: Hearing | None = None

    def heard(self, track: Track, frame: bytes) -> None:
        if self._hearing is None:
            self._before.append(frame)
        else:
            self._hearing.feed(ulaw_to_l16(frame))

    def closed(self, because: str) -> None:
        """The call is over, or its edge away too long: nobody waits for the words."""
        self.over(wanted=False)

    def over(self, wanted: bool) -> None:
        if not self._over.done():
            self._over.set_result(wanted)

    async def run(self) -> None:
        feed = self._tools.feeds.open(self._edge, self._asked.call, self, feed=self._asked.feed)
        try:
            known = await self._tools.db.read(lambda conn: _known(conn, self._edge, self._asked.call))
            if known is None:
                return
            await self._spoken_or_over()
            if not self.spoken.is_set():
                return
            heard = await self._hear(*known)
            if self._over.done() and self._over.result():
                self._answer(self._edge, self._said(heard))
        finally:
            feed.close()

    async def _hear(self, record: CallRecord, account: AccountRecord) -> Heard:
        """Never fails: what was not understood is empty, and the customer reads why."""
        partials = Partials(self._tools.client, self._tools.debugger, record, account, self._asked.spec)
        telling = asyncio.create_task(partials.run(), name=f"partial results of {record.sid}")
        try:
            return await self._recognise(partials)
        except RecognitionFailed as error:
            text = f"<Gather> understood nothing: {error}"
            await self._tools.debugger.note(record.account, record.sid, NO_RECOGNISER, text)
            return Heard()
        finally:
            telling.cancel()
            await asyncio.wait({telling})

    async def _recognise(self, partials: Partials) -> Heard:
        spec = self._asked.spec
        hearing = await self._tools.recognisers.listen(
            Listen(spec.language, spec.hints, partials.take if spec.partial_callback else None)
        )
        try:
            for frame in self._before:
                hearing.feed(ulaw_to_l16(frame))
            self._hearing = hearing
            return await hearing.finish() if await self._over else Heard()
        finally:
            self._hearing = None
            await hearing.close()

    def _said(self, heard: Heard) -> SpeechHeard:
        call, feed = self._asked.call, self._asked.feed
        return SpeechHeard(call=call, feed=feed, text=heard.text, confidence=heard.confidence)

    async def _spoken_or_over(self) -> None:
        waiting = asyncio.ensure_future(self.spoken.wait())
        waited: set[asyncio.Future[Any]] = {waiting, self._over}
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()


def _known(conn: Connection, edge: EdgeId, call: CallSid) -> tuple[CallRecord, AccountRecord] | None:
    record = call_steps.of_edge(conn, call, edge)
    account = None if record is None else accounts.get(conn, record.account)
    return None if record is None or account is None else (record, account)
