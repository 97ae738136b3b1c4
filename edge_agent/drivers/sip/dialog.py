"""A dialog: its identity, its routes and its sequence numbers (RFC 3261 §12)."""

from __future__ import annotations

import re

from edge_agent.drivers.sip.hop import Hop, numeric
from edge_agent.drivers.sip.message import CSeq, Headers, Received, Request
from edge_agent.drivers.sip.settings import Transport
from edge_agent.drivers.sip.uri import NameAddr, Uri, parse_name_addr, write_uri
from telecore.errors import RemoteProtocolError

MAX_ROUTES = 16
_SENDABLE = re.compile(r"[!#-;=?-~]+")
"""Visible ASCII without quotes and angle brackets: what may stand in a request line as it is."""


class Dialog:
    """``hop``: where the far end's last message came from, and so where ours go unless a route says otherwise.

    ``target``: the far end's Contact, our Request-URI. ``routes``: the Record-Routes in our order.
    """

    def __init__(
        self,
        call_id: str,
        local: NameAddr,
        remote: NameAddr,
        *,
        target: str,
        routes: tuple[str, ...] = (),
        hop: Hop,
        local_seq: int,
        remote_seq: int | None = None,
    ) -> None:
        self.call_id = call_id
        self.local = local
        self.remote = remote
        self.target = target
        self.routes = routes
        self.hop = hop
        self.local_seq = local_seq
        self.remote_seq = remote_seq

    @classmethod
    def of_request(cls, received: Received, tag: str, local_seq: int) -> Dialog:
        """We were called (§12.1.1)."""
        envelope, headers = received.envelope, received.message.headers
        return cls(
            envelope.call_id,
            envelope.recipient.tagged(tag),
            envelope.sender,
            target=contact_of(headers) or str(envelope.sender.uri),
            routes=routes_of(headers),
            hop=received.hop,
            local_seq=local_seq,
            remote_seq=envelope.cseq.number,
        )

    @classmethod
    def of_response(cls, received: Received, fallback: str) -> Dialog:
        """We called (§12.1.2). ``fallback``: the Request-URI, for a response without a Contact."""
        envelope, headers = received.envelope, received.message.headers
        return cls(
            envelope.call_id,
            envelope.sender,
            envelope.recipient,
            target=contact_of(headers) or fallback,
            routes=routes_of(headers)[::-1],
            hop=received.hop,
            local_seq=envelope.cseq.number,
        )

    def request(self, method: str, *headers: tuple[str, str], body: bytes = b"") -> Request:
        """The next request of ours in it, still without Via."""
        self.local_seq += 1
        return self._build(method, CSeq(self.local_seq, method), headers, body)

    def ack(self, number: int, *headers: tuple[str, str], body: bytes = b"") -> Request:
        """The ACK of the 2xx to our INVITE of this number."""
        return self._build("ACK", CSeq(number, "ACK"), headers, body)

    def next_hop(self) -> Hop:
        """The first route's address when it is numeric, else where they last sent from."""
        if not self.routes or self.hop.transport is not Transport.UDP:
            return self.hop
        try:
            uri = parse_name_addr(self.routes[0]).uri
        except RemoteProtocolError:
            return self.hop
        return Hop(uri.host, uri.port or 5060) if numeric(uri.host) and not _other_transport(uri) else self.hop

    def in_order(self, received: Received) -> bool:
        """Whether a request of theirs is newer than those before it (§12.2.2); it is noted."""
        number = received.envelope.cseq.number
        if self.remote_seq is not None and number <= self.remote_seq:
            return False
        self.remote_seq = number
        self.hop = received.hop
        return True

    def refresh(self, headers: Headers) -> None:
        """INVITE and UPDATE move the target, both ways (§12.2)."""
        self.target = contact_of(headers) or self.target

    def _build(self, method: str, cseq: CSeq, extra: tuple[tuple[str, str], ...], body: bytes) -> Request:
        uri, routes = self.target, list(self.routes)
        if routes and not _loose(routes[0]):
            # A strict router wants itself in the Request-URI, and the target as the last route (§12.2.1.1).
            uri = _bare(routes[0])
            routes = [*routes[1:], f"<{self.target}>"]
        headers = [("max-forwards", "70"), *(("route", route) for route in routes)]
        headers += [("from", str(self.local)), ("to", str(self.remote)), ("call-id", self.call_id), ("cseq", str(cseq))]
        return Request(method, uri, Headers([*headers, *extra]), body)


def contact_of(headers: Headers) -> str | None:
    """The first Contact's URI, None when there is none that can be read."""
    for value in headers.listed("contact"):
        try:
            uri = parse_name_addr(value).uri
            return uri.text if _SENDABLE.fullmatch(uri.text) else write_uri(uri)
        except RemoteProtocolError:
            continue
    return None


def routes_of(headers: Headers) -> tuple[str, ...]:
    """Record-Route as it came; what cannot be read is left out."""
    return tuple(value for value in headers.listed("record-route") if _readable(value))[:MAX_ROUTES]


def _readable(route: str) -> bool:
    try:
        parse_name_addr(route)
    except RemoteProtocolError:
        return False
    return True


def _loose(route: str) -> bool:
    return "lr" in parse_name_addr(route).uri.params


def _bare(route: str) -> str:
    return str(parse_name_addr(route).uri)


def _other_transport(uri: Uri) -> bool:
    return (uri.params.get("transport") or "udp").lower() != "udp"
