"""SIP MESSAGE (RFC 3428): its text, and the key by which a repetition is known."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from edge_agent.drivers.sip.message import Received
from edge_agent.drivers.sip.uri import parse_params

_SAME_S = 60.0
_REMEMBERED = 1024
_CHARSETS = {"utf-8": "utf-8", "utf8": "utf-8", "iso-8859-1": "latin-1", "us-ascii": "latin-1", "latin1": "latin-1"}


def is_text(received: Received) -> bool:
    """Whether it is plain text, which a body without a type is taken for."""
    kind = (received.message.headers.get("content-type") or "text/plain").partition(";")[0].strip().lower()
    return kind == "text/plain"


def text_of(received: Received) -> str:
    """UTF-8 where it is, else what the type says, else Latin-1."""
    body = received.message.body
    kind = received.message.headers.get("content-type") or ""
    charset = (parse_params(kind.partition(";")[2]).get("charset") or "utf-8").lower()
    named = _CHARSETS.get(charset)
    if named == "latin-1":
        return body.decode("latin-1")
    if charset in ("utf-16be", "ucs2", "iso-10646-ucs-2") and len(body) % 2 == 0:
        return body.decode("utf-16-be", "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("latin-1")


class Keys:
    """A gateway that got no 200 in time sends the same again, with a new CSeq or not. A Date tells it; without one, the
    same words in the same Call-ID within a minute are the same message."""

    def __init__(self) -> None:
        self._lately: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def key(self, received: Received, now: float) -> str:
        envelope = received.envelope
        sender, body = envelope.sender.uri.user, received.message.body
        date = received.message.headers.get("date")
        if date:
            return _sum(sender, date, body)
        words = _sum(envelope.call_id, sender, body)
        known = self._lately.get(words)
        if known is not None and now - known[1] < _SAME_S:
            return known[0]
        key = _sum(envelope.call_id, str(envelope.cseq), sender, body)
        self._lately[words] = (key, now)
        self._lately.move_to_end(words)
        while len(self._lately) > _REMEMBERED:
            self._lately.popitem(last=False)
        return key


def _sum(*parts: str | bytes) -> str:
    sum_ = hashlib.sha256()
    for part in parts:
        octets = part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape")
        sum_.update(len(octets).to_bytes(4, "big") + octets)
    return "sip-" + sum_.hexdigest()[:40]
