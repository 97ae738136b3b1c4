"""Submitting SMS in PDU mode: at once (27.005 §4.3), or from the modem's own storage (§4.4, §4.7)."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.contracts import UNNAMED, HeldCopy, HeldEntry, OnCopy, OnSegment, OutboundSms, SubmitRef
from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority, Talk
from edge_agent.drivers.at_modem.hold import Hold
from edge_agent.drivers.at_modem.pdu import encode_submit, identity_of
from edge_agent.drivers.at_modem.profile import AtProfile
from edge_agent.drivers.at_modem.replies import parse_cmgs
from edge_agent.drivers.at_modem.storage import Storage
from edge_agent.drivers.carry_through import carry_through
from telecore.causes import Blame, blame_cms
from telecore.errors import DeviceRefused, OutcomeUnknown, RemoteProtocolError, StorageFailed, TimedOut
from telecore.ids import ChannelId
from telecore.sms import Segment, split

log = logging.getLogger(__name__)

NO_VALIDITY = frozenset({198, 199})
"""TP-VPF and TP-VP not supported (23.040 §9.2.3.22)."""


@dataclass(frozen=True, slots=True)
class _Keep:
    """What puts each step on disk."""

    on_copy: OnCopy
    on_segment: OnSegment


class AtSms:
    """A HoldingSms over one SIM."""

    def __init__(self, dialogue: Dialogue, profile: AtProfile, hold: Hold | None = None) -> None:
        self._dialogue = dialogue
        self._profile = profile
        self._hold = hold or Hold(dialogue, profile, Storage(dialogue, profile, ChannelId("")), "", "")
        self._no_validity = False

    async def submit(self, sms: OutboundSms, first: int, on_segment: OnSegment) -> None:
        """See ``contracts.SmsService``. A segment once begun is ended and told, even when the caller is cancelled."""
        segments = self._split(sms)
        for number in range(first, len(segments)):
            begun = asyncio.Event()
            await carry_through(self._segment(sms, segments, number, begun, on_segment), begun.is_set)

    # from the modem's storage

    @property
    def holds(self) -> bool:
        return self._hold.ready

    @property
    def device(self) -> str:
        return self._hold.device

    @property
    def marks(self) -> bool | None:
        return self._hold.marks

    @property
    def settle_s(self) -> float:
        return self._profile.sms.settle_s

    def lived_since(self, copy: HeldCopy) -> bool:
        return self._hold.lived_since(copy)

    def identities(self, sms: OutboundSms) -> tuple[str, ...]:
        return tuple(identity_of(sms.to, segment) for segment in self._split(sms))

    async def held(self) -> Sequence[HeldEntry]:
        return await self._hold.held()

    async def discard(self, entry: HeldEntry) -> None:
        await self._hold.discard(entry)

    async def submit_held(self, sms: OutboundSms, first: int, on_copy: OnCopy, on_segment: OnSegment) -> None:
        """See ``contracts.HoldingSms``. Nobody else has the port until a segment is sent, told and deleted."""
        segments = self._split(sms)
        for number in range(first, len(segments)):
            begun = asyncio.Event()
            step = self._held_segment(sms, segments, number, begun, _Keep(on_copy, on_segment))
            await carry_through(step, begun.is_set)

    async def _held_segment(
        self,
        sms: OutboundSms,
        segments: tuple[Segment, ...],
        number: int,
        begun: asyncio.Event,
        keep: _Keep,
    ) -> None:
        async with self._dialogue.transaction(Priority.SMS) as talk:
            begun.set()
            place = (number, len(segments))
            try:
                copy, ref = await self._write_and_send(talk, sms, segments[number], place, keep.on_copy)
            except DeviceRefused as refusal:
                if refusal.code not in NO_VALIDITY or not self._leave_out_validity(sms):
                    raise
                copy, ref = await self._write_and_send(talk, sms, segments[number], place, keep.on_copy)
            await keep.on_segment(SubmitRef(ref, number, len(segments)))
            await self._hold.empty(talk, copy, sent=True)

    async def _write_and_send(
        self, talk: Talk, sms: OutboundSms, segment: Segment, place: tuple[int, int], on_copy: OnCopy
    ) -> tuple[HeldCopy, int | str]:
        """The copy, and TP-MR. Raises DeviceRefused when nothing of it went and nothing of it lies there."""
        pdu = encode_submit(sms.to, segment, report=sms.report, validity_s=self._validity(sms))
        copy = await self._hold.write(talk, pdu, identity_of(sms.to, segment), place)
        try:
            await on_copy(copy)
        except StorageFailed:
            await self._hold.empty(talk, copy)
            raise
        if place[0] + 1 < place[1]:
            await talk.attempt("AT+CMMS=2")
        try:
            return copy, parse_cmgs(await talk.command(self._profile.command(f"AT+CMSS={copy.index}")), "+CMSS")
        except RemoteProtocolError:
            return copy, UNNAMED  # it said OK
        except TimedOut as error:
            raise OutcomeUnknown(f"no answer to +CMSS: {error}") from error
        except DeviceRefused as refusal:
            is_open = refusal.kind == "cms" and blame_cms(refusal.code)[0] is Blame.UNKNOWN
            if is_open and await self._hold.went(talk, copy):
                return copy, UNNAMED
            # Unsent is no answer here: the network did not say, so the modem could not know.
            await self._hold.empty(talk, copy)
            if is_open:
                raise OutcomeUnknown(f"the network did not say whether it took it (CMS {refusal.code})") from None
            raise

    def _split(self, sms: OutboundSms) -> tuple[Segment, ...]:
        return split(sms.body, reference_of(sms), flash=sms.flash, port=sms.port)

    def _validity(self, sms: OutboundSms) -> int | None:
        return None if self._no_validity else sms.validity_s

    def _leave_out_validity(self, sms: OutboundSms) -> bool:
        """False: there was none in it."""
        if self._validity(sms) is None:
            return False
        self._no_validity = True
        log.info("the network takes no validity period; it is left out from now on")
        return True

    # at once

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
        validity_s = self._validity(sms)
        pdu, length = encode_submit(sms.to, segment, report=sms.report, validity_s=validity_s)
        try:
            return await talk.command(self._profile.command(f"AT+CMGS={length}", pdu))
        except DeviceRefused as refusal:
            if refusal.kind != "cms":
                raise
            if blame_cms(refusal.code)[0] is Blame.UNKNOWN:
                raise OutcomeUnknown(f"the network did not say whether it took it (CMS {refusal.code})") from None
            if refusal.code not in NO_VALIDITY or not self._leave_out_validity(sms):
                raise
        # Refused, so nothing of it went out.
        return await self._hand_over(talk, sms, segment)


def reference_of(sms: OutboundSms) -> int:
    """What ties the segments together: the same again when a submit goes on after a restart."""
    return hashlib.sha256(f"{sms.to}\0{sms.body}".encode("utf-8", "surrogatepass")).digest()[0]
