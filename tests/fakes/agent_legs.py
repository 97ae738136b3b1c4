"""The agent's SIP as the FreeSWITCH driver uses it, without SIP: legs that a test makes appear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edge_agent.contracts import IncomingCall, PcmStream, VoiceEvent, VoiceEventKind
from edge_agent.drivers.sip.peer import PeerEvents
from telecore.errors import DeviceRefused
from telecore.ids import ChannelId


class Silence:
    """A PcmStream that keeps what it was given."""

    rate = 8000

    def __init__(self) -> None:
        self.on_frame: Callable[[bytes], None] = _nothing
        self.sent: list[bytes] = []

    def send(self, frame: bytes) -> None:
        self.sent.append(frame)


class Leg:
    """A VoiceCall. ``refuses``: answering fails."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.pcm: PcmStream | None = Silence()
        self.detects_dtmf = True
        self.on_event: Callable[[VoiceEvent], None] = _nothing
        self.answered = False
        self.refuses = refuses
        self.hung_up: int | None = None
        self.digits = ""

    async def answer(self) -> None:
        if self.refuses:
            raise DeviceRefused("sip", 487)
        self.answered = True

    async def hang_up(self, cause: int = 16) -> None:
        if self.hung_up is None:
            self.hung_up = cause
            self.on_event(VoiceEvent(VoiceEventKind.ENDED, cause))

    async def send_digits(self, digits: str) -> None:
        self.digits += digits


class AgentLegs:
    """Stands for SipPeer. ``appear`` is the INVITE for a user that was claimed."""

    def __init__(self) -> None:
        self.claims: dict[str, tuple[ChannelId, asyncio.Future[IncomingCall]]] = {}
        self.events: PeerEvents | None = None
        self.is_open = False
        self.full = False
        self.legs: list[Leg] = []

    async def open(self) -> None:
        self.is_open = True

    async def run(self, events: PeerEvents) -> None:
        self.events = events
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.is_open = False

    def expect(self, channel: ChannelId, user: str) -> asyncio.Future[IncomingCall]:
        claim: asyncio.Future[IncomingCall] = asyncio.get_running_loop().create_future()
        self.claims[user] = (channel, claim)
        return claim

    def busy(self, channel: ChannelId) -> bool:
        return self.full

    def appear(self, user: str, *, refuses: bool = False) -> Leg:
        channel, claim = self.claims[user]
        leg = Leg(refuses=refuses)
        self.legs.append(leg)
        claim.set_result(IncomingCall(channel, None, leg))
        return leg


def _nothing(event: object) -> None:
    del event
