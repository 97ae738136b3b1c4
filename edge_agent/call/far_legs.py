"""Legs of a <Dial> whose parties are at two edges: those we hold and others dial, and those we dial for others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from edge_agent.call.far_voice import FarVoice
from edge_agent.call.live import LiveCall
from edge_agent.call.report import Notify
from edge_agent.contracts import KeysApart
from edge_agent.media.tunnel_pcm import Media, StreamNumbers, TunnelPcm
from telecore.causes import Cause
from telecore.commands import TellFarLeg
from telecore.ids import CallSid
from telecore.notices import FarLegHeld, FarLegLeft, FarLegReady, Notice

log = logging.getLogger(__name__)

AWAY_S = 30.0
"""A tunnel that is down longer than this ends the legs that need it."""


class FarLegs:
    """``numbers`` are of all streams of the tunnel. What the cloud has to hear again is in ``repeat``."""

    def __init__(self, notify: Notify, media: Media, numbers: StreamNumbers, away_s: float = AWAY_S) -> None:
        self._notify = notify
        self._media = media
        self._numbers = numbers
        self._away_s = away_s
        self._held: dict[CallSid, tuple[FarVoice, TunnelPcm]] = {}
        self._served: dict[CallSid, LiveCall] = {}
        self._away: asyncio.TimerHandle | None = None

    def hold(self, wanted: FarLegHeld) -> FarVoice:
        """Begin a leg whose line is elsewhere; its stream is chosen here. Raises Busy when the tunnel has none left."""
        pcm = TunnelPcm(self._media, self._numbers.take())
        held = replace(wanted, stream=pcm.number)
        voice = FarVoice(held, pcm, self._left, self._took)
        self._held[held.call] = voice, pcm
        self._notify(held)
        return voice

    def serve(self, call: LiveCall) -> None:
        """This call is dialled for another edge: say when it may be joined, and when a page took it."""
        self._served[call.sid] = call
        call.on_change = lambda: self._changed(call)

    def tell(self, news: TellFarLeg) -> None:
        """How a leg that we hold goes."""
        found = self._held.get(news.call)
        if found is None:
            log.info("leg %s is over here; what the cloud tells of it is dropped", news.call)
        else:
            found[0].told(news)

    def repeat(self) -> Sequence[Notice]:
        """What a cloud that was away has to be told again."""
        return [
            *(replace(voice.held, answered=voice.answered) for voice, _ in self._held.values()),
            *(_ready(call) for call in self._served.values() if call.prepared),
        ]

    def on_link(self, up: bool) -> None:
        """The tunnel came or went. A short cut is survived."""
        if self._away is not None:
            self._away.cancel()
            self._away = None
        if not up:
            self._away = asyncio.get_running_loop().call_later(self._away_s, self._give_up)

    def _changed(self, call: LiveCall) -> None:
        if call.ending is not None:
            self._served.pop(call.sid, None)
        elif call.taken:
            self._served.pop(call.sid, None)
            self._notify(FarLegReady(call.sid, taken=True))
        elif call.prepared and not call.joined:
            call.joined = True
            self._notify(_ready(call))

    def _left(self, voice: FarVoice, cause: int | None) -> None:
        _, pcm = self._held.pop(voice.call)
        pcm.close()
        self._numbers.give_back(pcm.number)
        if cause is not None:
            self._notify(FarLegLeft(voice.call, cause, client=voice.held.client))

    def _took(self, voice: FarVoice) -> None:
        self._notify(FarLegReady(voice.call, client=True))

    def _give_up(self) -> None:
        self._away = None
        for voice, _ in list(self._held.values()):
            log.warning("leg %s is lost: the tunnel is down too long", voice.call)
            voice.lose(Cause.NETWORK_OUT_OF_ORDER)
        for call in list(self._served.values()):
            call.end(Cause.NETWORK_OUT_OF_ORDER, "network")


def _ready(call: LiveCall) -> FarLegReady:
    apart = isinstance(call.voice, KeysApart) and call.voice.keys_apart
    return FarLegReady(call.sid, keys_apart=apart)
