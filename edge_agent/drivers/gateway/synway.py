"""Synway SMG by its HTTP API: SMS both ways and states of ports. No USSD of it is documented, and it resets nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from edge_agent.contracts import (
    Core,
    OnSegment,
    OutboundSms,
    RadioStatus,
    SmsPart,
    SmsService,
    SubmitRef,
    UssdService,
)
from edge_agent.drivers.gateway import synway_codec as codec
from edge_agent.drivers.gateway.box_values import integer, number_of, part_key, port_named, sim_of, zone_option
from edge_agent.drivers.gateway.http_client import HttpAuth, HttpClient, base_url, client_of
from edge_agent.drivers.gateway.management import ManagedLine, ManagementSettings
from edge_agent.drivers.gateway.serving import STUMBLES, RadioNews, Remembered, poll_until_lost, seconds
from edge_agent.drivers.gateway.synway_codec import ReceivedSms, TaskState, TaskStates
from edge_agent.drivers.gateway.whole_text import check_whole
from telecore.errors import DeviceLost, DeviceRefused, OutcomeUnknown, RemoteProtocolError
from telecore.ids import Address
from telecore.model import ChannelState, DeviceIdentity
from telecore.numbers import address_of
from telecore.sms import count_segments

log = logging.getLogger(__name__)

_OLDEST = timedelta(days=30)
"""As long as the spool remembers what it has received."""
_AHEAD = timedelta(days=2)
_MARGIN = timedelta(minutes=5)
"""Messages may be listed later than others with a later stamp."""
_SIMS_EVERY = 20
"""Polls after which the SIMs are read again."""
_APART = 100
"""Seconds that are asked for alone in one poll."""
DOUBTFUL = Address("unreadable")
"""Told as the sender of a text that cannot be told from the box's own separators."""


OPTIONS = frozenset({
    "auth", "failed_states", "first_port", "model", "sent_states", "sms_limit_s", "task_poll_s", "timeout_s",
    "timezone", "tls", "waiting_states",
})  # fmt: skip
"""Of ``management.options``; others are mistakes."""


