"""One far end: a gateway with its lines, or a trunk. What the device on top of it uses of SIP."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from edge_agent.contracts import IncomingCall, VoiceService
from edge_agent.drivers.sip.settings import PeerSettings
from edge_agent.drivers.sip.stack import SipStack
from telecore.ids import ChannelId


@dataclass(frozen=True, slots=True)
class LineState:
    """Whether calls can go by the line. ``reason``: a few words, also when it is up. ``since``: the stack's clock.

    ``contact``: where it registered from, or where OPTIONS go; ``round_trip_s``: of the last OPTIONS or REGISTER.
    """

    up: bool
    reason: str
    since: float
    contact: str = ""
    user_agent: str = ""
    round_trip_s: float | None = None


class PeerEvents(Protocol):
    """Whom a peer tells."""

    def incoming(self, call: IncomingCall) -> None: ...
    def line_changed(self, channel: ChannelId, state: LineState) -> None: ...
    async def message(self, channel: ChannelId, key: str, sender: str, body: str) -> None:
        """A SIP MESSAGE. It is acknowledged when this returned; StorageFailed: it will be sent again.

        ``key`` is the same for a repetition of the same message.
        """


class SipPeer:
    """Joins the stack while it is open."""

    def __init__(self, stack: SipStack, settings: PeerSettings) -> None:
        self.stack = stack
        self.settings = settings

    async def open(self) -> None:
        """Join the stack and find the far end's address. Raises DeviceLost, DeviceRefused."""
        await self.stack.open()

    async def run(self, events: PeerEvents) -> None:
        """OPTIONS, registrations and their expiry, until cancelled. Raises DeviceLost when our address is lost."""
        raise NotImplementedError

    def voice(self, channel: ChannelId) -> VoiceService:
        """The line's calls. KeyError for a channel that is none of ours."""
        raise NotImplementedError

    def state(self, channel: ChannelId) -> LineState:
        raise NotImplementedError

    def expect(self, channel: ChannelId, user: str) -> asyncio.Future[IncomingCall]:
        """Claim the next INVITE whose Request-URI has this user part: it is not told as ``incoming``.

        Cancel the future to take the claim back.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Hang up what lives and leave the stack. Never raises; bounded in time."""
        await self.stack.close()
