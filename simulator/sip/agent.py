"""The user agent on one UDP port: finds whose a message is, and answers what is nobody's (RFC 3261 §8, §12)."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from simulator.sip import digest
from simulator.sip.digest import Account
from simulator.sip.manner import Manner
from simulator.sip.message import Address, Message, SipSyntaxError, parameter, parse, render
from simulator.sip.sockets import HOST, Datagrams, Received
from simulator.sip.transactions import ClientTransaction, ServerTransaction
from simulator.timing import Timers

log = logging.getLogger(__name__)

PHRASES = {
    100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 400: "Bad Request", 401: "Unauthorized",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
    415: "Unsupported Media Type", 420: "Bad Extension", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 484: "Address Incomplete", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending", 500: "Server Internal Error",
    501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 603: "Decline",
}  # fmt: skip
MOST_TRANSACTIONS = 2000
CREDENTIALS = {401: ("www-authenticate", "Authorization"), 407: ("proxy-authenticate", "Proxy-Authorization")}
Headers = list[tuple[str, str]]


class DialogUser(Protocol):
    """A call that is known by its Call-ID and our tag."""

    def requested(self, request: Message, transaction: ServerTransaction) -> None:
        """A request within the dialog, but ACK."""

    def acknowledged(self, request: Message) -> None:
        """The ACK of a 2xx."""


class Asking:
    """A request of ours; `request` is what was sent last, which is another one after a challenge."""

    def __init__(self, request: Message, to: Address) -> None:
        self.request = request
        self.to = to


Answered = Callable[[Message | None], None]


@dataclass(frozen=True, slots=True)
class _ServerKey:
    branch: str
    method: str
    call_id: str
    sequence: int


class UserAgent:
    """`invited` hears of INVITEs that begin a call, `messaged` of MESSAGE, which it answers."""

    def __init__(self, opened: Callable[[Received], Datagrams], timers: Timers, manner: Manner) -> None:
        self.manner = manner
        self.timers = timers
        self.invited: Callable[[Message, ServerTransaction], None] = self.refuse_call
        self._socket = opened(self.received)
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        self._servers: dict[_ServerKey, ServerTransaction] = {}
        self.dialogs: dict[tuple[str, str], DialogUser] = {}

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._socket.port

    def contact(self, user: str) -> str:
        """The value of our Contact."""
        return f"<sip:{user}@{HOST}:{self.port}{self.manner.contact}>"

    def close(self) -> None:
        """At once, and without a word to anybody."""
        for client in self._clients.values():
            client.stop()
        for server in self._servers.values():
            server.stop()
        self._clients.clear()
        self._servers.clear()
        self.dialogs.clear()
        self._socket.close()

    def send_raw(self, data: bytes, to: Address) -> None:
        """Octets that are no SIP."""
        self._socket.send(data, to)

    # ------------------------------------------------------------------------------------ requests

    def via(self) -> tuple[str, str]:
        """A Via with a new branch."""
        return "Via", f"SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bK{secrets.token_hex(8)};rport"

    def ask(self, request: Message, to: Address, answered: Answered, account: Account | None = None) -> Asking:
        """Send a request; `answered` gets the responses, or None. A challenge is answered once with the account."""
        asking = Asking(request, to)
        self._begin(asking, answered, account)
        return asking

    def send(self, message: Message, to: Address) -> None:
        """Without a transaction: an ACK of a 2xx."""
        self._socket.send(render(message, self.manner.spelling), to)

    def _begin(self, asking: Asking, answered: Answered, account: Account | None) -> None:
        request = asking.request
        key = (request.branch, request.method)

        def heard(response: Message | None) -> None:
            if account is None or response is None or not self._authorised(asking, response, account):
                answered(response)
            else:
                self._begin(asking, answered, None)

        self._clients[key] = ClientTransaction(
            request,
            lambda message: self.send(message, asking.to),
            heard,
            timers=self.timers,
            waits=self.manner.waits,
            over=lambda: self._forget_client(key),
        )

    def _forget_client(self, key: tuple[str, str]) -> None:
        self._clients.pop(key, None)

    def _forget_server(self, key: _ServerKey) -> None:
        self._servers.pop(key, None)

    def _authorised(self, asking: Asking, response: Message, account: Account) -> bool:
        """Put credentials into the request when the response asks for them."""
        request = asking.request
        if response.status not in CREDENTIALS:
            return False
        asked, given = CREDENTIALS[response.status]
        value = digest.answer(response.all(asked), account, request.method, request.uri, self.manner.digest)
        if value is None:
            return False
        number = request.cseq[0] + (0 if self.manner.cseq_kept else 1)
        renewed = {"Via": self.via()[1], "CSeq": f"{number} {request.method}"}
        headers = [(name, renewed.get(name, text)) for name, text in request.headers]
        asking.request = replace(request, headers=(*headers, (given, value)))
        return True

    # ----------------------------------------------------------------------------------- responses

    def response(
        self, request: Message, status: int, tag: str = "", *, more: Headers | None = None, body: bytes = b""
    ) -> Message:
        """A response to a request."""
        headers: Headers = [("Via", value) for value in request.all("via")]
        if request.method == "INVITE" and status < 300:
            headers += [("Record-Route", value) for value in request.all("record-route")]
        to = request.get("to")
        if tag and not parameter(to, "tag"):
            to += f";tag={tag}"
        headers += [("From", request.get("from")), ("To", to)]
        headers += [("Call-ID", request.call_id), ("CSeq", request.get("cseq"))]
        headers += [*(more or []), ("User-Agent", self.manner.product)]
        return Message(tuple(headers), body, status=status, reason=PHRASES.get(status, "Failure"))

    def allow(self) -> tuple[str, str]:
        """What we understand."""
        return "Allow", ", ".join(self.manner.allow)

    def refuse_call(self, request: Message, transaction: ServerTransaction) -> None:
        """Nobody takes calls here."""
        transaction.respond(self.response(request, 404, new_tag()))

    # ------------------------------------------------------------------------------------ incoming

    def received(self, data: bytes, source: Address) -> None:
        """A datagram."""
        if not data.strip(b"\0\r\n"):
            return  # a keep-alive
        try:
            message = parse(data)
        except SipSyntaxError as error:
            log.info("a datagram of %d octets is no SIP: %s", len(data), error)
            return
        if message.status:
            client = self._clients.get((message.branch, message.cseq[1]))
            if client is not None:
                client.received(message)
        else:
            self._request(_with_source(message, source), source)

    def _request(self, request: Message, source: Address) -> None:
        method = request.method
        key = _ServerKey(request.branch, method, request.call_id, request.cseq[0])
        if method == "ACK":
            self._acknowledged(request)
        elif key in self._servers:
            self._servers[key].repeat()
        elif len(self._servers) < MOST_TRANSACTIONS:
            transaction = ServerTransaction(
                request,
                source,
                self.send,
                timers=self.timers,
                waits=self.manner.waits,
                over=lambda: self._forget_server(key),
            )
            self._servers[key] = transaction
            self._handle(request, transaction)

    def _acknowledged(self, ack: Message) -> None:
        for key, transaction in self._servers.items():
            same = (key.call_id, key.sequence, key.method) == (ack.call_id, ack.cseq[0], "INVITE")
            if same and transaction.final:
                transaction.acknowledged()
        user = self.dialogs.get((ack.call_id, parameter(ack.get("to"), "tag")))
        if user is not None:
            user.acknowledged(ack)

    def _handle(self, request: Message, transaction: ServerTransaction) -> None:
        method, tag = request.method, parameter(request.get("to"), "tag")
        if method == "CANCEL":
            self._cancel(request, transaction)
        elif tag:
            user = self.dialogs.get((request.call_id, tag))
            if user is None:
                transaction.respond(self.response(request, 481))
            else:
                user.requested(request, transaction)
        elif method == "INVITE":
            self._invite(request, transaction)
        elif method == "OPTIONS":
            transaction.respond(self.response(request, 200, new_tag(), more=[self.allow()]))
        elif method in ("SUBSCRIBE", "NOTIFY"):
            transaction.respond(self.response(request, 489, new_tag()))
        else:
            transaction.respond(self.response(request, 405, new_tag(), more=[self.allow()]))

    def _invite(self, request: Message, transaction: ServerTransaction) -> None:
        wanted = [name for value in request.all("require") for name in value.replace(",", " ").split()]
        if wanted:
            unsupported = [("Unsupported", ", ".join(wanted))]
            transaction.respond(self.response(request, 420, new_tag(), more=unsupported))
            return
        transaction.respond(self.response(request, 100))
        self.invited(request, transaction)

    def _cancel(self, request: Message, transaction: ServerTransaction) -> None:
        for key, invite in list(self._servers.items()):
            same = (key.call_id, key.sequence, key.method) == (request.call_id, request.cseq[0], "INVITE")
            if same and key.branch == request.branch:
                transaction.respond(self.response(request, 200, new_tag()))
                if not invite.final:
                    invite.cancelled()
                return
        transaction.respond(self.response(request, 481, new_tag()))


def new_tag() -> str:
    """For From or To."""
    return secrets.token_hex(5)


def _with_source(request: Message, source: Address) -> Message:
    """The topmost Via tells where the request really came from (RFC 3261 §18.2.1, RFC 3581 §4)."""
    vias = request.all("via")
    top = vias[0].replace(";rport=", ";x-rport=").replace(";rport", f";rport={source[1]}", 1)
    vias[0] = f"{top};received={source[0]}"
    others = [(name, value) for name, value in request.headers if name != "via"]
    return replace(request, headers=(*(("via", via) for via in vias), *others))
