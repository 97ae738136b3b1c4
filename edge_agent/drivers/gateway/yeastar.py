"""A Yeastar TG (NeoGate TG) by its SMS API: a manager port with ``smscommand``."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from functools import partial

from edge_agent.contracts import Core, OutboundSms, SmsService, UssdReply, UssdService
from edge_agent.drivers.gateway.ami_box import AmiBox, offset_of
from edge_agent.drivers.gateway.ami_codec import Block
from edge_agent.drivers.gateway.ami_sms import AmiSms, Handover, Segment
from edge_agent.drivers.gateway.ami_ussd import AmiUssd
from edge_agent.drivers.gateway.management import ManagedLine, ManagementSettings
from edge_agent.drivers.gateway.serving import seconds
from edge_agent.drivers.gateway.yeastar_codec import (
    complain,
    pieces,
    read_ussd,
    send_sms,
    send_ussd,
)
from telecore.errors import DeviceRefused, InvalidRequest, TimedOut
from telecore.model import DeviceIdentity
from telecore.sms import count_segments

BETWEEN_S = 10.0
"""The maker's limit: one SMS in ten seconds from a port."""
OUTCOME_S = 90.0
USSD_S = 30.0
TEXT_LIMIT = 900
"""Octets of URL-encoded text in a command: manager ports of this age read lines of at most 1,024."""
_LAST_ID = 2**31 - 1


OPTIONS = frozenset({
    "answer_s", "between_s", "hold_s", "index_base", "model", "outcome_s", "ping_s", "span_offset", "ussd_s",
})  # fmt: skip
"""Of ``management.options``; others are mistakes."""


class YeastarManagement:
    """A ``Management``. A line's ``name`` is its port as the box's pages count, from 1.

    ``options``: ``span_offset`` (1), ``between_s``, ``outcome_s``, ``ussd_s``, ``hold_s``, ``answer_s``, ``ping_s``,
    ``index_base`` (0 or 1; learnt without it), ``model``.
    """

    def __init__(self, settings: ManagementSettings) -> None:
        """Raises InvalidRequest."""
        self._settings = settings
        offset = offset_of(settings.options, 1)
        self._box = AmiBox(settings, command="smscommand", offset=offset, on_event=self._on_event)
        self._outcome_s = seconds(settings.options, "outcome_s", OUTCOME_S)
        self._ussd_s = seconds(settings.options, "ussd_s", USSD_S)
        between_s = seconds(settings.options, "between_s", BETWEEN_S)
        self._outcomes: dict[str, asyncio.Future[Block]] = {}
        spans = self._box.spans.items()
        self._sms = {name: AmiSms(partial(self._cut, span), between_s) for name, span in spans}
        self._ussd = {name: AmiUssd(partial(self._ask_ussd, span)) for name, span in spans}

    @property
    def identity(self) -> DeviceIdentity:
        model = self._settings.options.get("model", "TG")
        return DeviceIdentity("Yeastar", model, self._box.banner, port=self._settings.host)

    @property
    def lines(self) -> Sequence[ManagedLine]:
        return self._settings.lines

    async def open(self) -> None:
        """See ``Management``."""
        await self._box.open()

    async def run(self, core: Core) -> None:
        """See ``Management``."""
        await self._box.serve(core)

    def sms(self, line: ManagedLine) -> SmsService | None:
        return self._sms.get(line.name)

    def ussd(self, line: ManagedLine) -> UssdService | None:
        return self._ussd.get(line.name)

    async def restart_line(self, line: ManagedLine) -> str:
        """Switch the module off and on. Raises DeviceRefused, DeviceLost."""
        try:
            for word in ("off", "on"):
                complain(await self._box.session.command(f"gsm power {word} {self._box.spans[line.name]}"))
        except TimedOut as error:
            raise DeviceRefused("error", None, str(error)) from error
        return f"the module of port {line.name} was switched off and on"

    async def restart(self) -> str:
        """The SMS API has no word for it: DeviceRefused."""
        raise DeviceRefused("error", None, "a TG is restarted from its own pages only")

    async def close(self) -> None:
        await self._box.close()

    def _cut(self, span: int, sms: OutboundSms) -> Sequence[Segment]:
        """The box cuts long texts itself; what is too long for one command becomes several SMS."""
        if sms.flash:
            raise InvalidRequest("a TG sends no flash messages")
        return [partial(self._send, span, sms.to, text) for text in pieces(sms.body, TEXT_LIMIT)]

    async def _send(self, span: int, to: str, text: str, handover: Handover) -> tuple[str, int]:
        ident = secrets.randbelow(_LAST_ID) + 1
        outcome: asyncio.Future[Block] = asyncio.get_running_loop().create_future()
        self._outcomes[str(ident)] = outcome
        try:
            session = self._box.session
            complain(await session.command(send_sms(span, to, text, ident), begun=handover.begin))
            block = await session.until(outcome, self._outcome_s)
        finally:
            del self._outcomes[str(ident)]
        if block.get("Status") != "1":
            raise DeviceRefused("cms", None, f"the box says status {block.get('Status')[:20]!r}")
        return str(ident), count_segments(text).segments

    async def _ask_ussd(self, span: int, code: str, handover: Handover) -> UssdReply:
        command, answer_s = send_ussd(span, code, self._ussd_s), self._ussd_s + self._box.answer_s
        return read_ussd(await self._box.session.command(command, answer_s=answer_s, begun=handover.begin))

    def _on_event(self, block: Block) -> None:
        outcome = self._outcomes.get(block.get("ID")) if block.name == "UpdateSMSSend" else None
        if outcome is not None and not outcome.done():
            outcome.set_result(block)
