"""A call that comes: ringing, answer, CANCEL, and reliable provisional responses where they are required (RFC 3262)."""

from __future__ import annotations

import logging

from edge_agent.drivers.sip import requests, session_timer
from edge_agent.drivers.sip.call import SipCall
from edge_agent.drivers.sip.call_needs import CallLine
from edge_agent.drivers.sip.call_states import CallState, News
from edge_agent.drivers.sip.dialog import Dialog
from edge_agent.drivers.sip.media import MediaPlan, MediaSession
from edge_agent.drivers.sip.message import Received, Request, Response, integer, response_to
from edge_agent.drivers.sip.negotiation import Negotiation, NotAcceptable
from edge_agent.drivers.sip.session_timer import SessionTimer
from edge_agent.drivers.sip.transaction import Transaction
from telecore.causes import Cause, cause_of_reason, reason_of_cause, rejection_of
from telecore.errors import DeviceRefused

log = logging.getLogger(__name__)


class InboundCall(SipCall):
    """Not yet answered. The offer is answered at once, so what cannot be agreed never rings."""

    def __init__(
        self, line: CallLine, media: MediaSession, negotiation: Negotiation, received: Received, invite: Transaction
    ) -> None:
        super().__init__(line, media, negotiation, CallState.OFFERED)
        self._received = received
        self._invite = invite
        self._answer_sdp = b""
        self._plan: MediaPlan | None = None
        self._timer: SessionTimer | None = None
        self._rseq = 0
        self._unpracked = False
        self._ringing: Response | None = None
        self._bye_cause: int | None = None
        self._answered = False
        headers = received.message.headers
        self.remote_allows = headers.tokens("allow")
        self.dialog = Dialog.of_request(received, line.stack.token(), 0)

    def offer(self) -> bool:
        """Look at what they want; False: refused, and answered so."""
        request = self._invite.request
        wanted = self.line.quirks.session_expires_s if self.line.quirks.session_timer else None
        try:
            self._timer = session_timer.agree(request.headers, wanted_s=wanted)
            if request.body:
                self._answer_sdp, self._plan = self.negotiation.answer(request.body)
        except session_timer.TooBrief:
            self._reply(422, ("min-se", str(session_timer.MIN_SE)))
        except NotAcceptable as refusal:
            log.warning("%s: a call was refused: %s", self.line.channel, refusal)
            self._reply(488, requests.refusal_of(refusal))
        else:
            assert self.dialog is not None
            self.line.stack.join(self.dialog.call_id, self.dialog.local.tag, self)
            return True
        self.end(Cause.INTERWORKING)
        return False

    def ring(self) -> None:
        """180, and again until the PRACK comes where they require that."""
        headers = [("contact", self.line.contact), ("allow", requests.ALLOW)]
        if "100rel" in self._invite.request.headers.tokens("require"):
            self._rseq = int(self.line.stack.uniform(1, 1 << 30))
            headers += [("require", "100rel"), ("rseq", str(self._rseq))]
        self._ringing = self._reply(180, *headers)
        if self._rseq:
            self._unpracked = True
            self.later(self.line.stack.t1, lambda: self._ring_again(self.line.stack.t1 * 2))

    def _ring_again(self, wait: float) -> None:
        if not self._unpracked or self._ringing is None or self.state is not CallState.OFFERED:
            return
        if wait > self.line.stack.patience:
            self.refuse(504, Cause.TIMER_EXPIRED)  # RFC 3262 §3: no PRACK
            return
        self.line.stack.respond(self._invite, self._ringing)
        self.later(wait, lambda: self._ring_again(wait * 2))

    async def answer(self) -> None:
        """Send the 200; sound flows when this returns. Raises DeviceRefused when the caller has gone."""
        if not self.learn(News.CONNECTED):
            raise DeviceRefused("sip", 487, "the caller has gone")
        self._answered = True
        self._unpracked = False
        body = self._answer_sdp
        if self._plan is not None:
            self.agree(self._plan)
        else:
            body = self.negotiation.offer()
            self.pcm = self.media
            self.expect_answer()
        request = self._invite.request
        headers = [("contact", self.line.contact), ("allow", requests.ALLOW), ("supported", requests.SUPPORTED)]
        headers += [*session_timer.answered(self._timer, request.headers), ("content-type", "application/sdp")]
        self.accept(self._invite, self._response(200, *headers, body=body))
        self.refresh.start(self._timer)
        self.connected()

    def begin_ending(self, cause: int) -> None:
        """A refusal before the answer, else a BYE, which must not overtake the ACK (§15)."""
        if not self._answered:
            self.refuse(rejection_of(cause), cause)
        elif self._unacknowledged:
            self._bye_cause = cause
        else:
            self.send_bye(cause)

    def on_cancel(self, received: Received) -> None:
        """CANCEL came; after the answer it means nothing (§9.2)."""
        if self.state is CallState.OFFERED:
            cause = cause_of_reason(received.message.headers.all("reason"))
            self.refuse(487, cause or Cause.NORMAL_CLEARING)

    def far_end_left(self, cause: int) -> None:
        if self.state is CallState.OFFERED:
            self.refuse(487, cause)
        else:
            self.end(cause)

    def on_ack(self, received: Received) -> None:
        super().on_ack(received)
        self._bye_at_last()

    def on_unacknowledged(self) -> None:
        super().on_unacknowledged()
        self._bye_at_last()

    def on_request(self, received: Received, transaction: Transaction) -> None:
        message = received.message
        if isinstance(message, Request) and message.method == "PRACK":
            self._prack(message, transaction)
        else:
            super().on_request(received, transaction)

    def _prack(self, request: Request, transaction: Transaction) -> None:
        rack = integer(request.headers.get("rack"), 1 << 32)
        known = self._rseq != 0 and rack == self._rseq
        self._unpracked = self._unpracked and not known
        requests.reply(self, transaction, 200 if known else 481)

    def _bye_at_last(self) -> None:
        if self._unacknowledged:
            return
        cause, self._bye_cause = self._bye_cause, None
        if cause is not None:
            self.send_bye(cause)

    def refuse(self, status: int, cause: int = Cause.NORMAL_UNSPECIFIED) -> None:
        """Before the answer; the call is over with it."""
        self._reply(status, ("reason", reason_of_cause(cause)))
        self.end(cause)

    def _reply(self, status: int, *headers: tuple[str, str]) -> Response:
        response = self._response(status, *headers)
        self.line.stack.respond(self._invite, response)
        return response

    def _response(self, status: int, *headers: tuple[str, str], body: bytes = b"") -> Response:
        assert self.dialog is not None
        return response_to(self._invite.request, status, *headers, tag=self.dialog.local.tag, body=body)