class SynwayManagement:
    """A Management. A line's ``name`` is the number of its port as the API counts.

    Options: ``auth``, ``tls`` (http_client.py), ``timezone`` of the box's clock, ``first_port`` of its lists,
    ``waiting_states``, ``sent_states``, ``failed_states`` (numbers, with commas), and in seconds ``task_poll_s``,
    ``sms_limit_s``, ``timeout_s``.
    """

    def __init__(self, settings: ManagementSettings) -> None:
        self._settings = settings
        self._lines = {_port_of(line): line for line in settings.lines}
        self._base = base_url(settings)
        self._zone = zone_option(settings.options)
        self._first_port = integer(settings.options.get("first_port", "1")) or 0
        model = settings.options.get("model", "SMG4000")
        self._identity = DeviceIdentity("Synway", model, "", port=self._base)
        self._news = RadioNews()
        self._client: HttpClient | None = None
        self._tasks: SynwayTasks | None = None
        self._sims: dict[str, Mapping[int, str]] = {}
        self._port_states: Mapping[int, int] = {}
        self._connected: Mapping[int, int] = {}
        self._polls = 0
        self._newest = ""
        self._taken = Remembered()

    @property
    def identity(self) -> DeviceIdentity:
        return self._identity

    @property
    def lines(self) -> Sequence[ManagedLine]:
        return self._settings.lines

    async def open(self) -> None:
        """Raises DeviceLost, DeviceRefused, TimedOut, RemoteProtocolError, InvalidRequest."""
        self._client = client_of(self._settings, HttpAuth.BASIC)
        self._tasks = SynwayTasks(self._client, self._settings.options)
        await self._read_ports()

    async def run(self, core: Core) -> None:
        """Serve until the box is lost: DeviceLost."""

        async def poll(stumbled: bool) -> None:
            if stumbled:
                self._newest = ""  # it may have restarted with another clock
            await self._read_ports()
            if self._polls % _SIMS_EVERY == 0:
                await self._read_sims()
            self._polls += 1
            await self._tell_radio(core)
            await self._poll_inbox(core)

        await poll_until_lost(f"the Synway at {urlsplit(self._base).netloc}", self._settings.poll_s, poll)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def sms(self, line: ManagedLine) -> SmsService | None:
        if self._tasks is None:
            raise DeviceLost(f"{self._settings.device} is not open")
        return SynwaySms(self._tasks, _port_of(line))

    def ussd(self, line: ManagedLine) -> UssdService | None:
        return None

    async def restart_line(self, line: ManagedLine) -> str:
        raise DeviceRefused("error", None, "Synway's HTTP API resets nothing; reset the port in the box's own pages")

    async def restart(self) -> str:
        raise DeviceRefused("error", None, "Synway's HTTP API restarts nothing; restart the box in its own pages")

    async def _ask(self, body: codec.Body) -> str:
        if self._client is None:
            raise DeviceLost(f"{self._settings.device} is not open")
        return codec.content((await self._client.post_json(codec.QUERY, body)).json())

    async def _read_ports(self) -> None:
        self._port_states = codec.read_states(await self._ask(codec.query(codec.PORT_STATES)), self._first_port)
        if not self._port_states:
            raise RemoteProtocolError(f"{self._base} shows no ports: it is another model, or its API another version")
        try:
            answer = await self._ask(codec.query(codec.CONNECT_STATES))
        except DeviceRefused as refusal:
            log.debug("%s: its connections are not told: %s", self._settings.device, refusal)
            self._connected = {}
        else:
            self._connected = codec.read_states(answer, self._first_port)

    async def _read_sims(self) -> None:
        ports = ",".join(map(str, sorted(self._lines)))
        for kind in (codec.ICCID, codec.IMSI, codec.NUMBER):
            try:
                answer = await self._ask(codec.query("getwirelessinfo", type=kind, port=ports))
            except DeviceRefused as refusal:
                log.debug("%s: %s is not told: %s", self._settings.device, kind, refusal)
            else:
                self._sims[kind] = codec.read_identities(answer)

    async def _tell_radio(self, core: Core) -> None:
        for port, line in self._lines.items():
            if port not in self._port_states:
                status = RadioStatus(ChannelState.FAULTY, reason="the box has no such port")
            else:
                status = self._radio(port, line)
            await self._news.tell(core, line.channel, status)

    def _radio(self, port: int, line: ManagedLine) -> RadioStatus:
        state, reason = codec.state_of(self._port_states[port], self._connected.get(port))
        iccid, imsi, number = (
            self._sims.get(kind, {}).get(port, "") for kind in (codec.ICCID, codec.IMSI, codec.NUMBER)
        )
        sim = sim_of(iccid, imsi, line.number or number_of(number))
        return RadioStatus(state, sim, None, reason, call=codec.CALLS.get(self._port_states[port]))

    async def _poll_inbox(self, core: Core) -> None:
        now = datetime.now(self._zone)
        begin = self._newest or (now - _OLDEST).strftime(codec.TIME_FORM)
        end = (now + _AHEAD).strftime(codec.TIME_FORM)
        asked = codec.received_since(begin, end, sorted(self._lines))
        inbox = codec.read_inbox(await self._ask(asked))
        if inbox.doubtful:
            await self._take_apart(inbox.stamps, core)
        await self._take_all(inbox.records, core)

    async def _take_all(self, records: Sequence[ReceivedSms], core: Core) -> None:
        for record in sorted(records, key=lambda record: record.digits):
            await self._take(record, core)
            self._advance(record.digits)

    async def _take(self, record: ReceivedSms, core: Core) -> None:
        line = self._lines.get(record.port)
        if line is None or (record.port, record.key) in self._taken:
            return
        sender, sent_at = address_of(record.sender), record.sent_at(self._zone)
        await core.part(SmsPart(line.channel, record.key, sender, record.text, sent_at))
        self._taken.add((record.port, record.key))

    async def _take_apart(self, stamps: Sequence[str], core: Core) -> None:
        """Ask for each second alone. What even then cannot be told apart is told under no sender, so that nobody
        speaks for another by a clever text."""
        for port, line in self._lines.items():
            for stamp in stamps[:_APART]:
                inbox = codec.read_inbox(await self._ask(codec.received_since(stamp, stamp, [port])))
                await self._take_all(inbox.records, core)
                key = part_key("synway", inbox.doubtful)
                if inbox.doubtful and (port, key) not in self._taken:
                    log.warning("%s: port %d: texts that cannot be told apart", self._settings.device, port)
                    await core.part(SmsPart(line.channel, key, DOUBTFUL, inbox.doubtful, None))
                    self._taken.add((port, key))

    def _advance(self, digits: str) -> None:
        """From which time on messages are asked for next; the box's clock may be wrong, but is the same in both."""
        try:
            moment = datetime.strptime(digits, codec.TIME_FORM).replace(tzinfo=UTC) - _MARGIN
        except (ValueError, OverflowError):
            return
        self._newest = max(self._newest, moment.strftime(codec.TIME_FORM))


