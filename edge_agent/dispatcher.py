"""What the cloud wishes, to whoever can do it.

Commands of the numbered street are taken on (or refused) in one commit and then done; commands that matter only
while their call lives come as the notice ``Do`` and are done at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from edge_agent.contracts import Channel, UssdReply, UssdService, UssdState
from edge_agent.messages import Messages
from edge_agent.spool import Spool, Taken, subject_of
from telecore.codec import decode_command
from telecore.commands import (
    CancelUssd,
    CloseFeed,
    Command,
    ControlRecording,
    FlushFeed,
    HangUp,
    LimitCall,
    OfferCall,
    OpenFeed,
    PlaceCall,
    RecordCall,
    RequestUssd,
    RestartChannel,
    RouteDial,
    RunPage,
    SendMessage,
    SpeechHeard,
    TellFarLeg,
)
from telecore.errors import (
    InvalidRequest,
    NoNetwork,
    OutcomeUnknown,
    Refused,
    RemoteProtocolError,
    StorageFailed,
    TelecoreError,
    TimedOut,
)
from telecore.events import ChannelHealed, CommandRejected, Event, UssdReplied
from telecore.ids import ChannelId, CommandId
from telecore.notices import Do
from telecore.tunnel.frames import Hello

log = logging.getLogger(__name__)

UNKNOWN_COMMAND = 20001
EXPIRED_MESSAGE = 30036
EXPIRED = 31480
NO_CHANNEL = 20404
CANNOT = 20409

MODEM_SILENT = "(the modem did not answer)"
"""Told instead of an operator's words; with a silent network there are none."""
_USSD_TIMEOUT_S = 180.0
_RESTART_TIMEOUT_S = 120.0
_HELD_S = 2.0

Doers = Mapping[type[Command], Callable[[Any], Awaitable[object]]]
"""Who does a durable command, by its type: answers it by an event of its own, or raises TelecoreError."""

LiveDoers = Mapping[type[Command], Callable[[Any], None]]
"""Who does at once what matters only while its call lives."""


class LiveCalls(Protocol):
    """What ``calls.Calls`` does on command."""

    async def place(self, command: PlaceCall) -> None: ...
    def run_page(self, command: RunPage) -> None: ...
    def hang_up(self, command: HangUp) -> None: ...
    def limit(self, command: LimitCall) -> None: ...
    def record(self, command: RecordCall) -> None: ...
    def control_recording(self, command: ControlRecording) -> None: ...
    def route_dial(self, command: RouteDial) -> None: ...
    def offer(self, command: OfferCall) -> None: ...
    def tell_far_leg(self, command: TellFarLeg) -> None: ...
    def speech_heard(self, command: SpeechHeard) -> None: ...
    def open_feed(self, command: OpenFeed) -> None: ...
    def close_feed(self, command: CloseFeed) -> None: ...
    def flush_feed(self, command: FlushFeed) -> None: ...


