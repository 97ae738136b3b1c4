"""One call: its state as a table, and the handle the core holds. How it begins is in ``outbound`` and ``inbound``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from edge_agent.contracts import PcmStream, Referred, VoiceEvent, VoiceEventKind
from edge_agent.drivers.sip import requests
from edge_agent.drivers.sip.asking import ask
from edge_agent.drivers.sip.call_needs import CallLine
from edge_agent.drivers.sip.call_states import CALLS, CallState, News
from edge_agent.drivers.sip.dialog import Dialog
from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.info import write_key
from edge_agent.drivers.sip.media import MediaPlan, MediaSession
from edge_agent.drivers.sip.message import Received, Request, Response, integer
from edge_agent.drivers.sip.negotiation import Negotiation, NotAcceptable
from edge_agent.drivers.sip.refresh import Refresh
from edge_agent.drivers.sip.transaction import Transaction
from edge_agent.drivers.sip.transfer import Transfers
from edge_agent.media.digits import KeyCount, Witness
from telecore.causes import Cause, reason_of_cause
from telecore.errors import DeviceRefused, TimedOut

log = logging.getLogger(__name__)

HANG_UP_S = 5.0
"""How long the core waits to see a call ended; the BYE or CANCEL is repeated beyond that."""
_BYE_TRIES = 3
_FRAME_S = 0.02
_WATCH_S = 1.0


class SipCall:
    """A VoiceCall. Events are held back until ``release``, so that none comes before the caller has the handle.

    ``offering``: a 2xx of ours has an offer, whose answer comes with the ACK. ``began_it``: we dialled.

    ``pcm`` is there as soon as media was agreed, before the answer where there is early media. ``detects_dtmf``: keys
    come as events, by RFC 4733 or INFO, each press once.
    """

    def __init__(self, line: CallLine, media: MediaSession, negotiation: Negotiation, state: CallState) -> None:
        self.pcm: PcmStream | None = None
        self.detects_dtmf = line.quirks.digits == "info"
        self.on_event: Callable[[VoiceEvent], None] = _ignore
        self.line = line
        self.media = media
        self.negotiation = negotiation
        self.state = state
        self.dialog: Dialog | None = None
        self.cause: int | None = None
        self.remote_allows: frozenset[str] = frozenset()
        self.refresh = Refresh(self)
        self.transfers = Transfers(self)
        self.over = asyncio.Event()
        self.began_it = state is CallState.DIALLING
        self.offering = False
        self._held: list[VoiceEvent] | None = []
        self._keys = KeyCount()
        self._timers: set[asyncio.TimerHandle] = set()
        self._active_since = 0.0
        self._unacknowledged: dict[int, Transaction] = {}
        """INVITEs that we have accepted, by their numbers: the next may be here before the ACK of one."""
        self._answer_in = 0
        """The INVITE whose ACK has the answer, while ``offering``."""
        self._end_told = False
        media.on_digit = self._rtp_key

    # for the core

    @property
    def keys_apart(self) -> bool:
        """See ``contracts.KeysApart``."""
        return self.detects_dtmf

    async def answer(self) -> None:
        """Raises DeviceRefused when the caller has gone, or for a call of ours."""
        raise DeviceRefused("sip", 481, "this call is not for us to answer")

    async def hang_up(self, cause: int = 16) -> None:
        """End it and see it ended; a far end that does not answer is asked on when this returns. Never raises."""
        if self.learn(News.HANG_UP):
            self.cause = cause
            self._stop()
            self.begin_ending(cause)
        if self.state is not CallState.ENDED:
            waiting = asyncio.ensure_future(self.over.wait())
            await asyncio.wait({waiting}, timeout=HANG_UP_S)
            waiting.cancel()

    async def send_digits(self, digits: str) -> None:
        """By RFC 4733 where it is agreed and the profile does not say INFO. Raises DeviceRefused."""
        keys = [key for key in digits.upper() if key in "0123456789*#ABCD"]
        plan = self.negotiation.plan
        if self.state not in (CallState.ACTIVE, CallState.PROCEEDING) or self.dialog is None:
            raise DeviceRefused("sip", 481, "the call is not connected")
        if plan is not None and plan.dtmf is not None and self.line.quirks.digits != "info":
            await asyncio.sleep(self.media.send_digits("".join(keys)))
            return
        for key in keys:
            await self._send_info(key)

    async def refer(self, uri: str) -> Referred:
        """See ``contracts.Refers``."""
        return await self.transfers.refer(uri)

    # for outbound, inbound and requests

    def begin_ending(self, cause: int) -> None:
        """Send what ends the call now."""
        self.send_bye(cause)

    def learn(self, news: News) -> bool:
        to = CALLS.get((self.state, news))
        if to is None:
            return False
        self.state = to
        return True

    def tell(self, kind: VoiceEventKind, *, cause: int | None = None, digit: str = "") -> None:
        event = VoiceEvent(kind, cause, digit)
        if self._held is None:
            self.on_event(event)
        elif len(self._held) < 100:
            self._held.append(event)

    def release(self) -> None:
        """Somebody listens now."""
        held, self._held = self._held or [], None
        for event in held:
            self.on_event(event)

    def agree(self, plan: MediaPlan) -> None:
        """Media was agreed, for the first time or anew."""
        # Beyond a NAT they announce where nobody reaches them; their sound comes from where their signalling does.
        known = () if self.dialog is None else (self.dialog.hop.address,)
        self.media.plan(replace(plan, sources=known))
        self.pcm = self.media
        told = plan.dtmf is not None and not self.line.quirks.keys_in_sound
        self.detects_dtmf = self.detects_dtmf or told

    def connected(self) -> None:
        """Sound flows from now on, so its absence is watched."""
        self._active_since = self.line.stack.now()
        if self.line.quirks.rtp_dead_s > 0:
            self.later(_WATCH_S, self._watch)

    def end(self, cause: int) -> None:
        """It is over. ``cause`` counts unless we hung up for another."""
        if not self.learn(News.GONE):
            return
        self._stop()
        if self.dialog is not None:
            self.line.stack.leave(self.dialog.call_id, self.dialog.local.tag)
        self.line.over(self)
        self.over.set()
        self.tell_end(cause)

    def tell_end(self, cause: int) -> None:
        """It is over for the core, whatever the far end still answers."""
        if not self._end_told:
            self._end_told = True
            self.tell(VoiceEventKind.ENDED, cause=int(self.cause if self.cause is not None else cause))

    def lose(self, cause: int) -> None:
        """Something went wrong on the way: say BYE, and be over for the core when that is answered or HANG_UP_S after.

        The line stays busy as long as nobody answers: its GSM side may still be up.
        """
        if self.state in (CallState.ENDING, CallState.ENDED):
            return
        log.info("%s: call given up, cause %d", self.line.channel, cause)
        self.learn(News.HANG_UP)
        self.cause = cause
        self._stop()
        self.later(HANG_UP_S, lambda: self.tell_end(cause))
        self.begin_ending(cause)

    def send_bye(self, cause: int) -> None:
        """In the background, until it is answered or three times nobody did."""
        if self.dialog is None or self.line.stack.spawn(self._bye(self.dialog, cause)) is None:
            self.end(cause)

    def later(self, seconds: float, do: Callable[[], None]) -> asyncio.TimerHandle:
        """A timer that ends with the call."""
        handle = self.line.stack.later(seconds, do)
        self._timers.add(handle)
        if len(self._timers) > 16:
            now = asyncio.get_running_loop().time()
            self._timers = {timer for timer in self._timers if not timer.cancelled() and timer.when() > now}
        return handle

    def info_key(self, key: str) -> None:
        """A key by INFO."""
        self.detects_dtmf = True
        self._count_key(Witness.SOUND, key)

    def far_end_left(self, cause: int) -> None:
        """BYE came."""
        self.end(cause)

    def expect_answer(self) -> None:
        self.offering = True

    def accept(self, transaction: Transaction, response: Response) -> None:
        """Send a 2xx, to an INVITE until its ACK comes."""
        if transaction.request.method == "INVITE":
            number = integer(transaction.request.headers.get("cseq"), 1 << 32) or 0
            self._unacknowledged[number] = transaction
            self._answer_in = number if self.offering else 0
        self.line.stack.respond(transaction, response, self)

    # for the stack

    def allows(self, hop: Hop) -> bool:
        """Whether a message from there may be about this call."""
        return self.line.allows(hop)

    def on_request(self, received: Received, transaction: Transaction) -> None:
        """A request in its dialog."""
        requests.serve(self, received, transaction)

    def on_ack(self, received: Received) -> None:
        """The ACK of a 2xx, with the answer in it if the 2xx had the offer. It may come twice, or after the next."""
        number = received.envelope.cseq.number
        accepted = self._unacknowledged.pop(number, None)
        if accepted is None:
            return
        self.line.stack.acknowledged(accepted)
        if self.offering and number == self._answer_in:
            self.offering = False
            try:
                self.agree(self.negotiation.accept(received.message.body))
            except NotAcceptable as refusal:
                log.info("%s: %s", self.line.channel, refusal)
                self.lose(Cause.INTERWORKING)

    def on_cancel(self, received: Received) -> None:
        """Of a re-INVITE, which is answered at once: it comes too late."""

    def on_unacknowledged(self) -> None:
        """Nobody acknowledged our 2xx: RFC 3261 §13.3.1.4 wants a BYE."""
        self._unacknowledged.clear()
        self.lose(Cause.TIMER_EXPIRED)

    def _rtp_key(self, key: str) -> None:
        self._count_key(Witness.MODEM, key)

    def _count_key(self, witness: Witness, key: str) -> None:
        """Boxes set to send both ways tell of each key twice."""
        frame = int(self.line.stack.now() / _FRAME_S)
        if self.state in (CallState.ACTIVE, CallState.PROCEEDING) and self._keys.is_new(witness, key, frame):
            self.tell(VoiceEventKind.DIGIT, digit=key)

    def _stop(self) -> None:
        for handle in self._timers:
            handle.cancel()
        self._timers.clear()
        self.refresh.stop()
        self.media.close()

    def _watch(self) -> None:
        """RFC-less, and needed: a gateway that lost power says no BYE."""
        limit, plan = self.line.quirks.rtp_dead_s, self.negotiation.plan
        ago = self.media.heard_ago()
        silent = self.line.stack.now() - self._active_since
        silent = silent if ago is None else min(ago, silent)
        if plan is not None and not plan.receive:
            self._active_since = self.line.stack.now()  # they hold us: silence is right
        elif silent > limit:
            self.lose(Cause.TEMPORARY_FAILURE)
            return
        self.later(_WATCH_S, self._watch)

    async def _send_info(self, key: str) -> None:
        dialog = self.dialog
        assert dialog is not None

        def make() -> Request:
            return dialog.request("INFO", ("content-type", "application/dtmf-relay"), body=write_key(key))

        try:
            response = await ask(self.line.stack, make, dialog.next_hop(), self.line.authorizer)
        except TimedOut as error:
            raise DeviceRefused("sip", 408, "no answer to INFO") from error
        if response.status >= 300:
            raise DeviceRefused("sip", response.status, response.reason)

    async def _bye(self, dialog: Dialog, cause: int) -> None:
        for _ in range(_BYE_TRIES):
            try:
                response = await ask(
                    self.line.stack,
                    lambda: dialog.request("BYE", ("reason", reason_of_cause(cause))),
                    dialog.next_hop(),
                    self.line.authorizer,
                )
            except TimedOut:
                log.warning("%s: no answer to BYE: the far side of the call may still be up", self.line.channel)
                continue
            if response.status < 500:
                break
        self.end(cause)


def _ignore(event: VoiceEvent) -> None:
    del event