class SynwayTasks:
    """What the box is sending for us."""

    def __init__(self, client: HttpClient, options: Mapping[str, str]) -> None:
        self._client = client
        self._poll_s = seconds(options, "task_poll_s", 2.0)
        self._limit_s = seconds(options, "sms_limit_s", 120.0)
        self._states = TaskStates(
            *(_codes(options, name) for name in ("waiting_states", "sent_states", "failed_states"))
        )

    async def send(self, body: codec.Body) -> None:
        """Returns when the network has it. Raises DeviceRefused, OutcomeUnknown, DeviceLost, RemoteProtocolError."""
        answer = codec.content((await self._client.post_json(codec.TASK, body, acts=True)).json())
        task = codec.read_task_id(answer)
        if task is None:
            raise OutcomeUnknown(f"the box took it and names no task: {answer[:100]!r}")
        state, said = TaskState.WAITING, ""
        try:
            async with asyncio.timeout(self._limit_s):
                while state in (TaskState.WAITING, TaskState.UNKNOWN):
                    await asyncio.sleep(self._poll_s)
                    state, said = await self._state(task, state, said)
        except TimeoutError:
            hint = " (what it means can be told by sent_states and failed_states)" if state is TaskState.UNKNOWN else ""
            raise OutcomeUnknown(f"the box has it, and its state is still {said!r}{hint}") from None
        if state is TaskState.FAILED:
            raise DeviceRefused("error", None, f"the box could not send it: {said}")

    async def _state(self, task: str, before: TaskState, said: str) -> tuple[TaskState, str]:
        try:
            answer = await self._client.post_json(codec.QUERY, codec.query("querytxsms", taskid=task))
            return codec.read_task(codec.content(answer.json()), self._states)
        except (DeviceLost, *STUMBLES) as error:
            log.info("asking for task %s: %s", task, error)
            return before, said


class SynwaySms:
    """An SmsService over one port. The box cuts a text itself, and tells of no delivery.

    A task whose number is lost cannot be asked for, so a lost answer leaves the outcome unknown.
    """

    def __init__(self, tasks: SynwayTasks, port: int) -> None:
        self._tasks = tasks
        self._port = port

    async def submit(self, sms: OutboundSms, first: int, on_segment: OnSegment) -> None:
        """See ``contracts.SmsService``."""
        check_whole(sms, first)
        body = codec.send_sms(self._port, sms.to, sms.body)
        await self._tasks.send(body)
        segments = count_segments(sms.body).segments
        key = part_key(sms.to, sms.body)[:8]
        for segment in range(segments):
            await on_segment(SubmitRef(key, segment, segments))


def _codes(options: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(code.strip() for code in options.get(name, "").split(",") if code.strip())


def _port_of(line: ManagedLine) -> int:
    return port_named(line.name, "a Synway", 0, 255)
