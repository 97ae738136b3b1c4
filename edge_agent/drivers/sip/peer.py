"""One far end: a gateway with its lines, or a trunk. What the device on top of it uses of SIP."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from edge_agent.contracts import IncomingCall, VoiceService
from edge_agent.drivers.sip import reaching
from edge_agent.drivers.sip.auth import Challenger
from edge_agent.drivers.sip.doors import Door
from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.line import Line, LineState
from edge_agent.drivers.sip.message import Received
from edge_agent.drivers.sip.numbering import users
from edge_agent.drivers.sip.outbound import Target
from edge_agent.drivers.sip.reaching import Place
from edge_agent.drivers.sip.registrar import Registrar
from edge_agent.drivers.sip.registration import Registered
from edge_agent.drivers.sip.settings import LineSettings, PeerSettings, Registers, Transport
from edge_agent.drivers.sip.stack import SipStack
from edge_agent.drivers.sip.transaction import Transaction
from edge_agent.drivers.sip.uri import shown
from edge_agent.drivers.sip.watch import watch
from telecore.ids import E164, ChannelId
from telecore.sip_target import SipTarget

log = logging.getLogger(__name__)

__all__ = ["LineState", "PeerEvents", "SipPeer"]

_HANG_UP_S = 3.0
"""How long an answer to the BYEs is waited for at the end: a gateway gives all of its closing five seconds."""


class PeerEvents(Protocol):
    """Whom a peer tells."""

    def incoming(self, call: IncomingCall) -> None: ...
    def line_changed(self, channel: ChannelId, state: LineState) -> None: ...
    async def message(self, channel: ChannelId, key: str, sender: str, body: str) -> None:
        """A SIP MESSAGE. It is acknowledged when this returned; StorageFailed: it will be sent again.

        ``key`` is the same for a repetition of the same message.
        """


class SipPeer:
    """Joins the stack while it is open. What it serves is in ``doors``, what it does by itself in ``watch``."""

    def __init__(self, stack: SipStack, settings: PeerSettings) -> None:
        self.stack = stack
        self.settings = settings
        self.events: PeerEvents | None = None
        self.registrar = Registrar()
        self.challenger = Challenger(stack.rng, stack.now)
        self.lines = {line.channel: Line(self, line) for line in settings.lines}
        self.claimed: dict[str, tuple[ChannelId, asyncio.Future[IncomingCall]]] = {}
        self.place = Place()
        self.networks = tuple(_networks(settings.sources))
        self.addresses: frozenset[str] = frozenset()
        self._by_user = {line.settings.user.lower(): line for line in self.lines.values() if line.settings.user}
        self._by_user |= {line.settings.number: line for line in self.lines.values() if line.settings.number}
        self._door = Door(self)
        self._open = False

    # for the device

    async def open(self) -> None:
        """Join the stack and find the far end's address. Raises DeviceLost, DeviceRefused."""
        await self.stack.open()
        try:
            self.place = await reaching.find(self.settings, self.stack.settings.listen)
        except BaseException:
            await self.stack.close()
            raise
        self._open = True
        self.learn_addresses()
        if self.settings.registers is Registers.NOBODY and self.settings.quirks.options_every_s <= 0:
            for line in self.lines.values():
                self.note(line, up=True, reason="not watched", contact=str(self.place.hop or ""))
        self.stack.enter(self)

    async def run(self, events: PeerEvents) -> None:
        """OPTIONS, registrations and their expiry, until cancelled. Raises DeviceLost when our address is lost."""
        self.events = events
        try:
            for line in self.lines.values():
                events.line_changed(line.channel, line.state)
            await watch(self)
        finally:
            self.events = None

    def voice(self, channel: ChannelId) -> VoiceService:
        """The line's calls. KeyError for a channel that is none of ours."""
        return self.lines[channel]

    def state(self, channel: ChannelId) -> LineState:
        """KeyError for a channel that is none of ours."""
        return self.lines[channel].state

    def busy(self, channel: ChannelId) -> bool:
        """Whether the line has as many calls as it takes. KeyError for a channel that is none of ours."""
        return self.lines[channel].busy

    def expect(self, channel: ChannelId, user: str) -> asyncio.Future[IncomingCall]:
        """Claim the next INVITE whose Request-URI has this user part: it is not told as ``incoming``.

        It counts to this channel, whether that is busy or not. Cancel the future to take the claim back.
        """
        claim: asyncio.Future[IncomingCall] = asyncio.get_running_loop().create_future()
        self.claimed[user] = (channel, claim)
        claim.add_done_callback(lambda _: self.claimed.pop(user, None))
        return claim

    async def close(self) -> None:
        """Hang up what lives and leave the stack, also when it is cancelled. Never raises; bounded in time."""
        if not self._open:
            return
        self._open = False
        calls = [call for line in self.lines.values() for call in line.calls]
        try:
            if calls:
                endings = [asyncio.ensure_future(call.hang_up(41)) for call in calls]
                await asyncio.wait(endings, timeout=_HANG_UP_S)
        finally:
            for call in [call for line in self.lines.values() for call in line.calls]:
                call.tell_end(41)
            for _, claim in list(self.claimed.values()):
                claim.cancel()
            self.stack.exit(self)
            await self.stack.close()

    # for the intake

    @property
    def roams(self) -> bool:
        return self.settings.registers is Registers.WITH_US and not self.settings.host

    def allows(self, hop: Hop) -> bool:
        """Whether it may speak from there."""
        if hop.address in self.addresses:
            return True
        return any(ipaddress.ip_address(hop.address) in network for network in self.networks)

    def claims(self, received: Received) -> int:
        """Several far ends may share an address: who expects this very call, sends from this port, or has this line."""
        said = list(users(received))
        expected = any(user in self.claimed for user in said)
        ports = {binding.hop for binding in self.registrar.bindings.values()} | {self.place.hop}
        named = any(user.lower() in self._by_user for user in said)
        return 1 + 4 * expected + 2 * (received.hop in ports) + named

    def on_request(self, received: Received, transaction: Transaction) -> None:
        self._door.serve(received, transaction)

    # for lines, doors and watch

    def line_of(self, received: Received, authorized: str = "") -> Line | None:
        """The line a request is about: by its names, by where it was registered from, or because there is one only."""
        for user in users(received, authorized=authorized):
            line = self._by_user.get(user.lower())
            if line is not None:
                return line
        at = [user for user, binding in self.registrar.bindings.items() if binding.hop == received.hop]
        if len(at) == 1:
            return self._by_user.get(at[0])
        return next(iter(self.lines.values())) if len(self.lines) == 1 else None

    def target(self, line: Line, to: str, caller: E164 | None, *, hidden: bool) -> Target:
        """Raises NoNetwork when the line is nowhere."""
        binding = self.registrar.get(line.settings.user.lower(), self.stack.now())
        return reaching.target(self.settings, line.settings, self.place, binding, to=to, caller=caller, hidden=hidden)

    def uri_target(self, line: Line, target: SipTarget) -> Target:
        """Raises NoNetwork when the line is nowhere."""
        return reaching.uri_target(self.settings, line.settings, self.place, target)

    def contact(self, line: LineSettings) -> str:
        return reaching.contact(line, self.settings, self.stack.local(self.settings.transport))

    def announce(self, call: IncomingCall) -> bool:
        """False: nobody takes calls now."""
        if self.events is None:
            return False
        self.events.incoming(call)
        return True

    def take_message(self, received: Received, transaction: Transaction) -> None:
        self._door.message(received, transaction)

    def learn_addresses(self) -> None:
        """Of the names in the settings, and of those who registered."""
        bound = {binding.hop.address for binding in self.registrar.bindings.values()}
        self.addresses = frozenset(self.place.addresses | bound)
        if self.settings.transport is Transport.TLS and self.place.hop is not None:
            self.stack.expect_name(self.place.hop, reaching.server_name(self.settings))

    def note(self, line: Line, *, up: bool, reason: str, contact: str = "", **more: object) -> None:
        """What was learnt of a line; told when it is news."""
        was = line.state
        agent, took = (
            shown(str(more.get("user_agent") or was.user_agent))[:100],
            more.get("round_trip_s", was.round_trip_s),
        )
        since = was.since if was.up is up and was.since else self.stack.now()
        trip = took if isinstance(took, float) else None
        line.state = LineState(up, reason, since, contact or was.contact, agent, trip)
        if self.events is not None and replace(line.state, round_trip_s=None) != replace(was, round_trip_s=None):
            self.events.line_changed(line.channel, line.state)

    def registered(self, line: Line, news: Registered) -> None:
        """What a trunk says to our REGISTER."""
        self.note(
            line,
            up=news.up,
            reason=news.reason,
            contact=str(self.place.hop or ""),
            user_agent=news.user_agent,
            round_trip_s=news.round_trip_s,
        )


def _networks(sources: Iterable[str]) -> Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for source in sources:
        try:
            yield ipaddress.ip_network(source, strict=False)
        except ValueError:
            log.warning("SIP: %r among the sources is no address", source)
