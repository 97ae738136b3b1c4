"""A GoIP (HyberTone, DBLTek) by its SMS-server protocol: every line reports to one UDP socket of ours."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence

from edge_agent.contracts import Core, SmsPart, SmsService, StatusReport, UssdReply, UssdService, UssdState
from edge_agent.drivers.gateway.box_values import part_key
from edge_agent.drivers.gateway.goip_codec import Delivered, Notice, Received, UssdPushed, acknowledge
from edge_agent.drivers.gateway.goip_line import Address, GoipLine
from edge_agent.drivers.gateway.goip_sms import GoipSms
from edge_agent.drivers.gateway.goip_socket import GoipSocket
from edge_agent.drivers.gateway.goip_submit import ref_of
from edge_agent.drivers.gateway.goip_times import GoipTimes
from edge_agent.drivers.gateway.goip_ussd import GoipUssd, run_command
from edge_agent.drivers.gateway.management import ManagedLine, ManagementSettings
from edge_agent.drivers.gateway.serving import RadioNews
from edge_agent.drivers.together import together
from telecore.errors import DeviceLost, DeviceRefused, NoNetwork, StorageFailed, TimedOut
from telecore.ids import Address as Party
from telecore.model import DeviceIdentity
from telecore.ussd import clean

log = logging.getLogger(__name__)

PORT = 44444
"""Where a GoIP's "SMS server" usually is."""
MISSED = 3
_RESOLVE_S = 10.0
_KEPT = 256
"""Notices that wait to be stored; the box sends again what is not acknowledged."""


OPTIONS = frozenset({"keepalive_s", "model", "repeat_s", "silent_s", "submit_s", "ussd_s"})
"""Of ``management.options``; others are mistakes."""


