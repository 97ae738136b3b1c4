"""The live calls of this edge: who begins them, and to whom a command belongs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from edge_agent.call import far_voice, outbound
from edge_agent.call.client_line import ClientLine
from edge_agent.call.ending import Origin
from edge_agent.call.equipment import Equipment, Waits, unheard
from edge_agent.call.far_legs import FarLegs
from edge_agent.call.feeds import Feeds
from edge_agent.call.live import LiveCall
from edge_agent.call.outbound import Order
from edge_agent.call.report import CallReport, Emit, Notify
from edge_agent.call.rooms import Rooms
from edge_agent.call.stays import Stays
from edge_agent.call.trunk import Trunks
from edge_agent.call_control import PageControl
from edge_agent.contracts import Gate, IncomingCall, Permit, VoiceService, Witness
from edge_agent.media.clips import Blobs, Clips
from edge_agent.media.clock import MediaClock
from edge_agent.media.recorder import Recorder
from edge_agent.media.tunnel_pcm import Media, NoMedia
from edge_agent.unguarded import Unguarded
from telecore.causes import Cause
from telecore.commands import (
    CloseFeed,
    ControlRecording,
    FlushFeed,
    HangUp,
    LimitCall,
    OfferCall,
    OpenFeed,
    PlaceCall,
    RecordCall,
    RouteDial,
    RoutedLeg,
    RunPage,
    SpeechHeard,
    TellFarLeg,
)
from telecore.errors import NoNetwork, NoRoute, TimedOut
from telecore.events import CallOffered
from telecore.ids import E164, CallSid, ChannelId, is_client, new_sid
from telecore.model import Clip
from telecore.notices import FarLegHeld, Notice, PageEnded
from telecore.notices import LiveCall as LiveCallNotice
from telecore.twiml.control import DialSpec

log = logging.getLogger(__name__)

INBOUND_LIMIT_S = 14400.0
DIALLED_LIMIT_S = 90000.0
"""Longer than any <Dial> may last: its own limit counts from the join."""
MOST_LAST_WORDS = 1000
"""Outcomes of calls that ended while the tunnel was down."""


class Calls:
    """``emit`` stores an event, ``notify`` tells the cloud at once, ``fetch`` brings a clip into ``blobs``.

    ``voice`` finds a channel's voice service, ``own_number`` its SIM's number. ``gate`` says whether a SIM may call,
    ``witness`` is told how each leg went, ``media`` is the sound of the tunnel. All methods but ``place``, ``run`` and
    ``stop`` are plain calls that return at once.
    """

    def __init__(
        self,
        emit: Emit,
        notify: Notify,
        *,
        fetch: Callable[[Clip], Awaitable[object]],
        blobs: Blobs,
        voice: Callable[[ChannelId], VoiceService | None],
        clock: MediaClock,
        own_number: Callable[[ChannelId], E164 | None] = lambda channel: None,
        waits: Waits | None = None,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        gate: Gate | None = None,
        witness: Witness | None = None,
        media: Media | None = None,
    ) -> None:
        self._equipment = Equipment(
            clock, Clips(blobs, fetch), Recorder(blobs), emit, notify, waits or Waits(), witness or Unguarded()
        )
        equipment = self._equipment
        self._gate: Gate = gate or Unguarded()
        self._voice = voice
        self._own_number = own_number
        self._wall = wall
        self._calls: dict[CallSid, LiveCall] = {}
        self.feeds = Feeds(notify, media or NoMedia())
        trunks = Trunks(clock, media or NoMedia(), self.feeds.numbers)
        report = CallReport(emit, notify)
        self._rooms = Rooms(clock, equipment.clips, equipment.recorder, report, notify, trunks=trunks)
        self.stays = Stays(self._rooms)
        self.far = FarLegs(notify, media or NoMedia(), self.feeds.numbers)
        self._group: asyncio.TaskGroup | None = None
        self._early: list[Coroutine[Any, Any, None]] = []
        self._stopping = False
        self._gone = asyncio.Event()
        self._last_words: list[PageEnded] = []

    async def run(self) -> None:
        """Serve calls until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for work in self._early:
                group.create_task(work)
            self._early.clear()
            await asyncio.Event().wait()

    async def stop(self, within_s: float = 8.0) -> None:
        """Take no more calls, hang up those that live, and see them ended."""
        self._stopping = True
        for call in self._calls.values():
            call.end(Cause.TEMPORARY_FAILURE, "restart")
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._calls:
                    self._gone.clear()
                    await self._gone.wait()
                await self._rooms.close()
        self._equipment.recorder.close()
        self._equipment.clips.close()

    def incoming(self, incoming: IncomingCall) -> None:
        """A line rings."""
        party = incoming.caller or ""
        call = self._new_call(Origin(CallSid(new_sid("CA")), incoming.channel, True, INBOUND_LIMIT_S, party=party))
        call.connect(incoming.voice)
        incoming.voice.on_event = call.on_voice
        self._begin(call, lambda: self._offer(call, incoming))
        if self._stopping:
            call.end(Cause.TEMPORARY_FAILURE, "restart")

    def offer(self, command: OfferCall) -> None:
        """A browser calls."""
        if self._stopping or command.call in self._calls:
            return
        origin = Origin(command.call, command.channel, True, INBOUND_LIMIT_S, party=command.caller)
        call = self._new_call(origin)
        call.expect_page()  # which may come before the call has begun
        self._begin(call, lambda: self._offer_client(call, command))

    async def place(self, command: PlaceCall) -> None:
        """Begin to dial. Raises TimedOut when it is too late for that, NoNetwork when the channel is not there.

        Raises NoRoute with the reason when its SIM may not call now.
        """
        if command.not_after is not None and command.not_after < self._wall():
            raise TimedOut("it is too late to place this call")
        service = self._line(command.channel, command.call, command.to)
        if service is None or self._stopping:
            raise NoNetwork(f"{command.channel} takes no calls now")
        permit = self._permit(command.channel, command.to, urgent=command.urgent)
        if not permit.granted:
            raise NoRoute(permit.reason, code=permit.code)
        origin = Origin(
            command.call, command.channel, False, command.time_limit_s, dialled=command.dialled, party=command.to
        )
        call = self._new_call(origin)
        order = Order(
            to=command.to,
            caller=command.caller,
            ring_s=command.timeout_s,
            send_digits=command.send_digits,
            record_channels=command.record_channels if command.record else 0,
            record_trim=command.record_trim,
            record_track=command.record_track,
            command=command.id,
            hidden=command.hide_caller,
            page=command.whisper or not command.dialled,
            sip=command.sip,
            machine=command.machine,
            machine_first=command.machine_first,
        )
        if command.dialled:
            self.far.serve(call)
        self._begin(call, lambda: outbound.dial(call, service, order, permit))

    def run_page(self, command: RunPage) -> None:
        """Run this page, if it is a new one of a call that lives."""
        if command.not_after is not None and command.not_after < self._wall():
            log.warning("call %s: page %d came too late", command.call, command.page)
        elif call := self._find(command.call):
            call.take(command)

    def hang_up(self, command: HangUp) -> None:
        if call := self._find(command.call):
            call.end(command.cause, "us")

    def limit(self, command: LimitCall) -> None:
        if call := self._find(command.call):
            call.limit(command.time_limit_s)

    def record(self, command: RecordCall) -> None:
        """Nothing is recorded of a call that is not answered, or over."""
        call = self._find(command.call)
        if call is not None and call.answered and call.ending is None:
            call.recordings.start(command)

    def control_recording(self, command: ControlRecording) -> None:
        if call := self._find(command.call):
            call.recordings.change(command)

    def route_dial(self, command: RouteDial) -> None:
        if call := self._find(command.call):
            call.routes.answer(command)

    def speech_heard(self, command: SpeechHeard) -> None:
        if call := self._find(command.call):
            call.hearings.take(command)

    def tell_far_leg(self, command: TellFarLeg) -> None:
        self.far.tell(command)

    def on_link(self, up: bool) -> None:
        """The tunnel came or went."""
        self.feeds.on_link(up)
        self.far.on_link(up)

    def open_feed(self, command: OpenFeed) -> None:
        call = self._calls.get(command.call)
        self.feeds.open(command, None if call is None or call.ending is not None else call.leg)

    def close_feed(self, command: CloseFeed) -> None:
        self.feeds.close(command.feed)

    def flush_feed(self, command: FlushFeed) -> None:
        self.feeds.flush(command.feed)

    def live(self) -> tuple[LiveCallNotice, ...]:
        """For the heartbeat."""
        return tuple(
            LiveCallNotice(call.sid, call.origin.channel, call.answered, call.pages.number)
            for call in self._calls.values()
            if call.ending is None and not call.origin.elsewhere
        )

    def repeat(self) -> Sequence[Notice]:
        """What a cloud that was away has to be told: outcomes and questions it has not answered, and where calls led
        that ended meanwhile."""
        notices: list[Notice] = []
        for call in self._calls.values():
            notices += call.pages.repeat()
            notices += [] if call.routes.wanted is None else [call.routes.wanted]
            notices += call.hearings.repeat()
        last_words, self._last_words = self._last_words, []
        return [*last_words, *notices, *self.far.repeat(), *self.feeds.repeat(), *self.stays.repeat()]

    def sounds(self) -> Mapping[ChannelId, str]:
        """The channels whose calls sound bad of late, and how; for the health checks."""
        return self._equipment.sounds.standing()

    def busy(self, channel: ChannelId) -> int:
        """How many legs this channel carries, those included whose line is not seen free yet."""
        return sum(call.origin.channel == channel and not call.over for call in self._calls.values())

    def _dial_out(self, routed: RoutedLeg, spec: DialSpec) -> LiveCall:
        """Begin one leg of a <Dial>."""
        if routed.far:
            return self._dial_far(routed, spec)
        call = self._new_call(Origin(routed.call, routed.channel, False, DIALLED_LIMIT_S, True, routed.to))
        order = Order(
            to=routed.to,
            caller=routed.caller,
            ring_s=spec.timeout_s,
            send_digits=spec.targets[routed.target].send_digits,
            page=routed.whisper,
            sip=routed.sip,
            machine=spec.targets[routed.target].machine,
        )
        service = self._line(routed.channel, routed.call, routed.to, spec.targets[routed.target].parameters)
        permit = self._permit(routed.channel, routed.to)
        self._begin(call, lambda: outbound.dial(call, service, order, permit))
        return call

    def _dial_far(self, routed: RoutedLeg, spec: DialSpec) -> LiveCall:
        """One that another edge dials: that edge reports it, and runs its whisper page."""
        origin = Origin(routed.call, routed.channel, False, DIALLED_LIMIT_S, True, routed.to, elsewhere=True)
        call = LiveCall(origin, unheard(self._equipment))
        self._begin(call, lambda: self._ring_far(call, routed, spec))
        return call

    async def _ring_far(self, call: LiveCall, routed: RoutedLeg, spec: DialSpec) -> None:
        target = spec.targets[routed.target]
        held = FarLegHeld(routed.call, 0, spec.timeout_s, target.send_digits, routed.sip, target.machine)
        voice = self.far.hold(held)
        await far_voice.ring(call, voice, spec.timeout_s)

    def _line(
        self, channel: ChannelId, call: CallSid, to: str, parameters: Mapping[str, str] | None = None
    ) -> VoiceService | None:
        """What carries a call to this party."""
        return ClientLine(self.far, call, parameters or {}) if is_client(to) else self._voice(channel)

    def _permit(self, channel: ChannelId, to: str, *, urgent: bool = False) -> Permit:
        return Permit() if is_client(to) else self._gate.call(channel, to, urgent=urgent)

    async def _offer(self, call: LiveCall, incoming: IncomingCall) -> None:
        channel = call.origin.channel
        called = incoming.called or self._own_number(channel)
        call.report.say(CallOffered(call=call.sid, channel=channel, caller=incoming.caller, called=called))
        call.expect_page()

    async def _offer_client(self, call: LiveCall, command: OfferCall) -> None:
        voice = self.far.hold(FarLegHeld(call.sid, 0, client=True))
        call.connect(voice)
        voice.on_event = call.on_voice
        call.report.say(CallOffered(call=call.sid, channel=command.channel, caller=command.caller, called=None))

    def _new_call(self, origin: Origin) -> LiveCall:
        return LiveCall(origin, self._equipment)

    def _find(self, sid: CallSid) -> LiveCall | None:
        call = self._calls.get(sid)
        if call is None:
            log.info("call %s is over; what the cloud wished of it is dropped", sid)
        return call

    def _begin(self, call: LiveCall, begin: Callable[[], Awaitable[None]]) -> None:
        self._calls[call.sid] = call
        work = self._watch(call, begin)
        if self._group is None:
            self._early.append(work)
        else:
            self._group.create_task(work, name=f"call {call.sid}")

    async def _watch(self, call: LiveCall, begin: Callable[[], Awaitable[None]]) -> None:
        """See a call through. A fault of ours in one call ends that call only."""
        control = PageControl(call, self._dial_out, self.stays, self.feeds)
        served = asyncio.create_task(call.serve(begin, control))
        try:
            await asyncio.wait({served})
            if (error := served.exception()) is not None:
                log.error("call %s fell over a fault of ours", call.sid, exc_info=error)
                await call.bury()
        finally:
            served.cancel()
            await asyncio.wait({served})
            del self._calls[call.sid]
            if call.pages.untold is not None:
                self._last_words = [*self._last_words, call.pages.untold][-MOST_LAST_WORDS:]
            self._gone.set()
