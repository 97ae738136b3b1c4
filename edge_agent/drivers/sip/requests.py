"""What the far end asks within a call: BYE, re-INVITE, UPDATE, INFO and the rest, by a table of methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from edge_agent.drivers.sip import session_timer
from edge_agent.drivers.sip.call_states import CallState
from edge_agent.drivers.sip.info import read_key
from edge_agent.drivers.sip.message import Received, Request, Response, response_to
from edge_agent.drivers.sip.negotiation import NotAcceptable
from edge_agent.drivers.sip.transaction import Transaction
from telecore.causes import Cause, cause_of_reason

if TYPE_CHECKING:
    from edge_agent.drivers.sip.call import SipCall

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, MESSAGE"
SUPPORTED = "timer, 100rel"
KNOWN = frozenset(ALLOW.lower().split(", ")) | {"register"}
OTHERS = frozenset({"refer", "subscribe", "notify", "publish"})
"""Methods there are, and that we do not serve: 405 or 489 instead of 501."""

Handler = Callable[["SipCall", Received, Request, Transaction], None]


def serve(call: SipCall, received: Received, transaction: Transaction) -> None:
    """Answer a request in the call's dialog, other than ACK, CANCEL and PRACK."""
    request = received.message
    assert isinstance(request, Request)
    dialog = call.dialog
    if dialog is None or call.state is CallState.ENDED:
        reply(call, transaction, 481)
    elif not dialog.in_order(received):
        reply(call, transaction, 500)  # §12.2.2
    else:
        _HANDLERS.get(request.method, _other)(call, received, request, transaction)


def reply(
    call: SipCall, transaction: Transaction, status: int, *headers: tuple[str, str], body: bytes = b""
) -> Response:
    """Send it, with our tag."""
    tag = call.dialog.local.tag if call.dialog is not None else ""
    response = response_to(transaction.request, status, *headers, tag=tag, body=body)
    call.line.stack.respond(transaction, response)
    return response


def refusal_of(refusal: NotAcceptable) -> tuple[str, str]:
    """Why, for whoever reads a trace at the other end (RFC 3261 §20.43)."""
    return ("warning", f'399 simferry "{str(refusal)[:120]}"')


def _bye(call: SipCall, received: Received, request: Request, transaction: Transaction) -> None:
    del received
    reply(call, transaction, 200)
    call.far_end_left(cause_of_reason(request.headers.all("reason")) or Cause.NORMAL_CLEARING)


def _invite(call: SipCall, received: Received, request: Request, transaction: Transaction) -> None:
    del received
    if call.state is not CallState.ACTIVE:
        # Theirs, while the first is not answered: §14.2 wants 500 and a moment; while ours is, 491.
        reply(call, transaction, 500, ("retry-after", "2"))
    elif call.refresh.pending or call.offering:
        reply(call, transaction, 491)
    else:
        _renegotiate(call, request, transaction)


def _renegotiate(call: SipCall, request: Request, transaction: Transaction) -> None:
    dialog = call.dialog
    assert dialog is not None
    try:
        timer = session_timer.agree(request.headers, wanted_s=None)
    except session_timer.TooBrief:
        reply(call, transaction, 422, ("min-se", str(session_timer.MIN_SE)))
        return
    body = b""
    if request.body:
        try:
            body, plan = call.negotiation.answer(request.body)
        except NotAcceptable as refusal:
            reply(call, transaction, 488, refusal_of(refusal))
            return
        call.agree(plan)
    elif request.method == "INVITE":
        body = call.negotiation.offer()
        call.expect_answer()
    dialog.refresh(request.headers)
    headers = [("contact", call.line.contact), ("allow", ALLOW), ("supported", SUPPORTED)]
    headers += session_timer.answered(timer, request.headers)
    if body:
        headers.append(("content-type", "application/sdp"))
    call.accept(transaction, response_to(request, 200, *headers, body=body))
    if timer is not None:
        call.refresh.start(timer)


def _update(call: SipCall, received: Received, request: Request, transaction: Transaction) -> None:
    """RFC 3311. Without an SDP it is a refresh."""
    del received
    if call.state not in (CallState.ACTIVE, CallState.PROCEEDING, CallState.OFFERED):
        reply(call, transaction, 481)
    elif request.body and (call.refresh.pending or call.offering):
        reply(call, transaction, 491)
    elif request.body and call.negotiation.plan is None:
        reply(call, transaction, 500, ("retry-after", "2"))
    else:
        _renegotiate(call, request, transaction)


def _info(call: SipCall, received: Received, request: Request, transaction: Transaction) -> None:
    del received
    kind = request.headers.get("content-type") or ""
    key = read_key(kind, request.body)
    if key is not None:
        call.info_key(key)
    known = key is not None or not request.body or kind.lower().startswith("application/dtmf")
    reply(call, transaction, 200 if known else 415, *([] if known else [("accept", "application/dtmf-relay")]))


def _notify(call: SipCall, received: Received, request: Request, transaction: Transaction) -> None:
    del received
    reply(call, transaction, call.transfers.notified(request))


def _message(call: SipCall, received: Received, request: Request, transaction: Transaction) -> None:
    del request
    call.line.take_message(received, transaction)


def _options(call: SipCall, received: Received, request: Request, transaction: Transaction) -> None:
    del received, request
    reply(call, transaction, 200, ("allow", ALLOW), ("accept", "application/sdp"), ("supported", SUPPORTED))


def _other(call: SipCall, received: Received, request: Request, transaction: Transaction) -> None:
    del received
    status, headers = refuse_method(request.method)
    reply(call, transaction, status, *headers)


def refuse_method(method: str) -> tuple[int, list[tuple[str, str]]]:
    """489 for events, 405 for what we know and do not do here, 501 for the rest (§8.2.1, RFC 6665 §4.1.2.2)."""
    if method in ("SUBSCRIBE", "NOTIFY", "PUBLISH"):
        return 489, []
    return (405 if method.lower() in KNOWN | OTHERS else 501), [("allow", ALLOW)]


_HANDLERS: Mapping[str, Handler] = {
    "BYE": _bye, "INVITE": _invite, "UPDATE": _update, "INFO": _info, "MESSAGE": _message, "NOTIFY": _notify,
    "OPTIONS": _options,
}  # fmt: skip