class Dispatcher:
    """The receiving end of the cloud's street (telecore.tunnel.streets.Incoming), and of ``Do``.

    ``channel`` finds an open channel; ``known`` says whether a channel belongs to this site, open or not; ``extra``:
    the durable commands that are done elsewhere; ``live``: those that come in ``Do`` and are; ``told_time`` hears what
    time the cloud says it is.
    """

    def __init__(
        self,
        spool: Spool,
        messages: Messages,
        calls: LiveCalls,
        *,
        channel: Callable[[ChannelId], Channel | None],
        known: Callable[[ChannelId], bool],
        extra: Doers | None = None,
        live: LiveDoers | None = None,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        told_time: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        self._spool = spool
        self._messages = messages
        self._channel = channel
        self._known = known
        self._wall = wall
        self._told_time = told_time
        self._todo: asyncio.Queue[Command] = asyncio.Queue()
        self._taking: set[asyncio.Task[None]] = set()
        self._durable: Doers = {
            PlaceCall: calls.place,
            RequestUssd: self._ussd,
            CancelUssd: self._cancel_ussd,
            RestartChannel: self._restart,
            **(extra or {}),
        }
        self._live: LiveDoers = {
            RunPage: calls.run_page,
            HangUp: calls.hang_up,
            LimitCall: calls.limit,
            RecordCall: calls.record,
            ControlRecording: calls.control_recording,
            RouteDial: calls.route_dial,
            OfferCall: calls.offer,
            TellFarLeg: calls.tell_far_leg,
            SpeechHeard: calls.speech_heard,
            OpenFeed: calls.open_feed,
            CloseFeed: calls.close_feed,
            FlushFeed: calls.flush_feed,
            **(live or {}),
        }

    async def applied(self, stream: str) -> int:
        return await self._spool.applied(stream)

    async def greeted(self, hello: Hello) -> tuple[int, str]:
        """The last number of the cloud's street that is applied here, and the id of that command."""
        if hello.time and self._told_time is not None:
            await self._told_time(hello.time / 1000)
        return await self._spool.street(hello.stream)

    async def apply(self, stream: str, seq: int, payload: dict[str, Any], *, history: bool) -> None:
        """Commit the command and its number together, then see to it that it is done."""
        await self.apply_batch(stream, [(seq, payload, history)])

    async def apply_batch(self, stream: str, items: Sequence[tuple[int, dict[str, Any], bool]]) -> None:
        """The same for several, in one commit. Whether a command is history its ``not_after`` says."""
        task = asyncio.create_task(self._take_on(stream, items), name=f"take on {stream}")
        self._taking.add(task)
        task.add_done_callback(self._taken_on)
        await asyncio.shield(task)

    async def _take_on(self, stream: str, items: Sequence[tuple[int, dict[str, Any], bool]]) -> None:
        """A task of its own: the tunnel may fall after the commit, and what is committed nobody sends again."""
        taken, fresh_ones = await self._journal(stream, items)
        for item, fresh in zip(taken, fresh_ones, strict=True):
            if not fresh:
                continue
            if item.answer is not None:
                log.warning("command %d of the cloud refused: %s", item.seq, item.answer.reason)
            elif isinstance(item.command, SendMessage):
                self._messages.enqueue(item.command)
            elif item.command is not None:
                self._todo.put_nowait(item.command)

    async def _journal(
        self, stream: str, items: Sequence[tuple[int, dict[str, Any], bool]]
    ) -> tuple[list[Taken], list[bool]]:
        """Commit them. A disk that takes nothing leaves them with the cloud, and the tunnel up for what is live."""
        said = ""
        while True:
            taken = [
                Taken(stream, seq, *self._read(payload), mark=str(payload.get("id", ""))[:200])
                for seq, payload, _ in items
            ]
            try:
                return taken, await self._spool.journal(taken)
            except StorageFailed as error:
                if str(error) != said:
                    said = str(error)
                    log.error("commands of the cloud are not taken on: %s", error)  # noqa: TRY400
                await asyncio.sleep(_HELD_S)

    def _taken_on(self, task: asyncio.Task[None]) -> None:
        self._taking.discard(task)
        if not task.cancelled():
            task.exception()  # raised to the tunnel, if that still waits

    def do(self, notice: Do) -> None:
        """Do a live command now. One that cannot be done live is logged and dropped."""
        act = self._live.get(type(notice.command))
        if act is None:
            log.warning("the cloud sent %s as a notice; ignored", notice.command.kind)
            return
        act(notice.command)

    async def obey(self, command: Command) -> None:
        """Do a command that somebody on site wishes. Raises TelecoreError."""
        act = self._durable.get(type(command))
        if act is None:
            raise InvalidRequest(f"nobody here does {command.kind}")
        await act(command)

    async def run(self) -> None:
        """Do what was taken on, each command in a task of its own."""
        async with asyncio.TaskGroup() as group:
            while True:
                command = await self._todo.get()
                group.create_task(self._act(command), name=f"{command.kind} {command.id}")

    def _read(self, payload: dict[str, Any]) -> tuple[Command | None, CommandRejected | None]:
        """The command, or why it is refused."""
        try:
            command = decode_command(payload)
        except RemoteProtocolError as error:
            return None, _rejected(str(payload.get("id", "")), subject_of(payload), UNKNOWN_COMMAND, str(error))
        subject = subject_of(command)
        if command.not_after is not None and command.not_after < self._wall():
            code = EXPIRED_MESSAGE if isinstance(command, SendMessage) else EXPIRED
            return None, _rejected(command.id, subject, code, "it came too late: its time had run out")
        channel = getattr(command, "channel", None)
        if channel is not None and not self._known(channel):
            return None, _rejected(command.id, subject, NO_CHANNEL, f"there is no channel {channel} at this edge")
        if not isinstance(command, SendMessage) and type(command) not in self._durable:
            return None, _rejected(command.id, subject, UNKNOWN_COMMAND, f"{command.kind} is no durable command")
        return command, None

    async def _act(self, command: Command) -> None:
        try:
            await self._durable[type(command)](command)
        except TelecoreError as error:
            log.warning("%s %s could not be done: %s", command.kind, subject_of(command), error)
            code = error.code if isinstance(error, Refused) else CANNOT
            await self._answer(_rejected(command.id, subject_of(command), code, str(error)))

    async def _answer(self, event: Event) -> None:
        """Tell what a command led to, however long the disk takes nothing: others go on meanwhile."""
        said = ""
        while True:
            try:
                await self._spool.append(event)
            except StorageFailed as error:
                if str(error) != said:
                    said = str(error)
                    log.error("%s of command %s is not told: %s", event.kind, event.command, error)  # noqa: TRY400
                await asyncio.sleep(_HELD_S)
            else:
                return

    async def _ussd(self, command: RequestUssd) -> None:
        ussd = self._ussd_of(command.channel)
        try:
            async with asyncio.timeout(_USSD_TIMEOUT_S):
                reply = await ussd.request(command.code)
        except (TimeoutError, TimedOut, OutcomeUnknown):
            # The network may have it all the same, so this is no CommandRejected.
            reply = UssdReply(UssdState.TIMEOUT, MODEM_SILENT)
        await self._answer(
            UssdReplied(command=command.id, channel=command.channel, state=reply.state.value, text=reply.text)
        )

    async def _cancel_ussd(self, command: CancelUssd) -> None:
        ussd = self._ussd_of(command.channel)
        try:
            async with asyncio.timeout(_USSD_TIMEOUT_S):
                await ussd.cancel()
        except TimeoutError as error:
            raise TimedOut(f"{command.channel} did not end the session") from error
        released = UssdState.RELEASED.value
        await self._answer(UssdReplied(command=command.id, channel=command.channel, state=released, text=""))

    def _ussd_of(self, channel: ChannelId) -> UssdService:
        found = self._channel(channel)
        if found is None or found.ussd is None:
            raise NoNetwork(f"{channel} takes no USSD now")
        return found.ussd

    async def _restart(self, command: RestartChannel) -> None:
        channel = self._channel(command.channel)
        if channel is None:
            raise NoNetwork(f"{command.channel} cannot be reached now")
        if channel.radio is None:
            raise InvalidRequest(f"{command.channel} has no modem of its own that could be restarted")
        try:
            async with asyncio.timeout(_RESTART_TIMEOUT_S):
                await channel.radio.restart()
        except TimeoutError as error:
            raise TimedOut(f"{command.channel} did not restart within {_RESTART_TIMEOUT_S:.0f} s") from error
        done = ChannelHealed(command=command.id, channel=command.channel, step="restart", outcome="worked")
        await self._answer(done)


def _rejected(command: str, subject: str, code: int, reason: str) -> CommandRejected:
    return CommandRejected(command=CommandId(command), subject=subject, code=code, reason=reason)