class GoipManagement:
    """A ``Management``. The box speaks first, so this is open as soon as we listen.

    A line's ``name`` and ``password`` are "client id" and "password" in the box's pages. ``options``: the times of
    ``GoipTimes``; ``model``.
    """

    def __init__(self, settings: ManagementSettings) -> None:
        """Raises InvalidRequest for options that are none."""
        self._settings = settings
        self._times = GoipTimes.of(settings.options)
        silent_s = MISSED * self._times.keepalive_s
        now = asyncio.get_running_loop().time()
        self._lines = {
            line.name: GoipLine(line, line.password or settings.password, silent_s, now) for line in settings.lines
        }
        self._socket: GoipSocket | None = None
        self._sms: dict[str, GoipSms] = {}
        self._ussd: dict[str, GoipUssd] = {}
        self._waiting: asyncio.Queue[tuple[Notice, Address]] = asyncio.Queue(_KEPT)
        self._pending: set[tuple[str, str, str]] = set()
        self._news = asyncio.Event()
        self._radio = RadioNews()

    @property
    def identity(self) -> DeviceIdentity:
        model = self._settings.options.get("model", f"GoIP with {len(self._lines)} lines")
        return DeviceIdentity("HyberTone", model, "", port=self._settings.host)

    @property
    def lines(self) -> Sequence[ManagedLine]:
        return self._settings.lines

    @property
    def listening(self) -> int:
        """The UDP port that is to be the box's SMS server. Raises DeviceLost while there is none."""
        return self._opened().port

    @property
    def strangers(self) -> int:
        """How many datagrams came from elsewhere, or with a wrong password."""
        return self._socket.strangers if self._socket is not None else 0

    async def open(self) -> None:
        """Listen. Raises DeviceLost, DeviceRefused."""
        nameless = [name for name, line in self._lines.items() if not line.password]
        if nameless:
            raise DeviceRefused("error", None, f"no password is configured for {', '.join(nameless)}")
        hosts = await _addresses(self._settings.host)
        passwords = {name: line.password for name, line in self._lines.items()}
        opened = self._socket = GoipSocket(hosts, passwords, self._on_notice)
        wanted = self._settings.listen_port
        await opened.open(self._settings.listen, PORT if wanted is None else wanted)
        for name, line in self._lines.items():
            self._sms[name] = GoipSms(opened, line, self._times)
            self._ussd[name] = GoipUssd(opened, line, self._times)

    async def run(self, core: Core) -> None:
        """See ``Management``: lost when every line has missed three keep-alives."""
        await together(self._take_in(core), self._watch(core))

    def sms(self, line: ManagedLine) -> SmsService | None:
        return self._sms.get(line.name)

    def ussd(self, line: ManagedLine) -> UssdService | None:
        return self._ussd.get(line.name)

    @property
    def tells_causes(self) -> bool:
        """See ``TellsCauses``."""
        return True

    def call_cause(self, line: ManagedLine, since: float) -> int | None:
        """See ``TellsCauses``: the box's SIP says 480 for everything."""
        ended = self._lines[line.name].ended
        return ended.cause if ended is not None and ended.at >= since else None

    async def restart_line(self, line: ManagedLine) -> str:
        """Restart the GSM module. Raises DeviceRefused, also for a line that is not heard."""
        await self._command(self._lines[line.name], "svr_reboot_module")
        return f"the GSM module of {line.name} restarts"

    async def restart(self) -> str:
        """Restart the box, by whatever line is heard. Raises DeviceRefused, DeviceLost."""
        now = asyncio.get_running_loop().time()
        heard = [line for line in self._lines.values() if line.is_heard(now)]
        if not heard:
            raise DeviceLost(f"no line of {self._settings.host} is heard")
        await self._command(heard[0], "svr_reboot_dev")
        return "the box restarts"

    async def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _opened(self) -> GoipSocket:
        if self._socket is None:
            raise DeviceLost("not open")
        return self._socket

    async def _command(self, line: GoipLine, name: str) -> None:
        try:
            await run_command(self._opened(), line, self._times, name)
        except (TimedOut, NoNetwork) as error:
            raise DeviceRefused("error", None, str(error)) from error

    def _on_notice(self, notice: Notice, source: Address) -> None:
        now = asyncio.get_running_loop().time()
        if isinstance(notice.news, Received | Delivered | UssdPushed):
            self._put(notice, source)
            return
        self._lines[notice.line].hear(notice, source, now)
        self._opened().send(acknowledge(notice), source)
        self._news.set()

    def _put(self, notice: Notice, source: Address) -> None:
        """What must be stored waits its turn, once; its acknowledgement waits with it."""
        name = (notice.kind, notice.line, notice.count)
        if name not in self._pending and not self._waiting.full():
            self._pending.add(name)
            self._waiting.put_nowait((notice, source))

    async def _take_in(self, core: Core) -> None:
        while True:
            notice, source = await self._waiting.get()
            try:
                await self._store(core, notice)
            except StorageFailed as error:
                log.warning("%s: %s is not kept, so it is not acknowledged: %s", notice.line, notice.kind, error)
            else:
                self._opened().send(acknowledge(notice), source)
            finally:
                self._pending.discard((notice.kind, notice.line, notice.count))

    async def _store(self, core: Core, notice: Notice) -> None:
        channel = self._lines[notice.line].line.channel
        match notice.news:
            case Received(sender, text):
                await core.part(SmsPart(channel, _key(notice, sender, text), Party(sender), text, None))
            case Delivered(sms_no, state, number):
                key = _key(notice, sms_no, str(state), number)
                await core.report(StatusReport(channel, key, ref_of(sms_no), Party(number), state, None))
            case UssdPushed(text):
                await core.ussd(channel, UssdReply(UssdState.DONE, clean(text)))

    def _silence(self) -> str:
        opened = self._opened()
        strangers = f"; {opened.strangers} datagrams had another address, id or password" if opened.strangers else ""
        return (
            f"{self._settings.host} has been silent for {MISSED * self._times.keepalive_s:.0f} s; its SMS server must"
            f" be our port {opened.port}{strangers}"
        )

    async def _watch(self, core: Core) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            self._news.clear()
            now = clock()
            for line in self._lines.values():
                await self._radio.tell(core, line.line.channel, line.status(now))
            if all(line.is_silent(now) for line in self._lines.values()):
                raise DeviceLost(self._silence())
            try:
                async with asyncio.timeout(self._times.keepalive_s / 2):
                    await self._news.wait()
            except TimeoutError:
                continue


def _key(notice: Notice, *parts: str) -> str:
    """The same for a resend. The count alone is not enough: without a clock, a box begins anew after each start."""
    return part_key("goip", notice.kind, notice.count, *parts)


async def _addresses(host: str) -> frozenset[str]:
    try:
        async with asyncio.timeout(_RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, TimeoutError) as error:
        raise DeviceLost(f"{host} is no address and no name of one: {error}") from error
    return frozenset(str(entry[4][0]) for entry in found)
