"""Dinstar UC2000 and DWG by their HTTP API, with or without webhooks. What is heard twice is told once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from edge_agent.contracts import Core, RadioStatus, SmsService, UssdReply, UssdService
from edge_agent.drivers.gateway import dinstar_codec as codec
from edge_agent.drivers.gateway.box_values import dbm_of, number_of, port_named, sim_of, word, zone_option
from edge_agent.drivers.gateway.dinstar_hooks import DinstarHooks
from edge_agent.drivers.gateway.dinstar_inbox import DinstarInbox
from edge_agent.drivers.gateway.dinstar_sms import DinstarOutbox, DinstarSms, SmsTimes
from edge_agent.drivers.gateway.dinstar_ussd import DinstarUssd
from edge_agent.drivers.gateway.dinstar_values import ACCESS, PortInfo, state_of
from edge_agent.drivers.gateway.http_client import HttpAuth, base_url, client_of
from edge_agent.drivers.gateway.management import ManagedLine, ManagementSettings
from edge_agent.drivers.gateway.serving import RadioNews, poll_until_lost, seconds
from edge_agent.drivers.together import together
from telecore.errors import DeviceLost, DeviceRefused, OutcomeUnknown
from telecore.ids import ChannelId
from telecore.model import ChannelState, DeviceIdentity

log = logging.getLogger(__name__)

_NO_SUCH_PORT = RadioStatus(ChannelState.FAULTY, reason="the box has no such port")


OPTIONS = frozenset({
    "auth", "encoding", "model", "sms_limit_s", "sms_poll_s", "sms_search_s", "timeout_s", "timezone", "tls",
    "ussd_poll_s", "ussd_s",
})  # fmt: skip
"""Of ``management.options``; others are mistakes."""


class DinstarManagement:
    """A Management. A line's ``name`` is the number of its port, from 0.

    Options: ``auth``, ``tls`` (http_client.py), ``timezone`` of the box's clock (``+07:00``), ``encoding`` (``auto``,
    ``unicode``), ``model``, and in seconds ``sms_poll_s``, ``sms_limit_s``, ``sms_search_s``, ``ussd_s``,
    ``ussd_poll_s``, ``timeout_s``.

    Why a call ended is told by webhook only.
    """

    def __init__(self, settings: ManagementSettings) -> None:
        self._settings = settings
        self._lines = {_port_of(line): line for line in settings.lines}
        self._channels: dict[int, ChannelId] = {port: line.channel for port, line in self._lines.items()}
        self._base = base_url(settings)
        model = settings.options.get("model", "UC2000/DWG")
        self._identity = DeviceIdentity("Dinstar", model, "", port=self._base)
        self._ports: Mapping[int, PortInfo] = {}
        self._news = RadioNews()
        self._poke = asyncio.Event()
        self._core: Core | None = None
        self._parts: _Parts | None = None
        self._hooks = DinstarHooks(settings, self._pushed) if settings.listen_port is not None else None
        self._unasked: asyncio.Queue[tuple[ChannelId, UssdReply]] = asyncio.Queue(maxsize=64)
        self._ends: dict[int, tuple[int, float]] = {}

    @property
    def identity(self) -> DeviceIdentity:
        """``revision`` is the serial number: the API tells no firmware."""
        return self._identity

    @property
    def lines(self) -> Sequence[ManagedLine]:
        return self._settings.lines

    @property
    def tells_causes(self) -> bool:
        """See ``TellsCauses``: by webhook."""
        return self._hooks is not None

    def call_cause(self, line: ManagedLine, since: float) -> int | None:
        """See ``TellsCauses``."""
        cause, at = self._ends.get(_port_of(line), (0, since - 1))
        return cause if at >= since else None

    @property
    def hooks_port(self) -> int:
        """Where webhooks are awaited; 0 when they are not."""
        return self._hooks.listener.port if self._hooks is not None else 0

    async def open(self) -> None:
        """Raises DeviceLost, DeviceRefused, TimedOut, RemoteProtocolError, InvalidRequest."""
        self._parts = _Parts(self._settings, self._channels)
        sn = await self._read_ports()
        self._identity = DeviceIdentity("Dinstar", self._identity.model, sn, port=self._base)
        if self._hooks is not None:
            self._hooks.sn = sn
            await self._hooks.start()

    async def run(self, core: Core) -> None:
        """Serve until the box is lost: DeviceLost."""
        self._core = core
        parts = self._opened()
        try:
            await together(self._watch(core), parts.outbox.run(), self._tell_ussd(core))
        finally:
            parts.outbox.close()

    async def close(self) -> None:
        self._core = None
        if self._hooks is not None:
            await self._hooks.stop()
        if self._parts is not None:
            self._parts.outbox.close()
            await self._parts.client.close()
            self._parts = None

    def sms(self, line: ManagedLine) -> SmsService | None:
        return DinstarSms(self._opened().outbox, _port_of(line))

    def ussd(self, line: ManagedLine) -> UssdService | None:
        return self._opened().ussd[_port_of(line)]

    async def restart_line(self, line: ManagedLine) -> str:
        """Raises DeviceRefused, DeviceLost, RemoteProtocolError."""
        port = _port_of(line)
        try:
            answer = await self._opened().client.get(codec.SET_PORT, codec.reset_port(port), acts=True)
        except OutcomeUnknown:
            return f"asked the box to reset port {port}; its answer was lost"
        codec.envelope(answer.json())
        self._poke.set()
        return f"the box reset the module of port {port}"

    async def restart(self) -> str:
        raise DeviceRefused("error", None, "Dinstar's HTTP API restarts ports only; restart the box in its own pages")

    # ------------------------------------------------------------------------------------------------ polling

    async def _watch(self, core: Core) -> None:
        async def poll(stumbled: bool) -> None:
            parts = self._opened()
            await self._read_ports()
            await self._tell_radio(core)
            if stumbled:
                parts.inbox.rewind()
            await parts.inbox.poll(core)
            await parts.outbox.poll_reports(core)

        name = f"the Dinstar at {urlsplit(self._base).netloc}"
        await poll_until_lost(name, self._settings.poll_s, poll, self._pause)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._poke.wait()
        except TimeoutError:
            pass
        self._poke.clear()

    async def _read_ports(self) -> str:
        """Ask for all lines; the box's serial number."""
        query = codec.port_info(sorted(self._lines))
        answer = codec.envelope((await self._opened().client.get(codec.PORT_INFO, query)).json())
        self._ports = {info.port: info for info in codec.read_ports(answer)}
        return word(answer.get("sn"))

    async def _tell_radio(self, core: Core) -> None:
        for port, line in self._lines.items():
            info = self._ports.get(port)
            await self._news.tell(core, line.channel, _radio(info, line) if info is not None else _NO_SUCH_PORT)

    async def _tell_ussd(self, core: Core) -> None:
        while True:
            await core.ussd(*await self._unasked.get())

    # ----------------------------------------------------------------------------------------------- webhooks

    async def _pushed(self, push: codec.Push) -> bool:
        core, parts = self._core, self._parts
        if core is None or parts is None:
            return False
        for sms in push.sms:
            await parts.inbox.take(sms, core)
        for result in push.results:
            await parts.outbox.take_result(result, core)
        for report in push.delivered:
            await parts.outbox.take_report(report, core)
        for said in push.ussd:
            self._ussd_pushed(said.port, said.text)
        self._heard(push)
        return True

    def _ussd_pushed(self, port: int, text: str) -> None:
        reply = self._opened().ussd[port].pushed(text) if port in self._lines else None
        if reply is not None and not self._unasked.full():
            self._unasked.put_nowait((self._channels[port], reply))

    def _heard(self, push: codec.Push) -> None:
        for record in push.calls:
            if record.port in self._lines and record.cause is not None:
                self._ends[record.port] = (record.cause, asyncio.get_running_loop().time())
        for trouble in push.troubles:
            log.warning("%s: port %d: %s, %s", self._settings.device, trouble.port, trouble.type, trouble.action)
        if push.power:
            log.warning("%s: the box says %s", self._settings.device, push.power)
            self._opened().inbox.rewind()
        if push.registered or push.troubles or push.power:
            self._poke.set()

    def _opened(self) -> _Parts:
        if self._parts is None:
            raise DeviceLost(f"{self._settings.device} is not open")
        return self._parts


