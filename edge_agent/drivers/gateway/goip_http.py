"""GoIP by its web pages, where its UDP protocol cannot be used: no delivery reports, and SMS in by polling only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from edge_agent.contracts import (
    Core,
    RadioStatus,
    SmsPart,
    SmsService,
    UssdService,
)
from edge_agent.drivers.gateway import goip_http_codec as codec
from edge_agent.drivers.gateway.box_values import dbm_of, number_of, port_named, sim_of, zone_option
from edge_agent.drivers.gateway.goip_http_codec import LineFacts
from edge_agent.drivers.gateway.goip_http_jobs import GoipHttpSms, GoipHttpUssd, LineJobs
from edge_agent.drivers.gateway.http_client import HttpAuth, HttpClient, base_url, client_of
from edge_agent.drivers.gateway.management import ManagedLine, ManagementSettings
from edge_agent.drivers.gateway.serving import RadioNews, Remembered, poll_until_lost, seconds
from telecore.errors import (
    DeviceLost,
    OutcomeUnknown,
    RemoteProtocolError,
)
from telecore.ids import E164
from telecore.model import ChannelState, DeviceIdentity
from telecore.numbers import address_of

log = logging.getLogger(__name__)

_OFF_S = 3.0
_NO_SUCH_LINE = RadioStatus(ChannelState.FAULTY, reason="the box has no such line")


OPTIONS = frozenset({
    "auth", "job_poll_s", "off_s", "sms_limit_s", "sms_search_s", "timeout_s", "timezone", "tls", "ussd_s",
})  # fmt: skip
"""Of ``management.options``; others are mistakes."""


class GoipHttpManagement:
    """A Management. A line's ``name`` is its number, from 1.

    Options: ``auth``, ``tls`` (http_client.py), ``timezone`` of the box's clock, and in seconds ``job_poll_s``,
    ``sms_limit_s``, ``sms_search_s``, ``ussd_s``, ``off_s`` (how long a module that is reset is off), ``timeout_s``.
    """

    def __init__(self, settings: ManagementSettings) -> None:
        self._settings = settings
        self._lines = {_number_of_line(line): line for line in settings.lines}
        self._news = RadioNews()
        self._base = base_url(settings)
        self._zone = zone_option(settings.options)
        self._off_s = seconds(settings.options, "off_s", _OFF_S)
        self._identity = DeviceIdentity("HyberTone", "GoIP", "", port=self._base)
        self._client: HttpClient | None = None
        self._jobs: dict[int, LineJobs] = {}
        self._facts: Mapping[int, LineFacts] = {}
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
        self._jobs = {number: LineJobs(self._client, number, self._settings.options) for number in self._lines}
        box = codec.read_box((await self._client.get(codec.STATUS, (("type", "base"),))).text())
        self._identity = DeviceIdentity(
            "HyberTone", box.get("model") or "GoIP", box.get("version", ""), port=self._base
        )
        await self._read_lines()

    async def run(self, core: Core) -> None:
        """Serve until the box is lost: DeviceLost."""
        name = f"the GoIP at {urlsplit(self._base).netloc}"
        await poll_until_lost(name, self._settings.poll_s, lambda stumbled: self._poll(core))

    async def _poll(self, core: Core) -> None:
        await self._read_lines()
        await self._tell_radio(core)
        await self._poll_inbox(core)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def sms(self, line: ManagedLine) -> SmsService | None:
        return GoipHttpSms(self._jobs[_number_of_line(line)])

    def ussd(self, line: ManagedLine) -> UssdService | None:
        return GoipHttpUssd(self._jobs[_number_of_line(line)])

    async def restart_line(self, line: ManagedLine) -> str:
        """Raises DeviceRefused, DeviceLost, TimedOut: the module may be off."""
        number, client = _number_of_line(line), self._opened()
        await client.get(codec.MODULE, codec.module_query(number, on=False))
        await asyncio.sleep(self._off_s)
        await client.get(codec.MODULE, codec.module_query(number, on=True))
        return f"switched the module of line {number} off and on"

    async def restart(self) -> str:
        """Raises DeviceRefused, DeviceLost."""
        try:
            await self._opened().get(codec.REBOOT, acts=True)
        except OutcomeUnknown:
            return "asked the box to restart; it did not answer, as one that restarts may"
        return "asked the box to restart"

    async def _read_lines(self) -> None:
        client = self._opened()
        pages = [
            codec.read_lines((await client.get(codec.STATUS, (("type", kind),))).text()) for kind in ("list", "gsm")
        ]
        if not any(pages):
            raise RemoteProtocolError(f"{self._base} shows no lines: it is another model, or its pages are others")
        self._facts = codec.joined(*pages)

    async def _tell_radio(self, core: Core) -> None:
        for number, line in self._lines.items():
            facts = self._facts.get(number)
            status = _radio(facts, line.number) if facts is not None else _NO_SUCH_LINE
            await self._news.tell(core, line.channel, status)

    async def _poll_inbox(self, core: Core) -> None:
        """The box keeps the last few messages of each line and forgets the oldest by itself."""
        page = (await self._opened().get(codec.INBOX, (("type", "sms_inbox"),))).text()
        now = datetime.now(UTC)
        for listed in reversed(codec.read_inbox(page)):
            line = self._lines.get(listed.line)
            if line is None or (listed.line, listed.key) in self._taken:
                continue
            sent_at = listed.sent_at(now, self._zone)
            await core.part(SmsPart(line.channel, listed.key, address_of(listed.sender), listed.text, sent_at))
            self._taken.add((listed.line, listed.key))

    def _opened(self) -> HttpClient:
        if self._client is None:
            raise DeviceLost(f"{self._settings.device} is not open")
        return self._client


def _number_of_line(line: ManagedLine) -> int:
    return port_named(line.name, "a GoIP", 1, 64)


def _radio(facts: LineFacts, number: E164 | None) -> RadioStatus:
    state, reason = facts.state
    number = number or number_of(facts.get("gsm_number"))
    there = state is not ChannelState.ABSENT
    operator = facts.get("gsm_cur_oper")
    sim = sim_of(facts.get("sim_iccid"), facts.get("sim_imsi"), number, operator) if there else None
    return RadioStatus(state, sim, dbm_of(facts.signal), reason, call=facts.call)
