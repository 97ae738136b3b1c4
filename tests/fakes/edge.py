"""An edge without modems: calls over fake lines, a cloud that only listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_agent.call.equipment import Waits
from edge_agent.calls import Calls
from edge_agent.contracts import IncomingCall, VoiceEvent
from telecore.commands import PlaceCall, RunPage
from telecore.errors import NotFound
from telecore.events import Event
from telecore.ids import Address, CallSid, EdgeId, channel_id, new_sid
from telecore.model import Clip
from telecore.notices import Announced, Notice, PageEnded
from tests.fakes.blob_store import FolderBlobs, clip_of
from tests.fakes.line import FakeVoiceCall, settle, still_clock, tick

ONE = channel_id(EdgeId("site-1"), "modem1")
TWO = channel_id(EdgeId("site-1"), "modem2")
THREE = channel_id(EdgeId("site-1"), "modem3")


@dataclass
class FakeVoiceService:
    """A line that can dial. ``voice`` is what becomes of the next call."""

    voice: FakeVoiceCall = field(default_factory=FakeVoiceCall)
    error: Exception | None = None
    dialled: list[str] = field(default_factory=list)
    hold: asyncio.Event | None = None
    hidden: bool = False

    async def dial(
        self, to: str, on_event: Callable[[VoiceEvent], None], caller: object = None, *, hidden: bool = False
    ) -> FakeVoiceCall:
        self.dialled.append(to)
        self.hidden = hidden
        if self.hold is not None:
            await self.hold.wait()
        if self.error is not None:
            raise self.error
        self.voice.on_event = on_event
        return self.voice


class FakeEdge:
    """Calls, with everything that they tell kept in order."""

    def __init__(self, directory: Path, waits: Waits | None = None, **options: Any) -> None:
        self.clock = still_clock()
        self.blobs = FolderBlobs(directory)
        self.lines = {channel: FakeVoiceService() for channel in (ONE, TWO, THREE)}
        self.notices: list[Notice] = []
        self.written: list[Event] = []
        self.remote: dict[str, bytes] = {}
        self.fetched: list[str] = []
        self.disk: asyncio.Event | None = None
        self.up = True
        """The tunnel; while it is down nothing is told at once."""
        self.calls = Calls(
            self._emit,
            self._notify,
            fetch=self._fetch,
            blobs=self.blobs,
            voice=self.lines.get,
            clock=self.clock,
            waits=waits or Waits(last_sound=0.01),
            **options,
        )
        self._pages = 0

    async def __aenter__(self) -> FakeEdge:
        self._task = asyncio.create_task(self.calls.run())
        await settle()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.calls.stop(2.0)
        self._task.cancel()
        await asyncio.wait({self._task})
        assert self.calls.live() == ()
        assert self.clock.registered == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def ring(self, caller: str = "+85512000001") -> tuple[CallSid, FakeVoiceCall]:
        voice = FakeVoiceCall()
        self.calls.incoming(IncomingCall(ONE, Address(caller), voice))
        await settle()
        return self.events("call.offered")[-1].call, voice

    async def place(self, to: str = "+85512000002", **options: object) -> tuple[CallSid, FakeVoiceCall]:
        sid = CallSid(new_sid("CA"))
        await self.calls.place(PlaceCall(call=sid, channel=ONE, to=to, **options))
        await settle()
        return sid, self.lines[ONE].voice

    async def run_page(self, call: CallSid, *verbs: object) -> int:
        self._pages += 1
        self.calls.run_page(RunPage(call=call, page=self._pages, verbs=verbs))
        await settle()
        return self._pages

    async def tick(self, count: int = 1) -> None:
        await tick(self.clock, count)

    def clip(self, samples: bytes, *, here: bool = True) -> Clip:
        clip, data = clip_of(samples)
        if here:
            self.blobs.put(data)
        else:
            self.remote[clip.sha256] = data
        return clip

    def events(self, kind: str) -> list[Event]:
        return [event for event in self.announced() if event.kind == kind]

    def announced(self) -> list[Event]:
        return [notice.event for notice in self.notices if isinstance(notice, Announced)]

    def told(self, kind: type[Notice]) -> list[Notice]:
        return [notice for notice in self.notices if isinstance(notice, kind)]

    def outcomes(self) -> list[object]:
        return [notice.outcome for notice in self.told(PageEnded)]

    async def until(self, happened: Callable[[], object], within_s: float = 3.0) -> None:
        """Files are written in threads: real time passes."""
        async with asyncio.timeout(within_s):
            while not happened():  # noqa: ASYNC110 (anything at all may be waited for)
                await asyncio.sleep(0.002)

    async def _emit(self, event: Event) -> int:
        if self.disk is not None:
            await self.disk.wait()
        self.written.append(event)
        return len(self.written)

    def _notify(self, notice: Notice) -> bool:
        if self.up:
            self.notices.append(notice)
        return self.up

    async def _fetch(self, clip: Clip) -> None:
        self.fetched.append(clip.sha256)
        await asyncio.sleep(0)
        if clip.sha256 not in self.remote:
            raise NotFound("no such clip")
        self.blobs.put(self.remote[clip.sha256])
