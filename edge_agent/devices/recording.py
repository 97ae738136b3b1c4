"""A day with one modem on paper: the real driver serves it, and everything said is written down, masked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.contracts import IncomingCall, RadioStatus, SmsPart, StatusReport, UssdReply
from edge_agent.devices.runner import DeviceRunner
from edge_agent.drivers.at_modem.dialogue import ByteStream
from edge_agent.drivers.at_modem.modem import AtModem, ChooseProfile, ModemSettings
from edge_agent.drivers.at_modem.transcript import Entry, Tap
from edge_agent.drivers.at_modem.transcript_file import TranscriptFile
from telecore.events import Event
from telecore.ids import ChannelId
from telecore.sim_health import StoreLevel

log = logging.getLogger(__name__)

FLUSH_S = 2.0
CLOSE_S = 30.0
"""How long a device may take to let go of its ports."""
QUEUED = 10_000


@dataclass(frozen=True, slots=True)
class Progress:
    """``dropped``: entries that came faster than the disk took them."""

    elapsed_s: float
    entries: int
    size: int
    state: str
    dropped: int


async def record(
    settings: ModemSettings,
    choose: ChooseProfile,
    file: TranscriptFile,
    *,
    seconds: float,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    flush_s: float = FLUSH_S,
) -> Progress:
    """Serve the modem so long, or until cancelled; what was heard is on disk then. Raises OSError of the disk."""
    recorder = _Recorder(file)
    stopping = asyncio.Event()
    runner = DeviceRunner(
        settings.id,
        lambda: AtModem(settings, choose, recorder.tap),
        (settings.channel,),
        _Onlooker(),
        stopping=stopping,
    )
    serving = asyncio.create_task(runner.run())
    try:
        while (left_s := seconds - recorder.elapsed_s()) > 0 and not serving.done():
            await asyncio.wait([serving], timeout=min(flush_s, left_s))
            await recorder.flush()
            on_progress(recorder.progress(runner.status.state))
        if serving.done():
            serving.result()
    finally:
        state = runner.status.state
        stopping.set()
        serving.cancel()
        await asyncio.wait([serving], timeout=CLOSE_S)
        await recorder.flush()
    return recorder.progress(state)


class _Recorder:
    def __init__(self, file: TranscriptFile) -> None:
        self._file = file
        self._waiting: list[Entry] = []
        self._dropped = 0
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()

    def elapsed_s(self) -> float:
        return self._clock() - self._began

    def tap(self, port: ByteStream) -> ByteStream:
        return Tap(port, self._note, self.elapsed_s)

    async def flush(self) -> None:
        entries, self._waiting = self._waiting, []
        if entries:
            await asyncio.to_thread(self._file.append, entries)

    def progress(self, state: str) -> Progress:
        return Progress(self.elapsed_s(), self._file.entries, self._file.size, state, self._dropped)

    def _note(self, entry: Entry) -> None:
        if len(self._waiting) < QUEUED:
            self._waiting.append(entry)
        else:
            self._dropped += 1


class _Onlooker:
    """A Core that keeps nothing: it never says that a message is safe, so each stays on the SIM for the agent."""

    async def part(self, part: SmsPart) -> None:
        await asyncio.get_running_loop().create_future()

    async def report(self, report: StatusReport) -> None:
        await asyncio.get_running_loop().create_future()

    async def radio(self, channel: ChannelId, status: RadioStatus) -> None:
        log.info("%s: %s %s", channel, status.state, status.reason)

    async def ussd(self, channel: ChannelId, reply: UssdReply) -> None:
        log.info("%s: USSD %s", channel, reply.state)

    async def event(self, event: Event) -> None:
        log.info("%s", type(event).__name__)

    def stored(self, channel: ChannelId, level: StoreLevel) -> None:
        log.info("%s: storage %s", channel, level)

    def incoming(self, call: IncomingCall) -> None:
        log.info("%s: a call rings; nobody answers it here", call.channel)
