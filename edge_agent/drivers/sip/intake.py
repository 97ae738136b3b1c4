"""What becomes of what arrives: who may speak, how often, to which transaction, dialog or far end it belongs."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from edge_agent.drivers.sip import requests
from edge_agent.drivers.sip.call_needs import DialogOwner
from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.layer import TransactionLayer
from edge_agent.drivers.sip.limits import Rates, Strangers
from edge_agent.drivers.sip.message import (
    BadRequest,
    Received,
    Request,
    Response,
    Via,
    mark_via,
    parse,
    parse_via,
    response_to,
)
from edge_agent.drivers.sip.settings import SipSettings, Transport
from edge_agent.drivers.sip.trace import Trace
from edge_agent.drivers.sip.transaction import Transaction
from telecore.errors import RemoteProtocolError

log = logging.getLogger(__name__)

SUPPORTED = frozenset({"timer", "100rel"})


class FarEnd(Protocol):
    """A peer, as the intake knows it."""

    @property
    def addresses(self) -> Iterable[str]:
        """Numeric ones; they change."""

    @property
    def networks(self) -> Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]: ...
    @property
    def roams(self) -> bool:
        """It may register from anywhere, with a digest."""

    def claims(self, received: Received) -> int:
        """How sure it is that a request is for it: 0 not at all. For several far ends at one address."""

    def on_request(self, received: Received, transaction: Transaction) -> None:
        """A request outside of a dialog."""


class Intake:
    """``send`` sends octets, ``respond`` answers a transaction."""

    def __init__(
        self,
        settings: SipSettings,
        layer: TransactionLayer,
        send: Callable[[bytes, Hop], None],
        *,
        now: Callable[[], float],
        on_stranger: Callable[[str, str], None],
        tag: Callable[[], str],
    ) -> None:
        self._layer = layer
        self._send = send
        self._now = now
        self._on_stranger = on_stranger
        self._tag = tag
        self._known = Rates(settings.requests_per_s)
        self._unknown = Rates(settings.unknown_per_s)
        self._peers: list[FarEnd] = []
        self.strangers = Strangers()
        self.trace = Trace(settings.trace_messages)
        self.dialogs: dict[tuple[str, str], DialogOwner] = {}
        self.malformed = 0
        self.dropped = 0

    def join(self, peer: FarEnd) -> None:
        self._peers.append(peer)

    def leave(self, peer: FarEnd) -> None:
        if peer in self._peers:
            self._peers.remove(peer)

    def take(self, data: bytes, hop: Hop) -> None:
        """A datagram, or a message of a connection."""
        now = self._now()
        peers = self._peers_at(hop.address)
        if len(data) <= 4 or not data.strip(b"\r\n\0 \t"):
            if peers and data == b"\r\n\r\n":
                self._send(b"\r\n", hop)  # RFC 5626 §3.5.1
            return
        if not peers:
            self._take_from_stranger(data, hop, now)
            return
        if not data.startswith(b"SIP/") and not self._known.allows(hop.address, now):
            self.dropped += 1
            return
        self.trace.note(hop.address, data, now, sent=False)
        received = self._parse(data, hop)
        if received is not None:
            self._dispatch(received, peers, now)

    def _peers_at(self, address: str) -> list[FarEnd]:
        found = [peer for peer in self._peers if address in peer.addresses]
        networked = [peer for peer in self._peers if peer.networks and peer not in found]
        if networked:
            try:
                numeric = ipaddress.ip_address(address)
            except ValueError:
                return found
            found += [peer for peer in networked if any(numeric in network for network in peer.networks)]
        return found

    def _take_from_stranger(self, data: bytes, hop: Hop, now: float) -> None:
        tried = data[:32].split(None, 1)[0].decode("ascii", "replace") if data.strip() else ""
        tried = "a response" if tried.upper().startswith("SIP/") else "".join(c for c in tried[:16] if c.isprintable())
        register = tried.upper() == "REGISTER"
        roaming = [peer for peer in self._peers if peer.roams] if register else []
        if self.strangers.note(hop.address, tried, now) and not roaming:
            log.warning("SIP from %s, which is none of our far ends: %s", hop.address, tried)
            self._on_stranger(hop.address, tried)
        if tried == "a response" or not self._unknown.allows(hop.address, now):
            self.dropped += 1
            return
        received = self._parse(data, hop)
        if received is None or not isinstance(received.message, Request) or received.message.method == "ACK":
            return
        if roaming:
            self._dispatch(received, roaming, now)
        else:
            self._answer(received.message, response_hop(received.envelope.via, hop), 403)

    def _parse(self, data: bytes, hop: Hop) -> Received | None:
        try:
            received = parse(data, hop)
        except BadRequest as error:
            self.malformed += 1
            self._refuse_malformed(error, hop)
            return None
        except RemoteProtocolError as error:
            self.malformed += 1
            log.debug("from %s: %s", hop, error)
            return None
        message, envelope = received.message, received.envelope
        if isinstance(message, Response):
            return received
        vias = [mark_via(envelope.via, hop.address, hop.port), *message.headers.listed("via")[1:]]
        headers = message.headers.with_(*(("via", via) for via in vias))
        return Received(Request(message.method, message.uri, headers, message.body), envelope, hop)

    def _refuse_malformed(self, error: BadRequest, hop: Hop) -> None:
        log.info("from %s: %s", hop, error)
        try:
            via = parse_via(error.request.headers.listed("via")[0])
        except (RemoteProtocolError, IndexError):
            return
        self._answer(error.request, response_hop(via, hop), 400)

    def _answer(self, request: Request, to: Hop, status: int) -> None:
        """Without a transaction, so that nothing is kept of who sent it."""
        self._send(bytes(response_to(request, status, tag=self._tag())), to)

    def _dispatch(self, received: Received, peers: list[FarEnd], now: float) -> None:
        message = received.message
        if isinstance(message, Response):
            self._layer.response(received, now)
        elif message.method == "ACK":
            if not self._layer.ack(received, now):
                owner = self._owner(received)
                if owner is not None:
                    owner.on_ack(received)
        else:
            hop = response_hop(received.envelope.via, received.hop)
            transaction = self._layer.request(received, hop, now)
            if transaction is not None:
                self._serve(received, message, transaction, peers)

    def _serve(self, received: Received, request: Request, transaction: Transaction, peers: list[FarEnd]) -> None:
        if request.method == "CANCEL":
            self._cancel(received, transaction)
            return
        if request.method == "INVITE":
            self._respond(transaction, response_to(request, 100))
        unknown = request.headers.tokens("require") - SUPPORTED
        if unknown:
            self._refuse(transaction, 420, ("unsupported", ", ".join(sorted(unknown))[:200]))
        elif received.envelope.recipient.tag:
            owner = self._owner(received)
            if owner is not None:
                owner.on_request(received, transaction)
            else:
                self._refuse(transaction, 481)
        elif self._layer.merged(received, transaction):
            self._refuse(transaction, 482)
        else:
            self._serve_outside(received, request, transaction, peers)

    def _serve_outside(
        self, received: Received, request: Request, transaction: Transaction, peers: list[FarEnd]
    ) -> None:
        if request.method in ("INVITE", "OPTIONS", "REGISTER", "MESSAGE"):
            peer = peers[0] if len(peers) == 1 else max(peers, key=lambda peer: peer.claims(received))
            peer.on_request(received, transaction)
        elif request.method in ("BYE", "INFO", "UPDATE", "PRACK"):
            self._refuse(transaction, 481)
        else:
            status, headers = requests.refuse_method(request.method)
            self._refuse(transaction, status, *headers)

    def _cancel(self, received: Received, transaction: Transaction) -> None:
        invite = self._layer.invite_of(received)
        self._refuse(transaction, 481 if invite is None else 200)
        if invite is not None and invite.server is not None:
            invite.server.on_cancel(received)

    def _owner(self, received: Received) -> DialogOwner | None:
        owner = self.dialogs.get((received.envelope.call_id, received.envelope.recipient.tag))
        return owner if owner is not None and owner.allows(received.hop) else None

    def _refuse(self, transaction: Transaction, status: int, *headers: tuple[str, str]) -> None:
        self._respond(transaction, response_to(transaction.request, status, *headers, tag=self._tag()))

    def _respond(self, transaction: Transaction, response: Response) -> None:
        self._layer.respond(transaction, response, self._now())


def response_hop(via: Via, source: Hop) -> Hop:
    """RFC 3581 §4, RFC 3261 §18.2.2. Where the Via names another host than the sender's, a NAT lies between, and the
    port it names is not the one that leads back."""
    if source.transport is not Transport.UDP or "rport" in via.params or via.host != source.address:
        return source
    given = via.text.partition(";")[0]
    if via.port is None:
        return source if ":" in given.rpartition(" ")[2] and not given.endswith("]") else Hop(source.address, 5060)
    return Hop(source.address, via.port)
