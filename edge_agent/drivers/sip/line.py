"""One line of a far end: whether it is up, its calls, and how one is dialled on it or comes by it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edge_agent.contracts import IncomingCall, VoiceEvent
from edge_agent.drivers.sip.asking import Authorizer
from edge_agent.drivers.sip.call import SipCall
from edge_agent.drivers.sip.call_states import CallState
from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.inbound import InboundCall
from edge_agent.drivers.sip.media import MediaSession
from edge_agent.drivers.sip.message import Received, response_to
from edge_agent.drivers.sip.negotiation import Negotiation
from edge_agent.drivers.sip.numbering import parties
from edge_agent.drivers.sip.outbound import OutboundCall, Target
from edge_agent.drivers.sip.settings import Credentials, LineSettings, PeerSettings, SipQuirks
from edge_agent.drivers.sip.stack import SipStack
from edge_agent.drivers.sip.transaction import Transaction
from telecore.causes import reason_of_cause
from telecore.errors import Busy, DeviceLost, InvalidRequest, NoNetwork
from telecore.ids import E164, ChannelId
from telecore.numbers import safe_to_dial
from telecore.sip_target import SipTarget

log = logging.getLogger(__name__)


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


class Owner(Protocol):
    """What a line needs of its peer."""

    stack: SipStack
    settings: PeerSettings

    def allows(self, hop: Hop) -> bool: ...
    def target(self, line: Line, to: str, caller: E164 | None, *, hidden: bool) -> Target: ...
    def uri_target(self, line: Line, target: SipTarget) -> Target: ...
    def contact(self, line: LineSettings) -> str: ...
    def announce(self, call: IncomingCall) -> bool: ...
    def take_message(self, received: Received, transaction: Transaction) -> None: ...


class Line:
    """A VoiceService, and the CallLine of its calls."""

    def __init__(self, owner: Owner, settings: LineSettings) -> None:
        self.settings = settings
        self.state = LineState(False, "not yet seen", 0.0)
        self.calls: dict[SipCall, None] = {}
        self.authorizer = Authorizer(settings.credentials or owner.settings.credentials, owner.stack.rng)
        self._owner = owner
        self._beginning: set[object] = set()
        """Calls whose sound is being made ready."""

    @property
    def channel(self) -> ChannelId:
        return self.settings.channel

    @property
    def quirks(self) -> SipQuirks:
        return self._owner.settings.quirks

    @property
    def contact(self) -> str:
        return self._owner.contact(self.settings)

    @property
    def stack(self) -> SipStack:
        return self._owner.stack

    @property
    def busy(self) -> bool:
        """Whether it has as many calls as it takes."""
        return len(self.calls) + len(self._beginning) >= self._owner.settings.max_calls

    @property
    def taken(self) -> bool:
        """Whether it has as many calls as it takes that nobody has hung up. The far end offers another call only on a
        line whose last one it knows to be over, whether it has told us or not."""
        live = sum(call.state is not CallState.ENDING for call in self.calls)
        return live + len(self._beginning) >= self._owner.settings.max_calls

    def allows(self, hop: Hop) -> bool:
        return self._owner.allows(hop)

    def over(self, call: SipCall) -> None:
        self.calls.pop(call, None)

    def take_message(self, received: Received, transaction: Transaction) -> None:
        self._owner.take_message(received, transaction)

    async def dial(
        self, to: str, on_event: Callable[[VoiceEvent], None], caller: E164 | None = None, *, hidden: bool = False
    ) -> SipCall:
        """See ``contracts.VoiceService``. What the far end answers comes as events, a refusal as ENDED."""
        if not safe_to_dial(to):
            raise InvalidRequest(f"{to[:20]!r} is no number that can be dialled", field="To", code=21211)
        self._check_free()
        return await self._invite(self._owner.target(self, to, caller, hidden=hidden), self.authorizer, on_event)

    async def dial_uri(self, target: SipTarget, on_event: Callable[[VoiceEvent], None]) -> SipCall:
        """See ``contracts.UriVoice``. The far end of this line is the proxy that routes the URI."""
        self._check_free()
        own = Credentials(target.username, target.password) if target.username else None
        authorizer = Authorizer(own, self.stack.rng) if own is not None else self.authorizer
        return await self._invite(self._owner.uri_target(self, target), authorizer, on_event)

    def _check_free(self) -> None:
        if not self.state.up:
            raise NoNetwork(f"the line is down: {self.state.reason}")
        if self.busy:
            raise Busy("the line is in a call")

    async def _invite(
        self, target: Target, authorizer: Authorizer, on_event: Callable[[VoiceEvent], None]
    ) -> OutboundCall:
        beginning = object()
        self._beginning.add(beginning)
        try:
            media = await self.stack.media.open()
        finally:
            self._beginning.discard(beginning)
        call_id = f"{self.stack.token()}-{self.stack.token()}"
        call = OutboundCall(self, media, self._negotiation(media), target, authorizer=authorizer, call_id=call_id)
        self.calls[call] = None
        call.on_event = on_event
        call.start()
        asyncio.get_running_loop().call_soon(call.release)
        return call

    def invited(self, received: Received, invite: Transaction, claim: asyncio.Future[IncomingCall] | None) -> None:
        """An INVITE for this line, allowed and proved. ``claim``: who waits for it, instead of the core."""
        if self.taken and claim is None:
            self._refuse(invite, 486, 17)
            return
        waiting = _Waiting()
        invite.server = waiting
        self._beginning.add(invite)  # the next may come in the same breath
        offering = self.stack.spawn(self._offer(received, invite, claim, waiting))
        if offering is None:
            self._beginning.discard(invite)
            self._refuse(invite, 503, 41)
        else:
            offering.add_done_callback(lambda _: self._beginning.discard(invite))

    async def _offer(
        self,
        received: Received,
        invite: Transaction,
        claim: asyncio.Future[IncomingCall] | None,
        waiting: _Waiting,
    ) -> None:
        try:
            media = await self.stack.media.open()
        except (Busy, DeviceLost) as error:
            log.warning("%s: a call was refused: %s", self.channel, error)
            self._refuse(invite, 503, 34)
            return
        finally:
            self._beginning.discard(invite)
        if waiting.cancelled:
            media.close()
            self._refuse(invite, 487, 16)
            return
        call = InboundCall(self, media, self._negotiation(media), received, invite)
        invite.server = call
        self.calls[call] = None
        if not call.offer():
            return
        who = parties(received, self.settings, self.quirks)
        incoming = IncomingCall(self.channel, who.caller, call, who.called)
        if claim is not None and not claim.done():
            call.ring()
            claim.set_result(incoming)
        elif claim is not None or not self._announce(incoming, call):
            call.refuse(480)
            return
        asyncio.get_running_loop().call_soon(call.release)

    def _announce(self, incoming: IncomingCall, call: InboundCall) -> bool:
        call.ring()
        return self._owner.announce(incoming)

    def _negotiation(self, media: MediaSession) -> Negotiation:
        settings = self.stack.settings
        return Negotiation(self.quirks, settings.advertised or settings.listen, media.port, self.stack.rng)

    def _refuse(self, invite: Transaction, status: int, cause: int) -> None:
        reason = ("reason", reason_of_cause(cause))
        self.stack.respond(invite, response_to(invite.request, status, reason, tag=self.stack.token()))


class _Waiting:
    """An INVITE whose sound is still being made ready."""

    def __init__(self) -> None:
        self.cancelled = False

    def on_unacknowledged(self) -> None:
        return

    def on_cancel(self, received: Received) -> None:
        del received
        self.cancelled = True
