"""What the boxes with a manager port have in common: spans that are polled, SMS that come as events."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

from edge_agent.contracts import Core, RadioStatus, SmsPart
from edge_agent.drivers.gateway.ami import ANSWER_S, PORT, AmiAccount, AmiSession
from edge_agent.drivers.gateway.ami_codec import Block
from edge_agent.drivers.gateway.gsm_span import Span, parse_span, parse_spans, radio_of
from edge_agent.drivers.gateway.management import ManagedLine, ManagementSettings
from edge_agent.drivers.gateway.parts_index import PartsIndex
from edge_agent.drivers.gateway.serving import RadioNews, seconds
from edge_agent.drivers.gateway.sms_events import read_received, span_in
from edge_agent.drivers.together import together
from telecore.errors import (
    DeviceLost,
    DeviceRefused,
    InvalidRequest,
    RemoteProtocolError,
    StorageFailed,
    TelecoreError,
    TimedOut,
)
from telecore.model import ChannelState

log = logging.getLogger(__name__)

PING_S = 20.0
AGAIN_S = 1.0
HOLD_S = 10.0
_KEPT = 256

ReadSim = Callable[[int, Span, RadioStatus], Awaitable[RadioStatus]]
"""What else can be learnt of the SIM in a span."""


class AmiBox:
    """A session, the spans behind it, and what came in by it. ``offset``: a line's span is its number in the box's
    pages and so much more. ``on_event`` is called with the events that are no received SMS.
    """

    def __init__(
        self,
        settings: ManagementSettings,
        *,
        command: str,
        offset: int,
        on_event: Callable[[Block], None] = lambda block: None,
    ) -> None:
        """Raises InvalidRequest for options that are none, and for lines whose names are no numbers."""
        self.settings = settings
        self.account = AmiAccount(settings.host, settings.port or PORT, settings.user, settings.password, command)
        self.spans = {line.name: span_of(line, offset) for line in settings.lines}
        self.answer_s = seconds(settings.options, "answer_s", ANSWER_S)
        self._ping_s = seconds(settings.options, "ping_s", PING_S)
        self._hold_s = seconds(settings.options, "hold_s", HOLD_S)
        self._offset = offset
        self._other = on_event
        self.takes_sms = True
        """Whether events tell received SMS; not where they come another way."""
        self._index = PartsIndex(_base(settings.options.get("index_base", "")))
        self._holding: asyncio.TimerHandle | None = None
        self._session: AmiSession | None = None
        self._news = RadioNews()
        self._listed: dict[int, str] = {}
        self._inbound: deque[SmsPart] = deque()
        """Each until it is stored."""
        self._came = asyncio.Event()
        self._core: Core | None = None
        self.overflowed = 0

    @property
    def session(self) -> AmiSession:
        """Raises DeviceLost while there is none."""
        if self._session is None:
            raise DeviceLost("not open")
        return self._session

    @property
    def banner(self) -> str:
        return self._session.banner if self._session is not None else ""

    async def open(self) -> None:
        """Log in and see which spans there are. Raises DeviceLost, DeviceRefused, TimedOut."""
        self._session = AmiSession(self.account, self._on_event, answer_s=self.answer_s)
        await self._session.open()
        self._listed = parse_spans(await self._session.command("gsm show spans"))

    async def serve(self, core: Core, read_sim: ReadSim | None = None) -> None:
        """Ping, poll and store until the box is lost: DeviceLost."""
        self._core = core
        await together(self.session.run(self._ping_s), self._poll(core, read_sim), self._store(core))

    async def close(self) -> None:
        """What has come is stored, for the box says it to nobody again."""
        if self._session is not None:
            await self._session.close()
        if self._holding is not None:
            self._holding.cancel()
        self._release()
        if self._core is not None:
            await self._keep_rest(self._core)

    def _on_event(self, block: Block) -> None:
        if block.name != "ReceivedSMS":
            self._other(block)
            return
        if not self.takes_sms:
            return
        span = span_in(block, self._offset)
        line = next((line for line in self.settings.lines if self.spans[line.name] == span), None)
        if line is None:
            log.warning("%s: an SMS on a span that is none of ours: %s", self.account.host, span)
            return
        try:
            part, index = read_received(block, line.channel)
        except RemoteProtocolError as error:
            log.warning("%s: %s", line.channel, error)
            return
        for known in self._index.number(part, index):
            self.put(known)
        if self._holding is not None:
            self._holding.cancel()
        if self._index.holding:
            self._holding = asyncio.get_running_loop().call_later(self._hold_s, self._release)

    def _release(self) -> None:
        for part in self._index.release():
            self.put(part)

    def put(self, part: SmsPart) -> None:
        """An SMS came. The box does not wait for us and does not say it again, so it waits here for the disk."""
        if len(self._inbound) >= _KEPT:
            self.overflowed += 1
            log.error("%s: more SMS than can be stored; %d are lost here", self.account.host, self.overflowed)
            return
        self._inbound.append(part)
        self._came.set()

    async def _store(self, core: Core) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            while self._inbound:
                part = self._inbound[0]
                try:
                    await core.part(part)
                except StorageFailed as error:
                    log.warning("%s: an SMS waits to be kept: %s", part.channel, error)
                    await asyncio.sleep(AGAIN_S)
                else:
                    self._inbound.popleft()

    async def _keep_rest(self, core: Core) -> None:
        while self._inbound:
            part = self._inbound[0]
            try:
                await core.part(part)
            except TelecoreError as error:
                log.error("%s: an SMS is lost with the connection to its box: %s", part.channel, error)  # noqa: TRY400
            self._inbound.popleft()

    async def _poll(self, core: Core, read_sim: ReadSim | None) -> None:
        while True:
            for line in self.settings.lines:
                await self._news.tell(core, line.channel, await self._status(line, read_sim))
            await asyncio.sleep(self.settings.poll_s)

    async def _status(self, line: ManagedLine, read_sim: ReadSim | None) -> RadioStatus:
        number = self.spans[line.name]
        if self._listed and number not in self._listed:
            return RadioStatus(ChannelState.FAULTY, reason=f"the box has no span {number}")
        try:
            span = parse_span(await self.session.command(f"gsm show span {number}"))
            status = radio_of(span, line.number)
            return await read_sim(number, span, status) if read_sim is not None else status
        except (DeviceRefused, TimedOut) as error:
            log.info("%s: %s", line.channel, error)
            return RadioStatus(ChannelState.FAULTY, reason=f"the box does not tell how it stands: {error}")


def span_of(line: ManagedLine, offset: int) -> int:
    """The span of a line that is named by its port. Raises InvalidRequest."""
    if re.fullmatch(r"[0-9]{1,3}", line.name) is None:
        raise InvalidRequest(f"line {line.name!r}: must be the number of its port", field="name")
    return int(line.name) + offset


def offset_of(options: Mapping[str, str], usual: int) -> int:
    """Raises InvalidRequest for what is no small number."""
    text = options.get("span_offset", str(usual))
    if re.fullmatch(r"-?[0-9]{1,2}", text) is None:
        raise InvalidRequest(f"span_offset: {text!r} is no number", field="span_offset")
    return int(text)


def _base(text: str) -> int | None:
    if text not in ("", "0", "1"):
        raise InvalidRequest(f"index_base: {text!r} is neither 0 nor 1", field="index_base")
    return int(text) if text else None