class _Parts:
    """What lives from ``open`` to ``close``."""

    def __init__(self, settings: ManagementSettings, channels: Mapping[int, ChannelId]) -> None:
        options = settings.options
        zone = zone_option(options)
        times = SmsTimes(
            seconds(options, "sms_poll_s", 1.0),
            seconds(options, "sms_limit_s", 120.0),
            seconds(options, "sms_search_s", 20.0),
        )
        ussd_s, ussd_poll_s = seconds(options, "ussd_s", 60.0), seconds(options, "ussd_poll_s", 1.0)
        self.client = client_of(settings, HttpAuth.DIGEST)
        self.outbox = DinstarOutbox(self.client, channels, zone, times=times, encoding=options.get("encoding", "auto"))
        self.inbox = DinstarInbox(self.client, channels, zone)
        self.ussd = {port: DinstarUssd(self.client, port, timeout_s=ussd_s, poll_s=ussd_poll_s) for port in channels}


def _port_of(line: ManagedLine) -> int:
    return port_named(line.name, "a Dinstar box", 0, 255)


def _radio(info: PortInfo, line: ManagedLine) -> RadioStatus:
    state, reason, lock = state_of(info.reg)
    number = line.number or number_of(info.number)
    sim = None if state is ChannelState.ABSENT else sim_of(info.iccid, info.imsi, number)
    access = ACCESS.get(info.type.upper(), "") if state is ChannelState.REGISTERED else ""
    return RadioStatus(state, sim, dbm_of(info.signal), reason, lock, access=access, call=info.call)
