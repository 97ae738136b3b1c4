"""A call that we make: INVITE, early dialogs, forks, CANCEL and its race with the 200 (RFC 3261 §9, §13, RFC 3262)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from edge_agent.contracts import VoiceEventKind
from edge_agent.drivers.sip import requests, session_timer
from edge_agent.drivers.sip.answer_ear import AnswerEar
from edge_agent.drivers.sip.asking import Authorizer, Unheard, ask
from edge_agent.drivers.sip.call import SipCall
from edge_agent.drivers.sip.call_needs import CallLine
from edge_agent.drivers.sip.call_states import CallState, News
from edge_agent.drivers.sip.dialog import Dialog
from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.listening import Listening
from edge_agent.drivers.sip.media import MediaSession
from edge_agent.drivers.sip.message import CSeq, Headers, Received, Request, Response, integer
from edge_agent.drivers.sip.negotiation import Negotiation, NotAcceptable
from edge_agent.drivers.sip.ring_tone import RingEar
from edge_agent.drivers.sip.settings import AnswerMode
from edge_agent.drivers.sip.transaction import Transaction
from telecore.causes import Cause, cause_of_reason, cause_of_sip, reason_of_cause
from telecore.errors import TimedOut

log = logging.getLogger(__name__)

_FORKS = 16
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Target:
    """Whom an INVITE is for. ``extra``: further headers (Route, Privacy, P-Asserted-Identity)."""

    uri: str
    hop: Hop
    sender: str
    recipient: str
    extra: tuple[tuple[str, str], ...] = field(default=())


class OutboundCall(SipCall):
    """With ``answer: alerted`` a 200 is told as RINGING, and ANSWERED follows when somebody is heard (AnswerEar)."""

    def __init__(
        self,
        line: CallLine,
        media: MediaSession,
        negotiation: Negotiation,
        target: Target,
        *,
        authorizer: Authorizer,
        call_id: str,
    ) -> None:
        super().__init__(line, media, negotiation, CallState.DIALLING)
        self._target = target
        self._authorizer = authorizer
        self._call_id = call_id
        self._tag = line.stack.token()
        self._offer = negotiation.offer()
        self._seq = 0
        self._tries = 0
        self._interval = line.quirks.session_expires_s
        self._invite: Transaction | None = None
        self._provisional = False
        self._cancelled = False
        self._rang = False
        self._listening = Listening(media)
        self._early_sdp: set[str] = set()
        self._reliable: dict[str, int] = {}
        self._acks: dict[str, tuple[Request, Hop]] = {}

    def start(self) -> None:
        """Send the INVITE."""
        self.line.stack.join(self._call_id, self._tag, self)
        self._send_invite()

    def _send_invite(self) -> None:
        self._tries += 1
        self._seq += 1
        self._provisional = False
        target = self._target
        headers = [
            ("max-forwards", "70"),
            ("from", f"{target.sender};tag={self._tag}"),
            ("to", target.recipient),
            ("call-id", self._call_id),
            ("cseq", str(CSeq(self._seq, "INVITE"))),
            ("contact", self.line.contact),
            ("allow", requests.ALLOW),
            ("supported", requests.SUPPORTED),
            ("content-type", "application/sdp"),
            *target.extra,
        ]
        if self.line.quirks.session_timer:
            headers += session_timer.offered(self._interval)
        request = self._authorizer.sign(Request("INVITE", target.uri, Headers(headers), self._offer))
        self._invite = self.line.stack.send_request(request, target.hop, self)

    # what comes back

    def on_response(self, received: Received) -> None:
        """A response to the INVITE."""
        message = received.message
        assert isinstance(message, Response)
        if message.status < 200:
            self._progress(received, message)
        elif message.status < 300:
            self._accepted(received, message)
        else:
            self._refused(message)

    def on_timeout(self) -> None:
        self.end(Cause.TIMER_EXPIRED)

    def _progress(self, received: Received, response: Response) -> None:
        self._provisional = True
        self.learn(News.PROGRESS)
        if self.state is CallState.ENDING:
            self._send_cancel()
            return
        if self.state is not CallState.PROCEEDING:
            return
        tag = received.envelope.recipient.tag
        if tag and response.status > 100:
            self._early(received, response, tag)
        if response.status == 180:
            self._ringing()

    def _early(self, received: Received, response: Response, tag: str) -> None:
        if self.dialog is None or self.dialog.remote.tag != tag:
            self.dialog = Dialog.of_response(received, self._target.uri)
        self._learn_methods(response)
        if "100rel" in response.headers.tokens("require") and not self._first_time(response, tag):
            return
        if response.body:
            try:
                plan = self.negotiation.accept(response.body)
            except NotAcceptable as refusal:
                log.info("%s: early media: %s", self.line.channel, refusal)
                return
            self._early_sdp.add(tag)
            self.agree(plan)
            if not self._rang and not self._listening.on:
                self._listening.start(RingEar().feed, self._ringing)

    def _first_time(self, response: Response, tag: str) -> bool:
        """A reliable 1xx is acknowledged by PRACK, in its order, repetitions too (RFC 3262 §4)."""
        number, dialog = integer(response.headers.get("rseq"), 1 << 32), self.dialog
        known = self._reliable.get(tag)
        if number is None or dialog is None or (known is not None and number > known + 1):
            return False
        if known is not None and number <= known:
            return False
        if len(self._reliable) < _FORKS:
            self._reliable[tag] = number
        rack = f"{number} {CSeq(self._seq, 'INVITE')}"
        self.line.stack.spawn(self._prack(dialog, rack))
        return True

    async def _prack(self, dialog: Dialog, rack: str) -> None:
        try:
            await ask(
                self.line.stack, lambda: dialog.request("PRACK", ("rack", rack)), dialog.next_hop(), self._authorizer
            )
        except TimedOut:
            log.info("%s: no answer to PRACK", self.line.channel)

    def _accepted(self, received: Received, response: Response) -> None:
        tag = received.envelope.recipient.tag
        if tag in self._acks:
            self.line.stack.send_ack(*self._acks[tag])
            return
        if len(self._acks) >= _FORKS:
            return
        fork = Dialog.of_response(received, self._target.uri)
        if self.dialog is not None:
            fork.local_seq = max(fork.local_seq, self.dialog.local_seq)
        ack = fork.ack(received.envelope.cseq.number, *self._proof())
        first = not self._acks
        self._acks[tag] = (ack, fork.next_hop())
        self.line.stack.send_ack(*self._acks[tag])
        if not first or self.state is CallState.ENDED:
            self._drop(fork)  # another branch answered too, or the 200 came after the end: nobody may stay in a call
            return
        self.dialog = fork
        self._learn_methods(response)
        if self.state is CallState.ENDING:
            self.send_bye(self.cause or Cause.NORMAL_CLEARING)
            return
        self._connect(response, tag)

    def _connect(self, response: Response, tag: str) -> None:
        try:
            if response.body or tag not in self._early_sdp:
                self.agree(self.negotiation.accept(response.body))
        except NotAcceptable as refusal:
            log.info("%s: %s", self.line.channel, refusal)
            self.lose(Cause.INTERWORKING)
            return
        self.learn(News.CONNECTED)
        asked = self._interval if self.line.quirks.session_timer else None
        self.refresh.start(session_timer.accepted(response.headers, ours=asked))
        self.connected()
        self._listening.stop()
        if self.line.quirks.answer is AnswerMode.ALERTED:
            self._ringing()
            self._listening.start(AnswerEar().feed, lambda: self.tell(VoiceEventKind.ANSWERED))
        else:
            self.tell(VoiceEventKind.ANSWERED)

    def _refused(self, response: Response) -> None:
        tried = self._authorizer.ready and self._tries > 1
        if self.state is CallState.ENDING or self._tries >= _TRIES:
            self.end(self._cause(response))
        elif self._authorizer.learn(response, tried=tried):
            self._send_invite()
        elif response.status == 422 and self.line.quirks.session_timer:
            self._interval = session_timer.raised(response.headers, self._interval)
            self._send_invite()
        else:
            self.end(self._cause(response))

    def _cause(self, response: Response) -> int:
        if response.status == 480 and self.line.quirks.busy_480:
            return Cause.USER_BUSY
        reasons = response.headers.all("reason")
        if response.status in self.line.quirks.vague:
            return cause_of_reason(reasons) or Cause.NORMAL_UNSPECIFIED
        return cause_of_sip(response.status, reasons)

    def _ringing(self) -> None:
        self._listening.stop()
        if not self._rang:
            self._rang = True
            self.tell(VoiceEventKind.RINGING)

    # how it is ended before its answer

    def begin_ending(self, cause: int) -> None:
        """CANCEL after a 1xx, as soon as there is one; BYE once it is answered."""
        if self._acks:
            self.send_bye(cause)
        elif self._provisional:
            self._send_cancel()

    def _send_cancel(self) -> None:
        if self._cancelled or self._invite is None:
            return
        self._cancelled = True
        self.line.stack.send_cancel(self._invite, _Cancelled(self))
        self.later(self.line.stack.patience, lambda: self.end(Cause.NORMAL_CLEARING))  # §9.1: it counts as cancelled

    def end(self, cause: int) -> None:
        super().end(cause)
        self.line.stack.leave(self._call_id, self._tag)

    def _drop(self, fork: Dialog) -> None:
        self.line.stack.spawn(self._bye_fork(fork))

    async def _bye_fork(self, fork: Dialog) -> None:
        try:
            await ask(
                self.line.stack,
                lambda: fork.request("BYE", ("reason", reason_of_cause(Cause.NORMAL_CLEARING))),
                fork.next_hop(),
                self._authorizer,
            )
        except TimedOut:
            log.warning("%s: no answer to the BYE of a fork", self.line.channel)

    def _learn_methods(self, response: Response) -> None:
        allowed = response.headers.tokens("allow")
        self.remote_allows = allowed or self.remote_allows

    def _proof(self) -> list[tuple[str, str]]:
        """An ACK has the INVITE's credentials (§22.1)."""
        if self._invite is None:
            return []
        sent = self._invite.request.headers
        names = ("authorization", "proxy-authorization")
        return [(name, value) for name in names for value in sent.all(name)]

    def on_request(self, received: Received, transaction: Transaction) -> None:
        """One in another fork than the one that counts ends that fork only."""
        dialog = self.dialog
        if dialog is not None and received.envelope.sender.tag != dialog.remote.tag:
            bye = received.message.method == "BYE" if isinstance(received.message, Request) else False
            requests.reply(self, transaction, 200 if bye else 481)
            return
        super().on_request(received, transaction)


class _Cancelled(Unheard):
    """What is said to our CANCEL. Who knows no such transaction (481) has lost the call and says no more of it;
    a 200 to the INVITE that crosses it is still answered by BYE."""

    def __init__(self, call: OutboundCall) -> None:
        self._call = call

    def on_response(self, received: Received) -> None:
        message = received.message
        if isinstance(message, Response) and message.status == 481:
            self._call.end(Cause.NORMAL_CLEARING)
