"""The SIP of the whole box: its ports, its registrations, which line a call is for."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from simulator.calls import BUSY, NORMAL, OUT_OF_ORDER, Call
from simulator.gateway.courier import Courier
from simulator.gateway.crossing import Crossing
from simulator.gateway.line import Line
from simulator.sip import digest
from simulator.sip.agent import UserAgent, new_tag
from simulator.sip.digest import Account
from simulator.sip.leg import Ground
from simulator.sip.leg_in import LegIn
from simulator.sip.leg_out import Invitation, LegOut
from simulator.sip.media import Media
from simulator.sip.message import Address, Message, read_address, read_uri
from simulator.sip.registration import Registration
from simulator.sip.sdp import SdpError
from simulator.sip.sockets import Datagrams, Received, UdpSocket
from simulator.sip.transactions import ServerTransaction
from simulator.speech import SpeechClock

log = logging.getLogger(__name__)

NO_CHANNEL = 503
REALM = "goip"
FAREWELL_S = 0.2
TRIES = 50
TRY_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True)
class Seat:
    """A line and its account."""

    line: Line
    account: Account


class Switch:
    """A SipSide for all lines of a box. `registers` False: a peer, known by its address."""

    def __init__(
        self,
        seats: Sequence[Seat],
        ground: Ground,
        clock: SpeechClock,
        *,
        agent_at: Address,
        registers: bool,
    ) -> None:
        self._seats = {seat.account.user: seat for seat in seats}
        self._of_line = {seat.line.index: seat for seat in seats}
        self._ground = ground
        self._clock = clock
        self.agent_at = agent_at
        self._registers = registers
        self._agents: dict[str, UserAgent] = {}
        self._registrations: dict[str, Registration] = {}
        self._crossings: dict[int, Crossing] = {}
        self._couriers: dict[str, Courier] = {}
        self._ports: dict[str, int] = {}
        self._nonce = secrets.token_hex(8)
        for seat in seats:
            seat.line.sip = self

    # ----------------------------------------------------------------------------------------- power

    async def start(self) -> None:
        """Listen, on the ports it had before, and register. OSError when one of them stays taken."""
        own_ports = self._ground.manner.own_ports and self._registers
        shared: UserAgent | None = None
        for user in self._seats:
            if shared is None or own_ports:
                shared = await self._listen(user)
            self._agents[user] = shared
            if user in self._couriers:
                self._couriers[user].start(shared)
        if self._registers:
            for user, seat in self._seats.items():
                registration = Registration(self._agents[user], seat.account, self.agent_at, self._ground.timers)
                self._registrations[user] = registration
                registration.start()

    def deliver_messages(self) -> None:
        """Received SMS go to the agent by SIP."""
        again_s = self._ground.manner.waits.register_again
        for user, seat in self._seats.items():
            courier = Courier(seat.account, self.agent_at, self._ground.timers, again_s)
            self._couriers[user] = courier
            seat.line.on_received = courier.take

    async def leave(self) -> None:
        """End the calls and the registrations as one does, then stop."""
        for crossing in list(self._crossings.values()):
            crossing.line.end(NORMAL)
        for registration in self._registrations.values():
            registration.stop(politely=True)
        if self._registrations:
            await asyncio.sleep(FAREWELL_S)
        self.stop()

    def stop(self) -> None:
        """No SIP and no RTP any more, without a word."""
        for registration in self._registrations.values():
            registration.stop(politely=False)
        for crossing in list(self._crossings.values()):
            crossing.vanish()
            crossing.line.end(OUT_OF_ORDER)
        for courier in self._couriers.values():
            courier.stop()
        for agent in set(self._agents.values()):
            agent.close()
        self._agents.clear()
        self._registrations.clear()

    @property
    def ports(self) -> dict[str, int]:
        """User → the port where its line listens, once started."""
        return {user: agent.port for user, agent in self._agents.items()} or dict(self._ports)

    def registered(self, line: Line) -> bool | None:
        """Whether the agent accepted the line's registration; None for a peer."""
        registration = self._registrations.get(self._of_line[line.index].account.user)
        return registration.registered if registration is not None else None if not self._registers else False

    async def _listen(self, user: str) -> UserAgent:
        """A port that was free a moment ago is taken by somebody else only for a moment."""
        loop = asyncio.get_running_loop()
        ground = self._ground

        def opened(received: Received) -> Datagrams:
            return UdpSocket(loop, received, self._ports.get(user, 0))

        for attempt in range(TRIES):
            try:
                agent = UserAgent(opened, ground.timers, ground.manner)
                break
            except OSError:
                if attempt == TRIES - 1:
                    raise
                await asyncio.sleep(TRY_AGAIN_S)
        self._ports[user] = agent.port
        agent.invited = self._taker(agent, user)
        return agent

    # -------------------------------------------------------------------------------- mobile to IP

    def offer(self, line: Line, call: Call) -> int | None:
        """A call comes in by GSM."""
        seat = self._of_line[line.index]
        agent = self._agents.get(seat.account.user)
        if agent is None or self.registered(line) is False:
            return OUT_OF_ORDER
        crossing = self._crossing(line)
        invitation = Invitation(seat.account, line.call_number, self.agent_at)
        crossing.leg = LegOut(agent, self._ground, crossing, invitation=invitation)
        return None

    def call_changed(self, line: Line, call: Call) -> None:
        """The GSM call went on."""
        crossing = self._crossings.get(line.index)
        if crossing is not None:
            crossing.changed(call)

    def audio(self, line: Line, call: Call) -> Media:
        """RTP."""
        return self._crossings[line.index].leg.media

    def _crossing(self, line: Line) -> Crossing:
        crossing = Crossing(line, self._clock, lambda: self._forget(line))
        self._crossings[line.index] = crossing
        return crossing

    def _forget(self, line: Line) -> None:
        self._crossings.pop(line.index, None)

    # -------------------------------------------------------------------------------- IP to mobile

    def _taker(self, agent: UserAgent, user: str) -> Callable[[Message, ServerTransaction], None]:
        """For what comes to a port; a port of its own names the line."""

        def take(request: Message, transaction: ServerTransaction) -> None:
            named = user if self._ground.manner.own_ports and self._registers else ""
            self._invited(agent, named, request, transaction)

        return take

    def _invited(self, agent: UserAgent, user: str, request: Message, transaction: ServerTransaction) -> None:
        seat, number = self._find(user, request)
        if seat is None:
            transaction.respond(agent.response(request, NO_CHANNEL, new_tag()))
            return
        if self._ground.manner.inv_auth and not self._proven(seat, request):
            challenge = f'Digest realm="{REALM}", nonce="{self._nonce}", algorithm=MD5'
            more = [("WWW-Authenticate", challenge)]
            transaction.respond(agent.response(request, 401, new_tag(), more=more))
            return
        self._dial(agent, seat, number, transaction)

    def _dial(self, agent: UserAgent, seat: Seat, number: str, transaction: ServerTransaction) -> None:
        line = seat.line
        busy = line.call is not None
        crossing = Crossing(line, self._clock, lambda: self._forget(line))
        leg = LegIn(agent, self._ground, crossing, transaction=transaction, user=seat.account.user)
        crossing.leg = leg
        try:
            leg.negotiate()
        except SdpError as error:
            log.info("a call to %s is refused: %s", line.name, error)
            leg.refuse(488)
            return
        if not busy:
            self._crossings[line.index] = crossing
        if line.dial(number) is None:
            if not busy:
                self._forget(line)
            leg.hang_up(BUSY if busy else OUT_OF_ORDER)
            return
        leg.dialling()
        crossing.ring_back()

    def _find(self, user: str, request: Message) -> tuple[Seat | None, str]:
        """The line: of the port, of From's user, of the number's prefix; else the first that is free."""
        number = unquote(read_uri(request.uri).user)
        sender = read_uri(read_address(request.get("from")).uri).user
        prefix = next((name for name in self._seats if number.startswith(name)), "")
        seat = self._seats.get(user or prefix or sender)
        number = number.removeprefix(prefix)
        if seat is None:
            seat = next(
                (seat for seat in self._seats.values() if seat.line.call is None and seat.line.in_service), None
            )
        return seat, number

    def _proven(self, seat: Seat, request: Message) -> bool:
        given = request.get("authorization")
        return digest.proves(given, seat.account, "INVITE", self._nonce)
