"""Dialling out, up to the moment when the call may run pages or be joined."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from edge_agent.call.live import LiveCall
from edge_agent.call.purpose import Purpose
from edge_agent.contracts import Permit, UriVoice, VoiceCall, VoiceService
from edge_agent.media.press import press
from telecore.causes import Cause
from telecore.errors import Busy, DeviceLost, DeviceRefused, NoNetwork, NoRoute, TelecoreError, TimedOut
from telecore.events import CallInitiated
from telecore.ids import E164, CommandId
from telecore.model import MachineSpec
from telecore.sip_target import SipTarget

_CAUSES: tuple[tuple[type[TelecoreError], Cause], ...] = (
    (Busy, Cause.NO_CIRCUIT),
    (NoNetwork, Cause.NETWORK_OUT_OF_ORDER),
    (DeviceLost, Cause.DESTINATION_OUT_OF_ORDER),
    (DeviceRefused, Cause.FACILITY_REJECTED),
    (TimedOut, Cause.TIMER_EXPIRED),
)


@dataclass(frozen=True, slots=True)
class Order:
    """Whom to call, and what to do when somebody answers. ``page``: one follows the answer; ``hidden``: CLIR.

    ``sip``: a URI to call instead of the number ``to``.
    ``machine``: find out who answers; ``machine_first``: before the page.
    """

    to: str
    caller: E164 | None
    ring_s: float
    send_digits: str = ""
    record_channels: int = 0
    record_trim: bool = False
    record_track: str = "both"
    command: CommandId | None = None
    page: bool = True
    hidden: bool = False
    sip: SipTarget | None = None
    machine: MachineSpec | None = None
    machine_first: bool = False


async def dial(call: LiveCall, service: VoiceService | None, order: Order, permit: Permit) -> None:
    """Returns when the call is answered and ready; when it cannot be made, the call is ended."""
    call.report.say(CallInitiated(call=call.sid, channel=call.origin.channel, command=order.command))
    if not permit.granted:
        call.fail(NoRoute(permit.reason, code=permit.code), Cause.RESOURCES_UNAVAILABLE)
        return
    call.begin_ringing(order.ring_s)
    if service is None:
        call.fail(NoNetwork("the channel is not there"), Cause.NETWORK_OUT_OF_ORDER)
        return
    voice = await _dial(call, service, order)
    if voice is None:
        return
    await call.answer()
    detection = call.detect(order.machine) if order.machine is not None else None
    if order.record_channels:
        purpose = Purpose("OutboundAPI", track=order.record_track)
        call.recordings.begin(purpose, order.record_channels, trim=order.record_trim)
    if order.send_digits:
        await press(call.leg, voice, order.send_digits)
    if detection is not None and order.machine_first:
        await detection.wait()
    if not order.page:
        call.prepare()
    elif call.pages.number == 0:  # else one has come meanwhile, and is run now
        call.expect_page()


async def _dial(call: LiveCall, service: VoiceService, order: Order) -> VoiceCall | None:
    """None: it could not be begun. Cancelled, it sees to it that what was begun is hung up."""
    dialling = asyncio.ensure_future(_voice(call, service, order))
    try:
        voice = await asyncio.shield(dialling)
    except asyncio.CancelledError:
        await _undo(call, dialling)
        raise
    except TelecoreError as error:
        cause = next((cause for kind, cause in _CAUSES if isinstance(error, kind)), Cause.TEMPORARY_FAILURE)
        call.fail(error, cause)
        return None
    call.connect(voice)
    return voice


async def _voice(call: LiveCall, service: VoiceService, order: Order) -> VoiceCall:
    if order.sip is None:
        return await service.dial(order.to, call.on_voice, order.caller, hidden=order.hidden)
    if not isinstance(service, UriVoice):
        raise DeviceRefused("sip", None, "the channel calls no SIP URIs")
    return await service.dial_uri(order.sip, call.on_voice)


async def _undo(call: LiveCall, dialling: asyncio.Future[VoiceCall]) -> None:
    """A number half dialled cannot be taken back: the line is hung up as soon as it can be."""
    await asyncio.wait({dialling}, timeout=call.equipment.waits.hang_up)
    if not dialling.done():
        dialling.cancel()
    elif not dialling.cancelled() and dialling.exception() is None:
        call.connect(dialling.result())
