"""An OpenVox GSM gateway (SWG, VS-GW) by the manager port of the Asterisk in it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from edge_agent.contracts import Core, OutboundSms, RadioStatus, SmsService, UssdReply, UssdService
from edge_agent.drivers.at_modem.sms import reference_of
from edge_agent.drivers.gateway.ami import AmiSession
from edge_agent.drivers.gateway.ami_box import AmiBox, offset_of
from edge_agent.drivers.gateway.ami_codec import Block
from edge_agent.drivers.gateway.ami_sms import AmiSms, Handover, Segment
from edge_agent.drivers.gateway.ami_ussd import AmiUssd
from edge_agent.drivers.gateway.gsm_span import Span
from edge_agent.drivers.gateway.management import ManagedLine, ManagementSettings
from edge_agent.drivers.gateway.openvox_codec import (
    iccid_in,
    read_iccid,
    read_sent,
    read_ussd,
    send_segment,
    send_ussd,
)
from edge_agent.drivers.gateway.openvox_push import OpenVoxPushes
from edge_agent.drivers.gateway.serving import seconds
from telecore import sms as sms_text
from telecore.errors import DeviceRefused, InvalidRequest, TimedOut
from telecore.ids import Iccid
from telecore.model import DeviceIdentity

log = logging.getLogger(__name__)

SEND_S = 90.0
"""What the box's own scripts give the network."""
USSD_S = 30.0
_MARGIN_S = 10.0
_LAST_ID = 2**31 - 1


OPTIONS = frozenset({
    "answer_s", "hold_s", "index_base", "model", "ping_s", "received", "send_s", "span_offset", "ussd_s",
})  # fmt: skip
"""Of ``management.options``; others are mistakes."""


class OpenVoxManagement:
    """A ``Management``. A line's ``name`` is its port's number, from 1, which is its span.

    Commands that wait for the network hold up the session they are given in; so each line has one of its own for them.
    ``options``: ``received`` (``events``; ``http``: received SMS are awaited on ``listen_port`` by "SMS to HTTP", and
    only there), ``span_offset`` (0), ``index_base`` (0 or 1; learnt without it), ``send_s``, ``ussd_s``, ``hold_s``,
    ``answer_s``, ``ping_s``, ``model``.
    """

    def __init__(self, settings: ManagementSettings) -> None:
        """Raises InvalidRequest."""
        self._settings = settings
        self._box = AmiBox(settings, command="Command", offset=offset_of(settings.options, 0))
        self._send_s = seconds(settings.options, "send_s", SEND_S)
        self._ussd_s = seconds(settings.options, "ussd_s", USSD_S)
        self._sessions: dict[int, AmiSession] = {}
        self._opening: dict[int, asyncio.Lock] = {span: asyncio.Lock() for span in self._box.spans.values()}
        self._iccids: dict[int, tuple[str, Iccid]] = {}
        received = settings.options.get("received", "events")
        if received not in ("events", "http"):
            raise InvalidRequest(f"received: {received!r} is neither events nor http", field="received")
        self._pushes = OpenVoxPushes(settings) if received == "http" else None
        self._box.takes_sms = self._pushes is None
        spans = self._box.spans.items()
        self._sms = {name: AmiSms(partial(self._cut, span)) for name, span in spans}
        self._ussd = {name: AmiUssd(partial(self._ask_ussd, span)) for name, span in spans}

    @property
    def identity(self) -> DeviceIdentity:
        model = self._settings.options.get("model", "GSM gateway")
        return DeviceIdentity("OpenVox", model, self._box.banner, port=self._settings.host)

    @property
    def lines(self) -> Sequence[ManagedLine]:
        return self._settings.lines

    @property
    def push_port(self) -> int:
        """Where "SMS to HTTP" is awaited; 0 when it is not."""
        return self._pushes.port if self._pushes is not None else 0

    async def open(self) -> None:
        """See ``Management``."""
        await self._box.open()
        if self._pushes is not None:
            await self._pushes.start()

    async def run(self, core: Core) -> None:
        """See ``Management``."""
        if self._pushes is not None:
            self._pushes.core = core
        await self._box.serve(core, self._read_sim)

    def sms(self, line: ManagedLine) -> SmsService | None:
        return self._sms.get(line.name)

    def ussd(self, line: ManagedLine) -> UssdService | None:
        return self._ussd.get(line.name)

    async def restart_line(self, line: ManagedLine) -> str:
        """Reset the module's power. Raises DeviceRefused, DeviceLost."""
        try:
            said = await self._box.session.command(f"gsm power reset {self._box.spans[line.name]}")
        except TimedOut as error:
            raise DeviceRefused("error", None, str(error)) from error
        if any(line.lower().startswith(("usage", "no such command")) for line in said):
            raise DeviceRefused("error", None, " ".join(said)[:120])
        return f"the module of port {line.name} was reset"

    async def restart(self) -> str:
        """The manager port has no word for it: DeviceRefused."""
        raise DeviceRefused("error", None, "an OpenVox is restarted from its own pages only")

    async def close(self) -> None:
        if self._pushes is not None:
            await self._pushes.stop()
        await asyncio.gather(self._box.close(), *(session.close() for session in self._sessions.values()))

    async def _session(self, span: int) -> AmiSession:
        """The line's own, opened when it is needed. Raises DeviceLost, DeviceRefused, TimedOut."""
        async with self._opening[span]:
            session = self._sessions.get(span)
            if session is not None and session.is_open:
                return session
            if session is not None:
                await session.close()
            session = AmiSession(self._box.account, _ignore, events=False, answer_s=self._box.answer_s)
            self._sessions[span] = session
            await session.open()
            return session

    def _cut(self, span: int, sms: OutboundSms) -> Sequence[Segment]:
        segments = sms_text.split(sms.body, reference_of(sms), flash=sms.flash)
        return [partial(self._send, span, sms.to, segment) for segment in segments]

    async def _send(self, span: int, to: str, segment: sms_text.Segment, handover: Handover) -> tuple[str, int]:
        ident = secrets.randbelow(_LAST_ID) + 1
        session = await self._session(span)
        command = send_segment(span, to, segment, ident, self._send_s)
        read_sent(await session.command(command, answer_s=self._send_s + _MARGIN_S, begun=handover.begin))
        return str(ident), 1

    async def _ask_ussd(self, span: int, code: str, handover: Handover) -> UssdReply:
        session = await self._session(span)
        command, answer_s = send_ussd(span, code, self._ussd_s), self._ussd_s + _MARGIN_S
        return read_ussd(await session.command(command, answer_s=answer_s, begun=handover.begin))

    async def _read_sim(self, span: int, told: Span, status: RadioStatus) -> RadioStatus:
        """``gsm show span`` tells the IMSI only; the module is asked for the ICCID once for each SIM."""
        if status.sim is None or status.sim.iccid:
            return status
        known = self._iccids.get(span)
        if known is None or known[0] != told.imsi:
            known = self._iccids[span] = (told.imsi, await self._ask_iccid(span))
        return replace(status, sim=replace(status.sim, iccid=known[1]))

    async def _ask_iccid(self, span: int) -> Iccid:
        try:
            return iccid_in(await self._box.session.command(read_iccid(span))) or Iccid("")
        except (DeviceRefused, TimedOut) as error:
            log.info("span %d: the ICCID is not told: %s", span, error)
            return Iccid("")


def _ignore(block: Block) -> None:
    """Events are the first session's."""
