"""Submitting SMS in PDU mode (27.005 §4.3)."""

from __future__ import annotations

import asyncio
import hashlib
import logging

from edge_agent.contracts import OnSegment, OutboundSms, SubmitRef
from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority, Talk
from edge_agent.drivers.at_modem.pdu import encode_submit
from edge_agent.drivers.at_modem.profile import AtProfile
from edge_agent.drivers.at_modem.replies import parse_cmgs
from edge_agent.drivers.carry_through import carry_through
from telecore.causes import Blame, blame_cms
from telecore.errors import DeviceRefused, OutcomeUnknown, RemoteProtocolError
from telecore.sms import Segment, split

log = logging.getLogger(__name__)

NO_VALIDITY = frozenset({198, 199})
"""TP-VPF and TP-VP not supported (23.040 §9.2.3.22)."""


class AtSms:
    """An SmsService over one SIM."""

    def __init__(self, dialogue: Dialogue, profile: AtProfile) -> None:
        self._dialogue = dialogue
        self._profile = profile
        self._no_validity = False

    async def submit(self, sms: OutboundSms, first: int, on_segment: OnSegment) -> None:
        """See ``contracts.SmsService``. A segment once begun is ended and told, even when the caller is cancelled."""
        segments = split(sms.body, reference_of(sms), flash=sms.flash, port=sms.port)
        for number in range(first, len(segments)):
            begun = asyncio.Event()
            await carry_through(self._segment(sms, segments, number, begun, on_segment), begun.is_set)

    async def _segment(
        self,
        sms: OutboundSms,
        segments: tuple[Segment, ...],
        number: int,
        begun: asyncio.Event,
        on_segment: OnSegment,
    ) -> None:
        async with self._dialogue.transaction(Priority.SMS) as talk:
            begun.set()
            if number + 1 < len(segments):
                await talk.attempt("AT+CMMS=2")  # keep the link to the network for the next segment (27.005 §3.5.6)
            lines = await self._hand_over(talk, sms, segments[number])
        try:
            ref = parse_cmgs(lines)
        except RemoteProtocolError as error:
            raise OutcomeUnknown(f"OK without a reference: {error}") from error
        await on_segment(SubmitRef(ref, number, len(segments)))

    async def _hand_over(self, talk: Talk, sms: OutboundSms, segment: Segment) -> tuple[str, ...]:
        validity_s = None if self._no_validity else sms.validity_s
        pdu, length = encode_submit(sms.to, segment, report=sms.report, validity_s=validity_s)
        try:
            return await talk.command(self._profile.command(f"AT+CMGS={length}", pdu))
        except DeviceRefused as refusal:
            if refusal.kind != "cms":
                raise
            if blame_cms(refusal.code)[0] is Blame.UNKNOWN:
                raise OutcomeUnknown(f"the network did not say whether it took it (CMS {refusal.code})") from None
            if refusal.code not in NO_VALIDITY or validity_s is None:
                raise
        # Refused, so nothing of it went out.
        self._no_validity = True
        log.info("the network takes no validity period; it is left out from now on")
        return await self._hand_over(talk, sms, segment)


def reference_of(sms: OutboundSms) -> int:
    """What ties the segments together: the same again when a submit goes on after a restart."""
    return hashlib.sha256(f"{sms.to}\0{sms.body}".encode("utf-8", "surrogatepass")).digest()[0]
