"""Keys by SIP INFO: ``application/dtmf-relay`` and ``application/dtmf``, read and written. No RFC describes them."""

from __future__ import annotations

import re

_KEYS = "0123456789*#ABCD"
_RELAY = re.compile(rb"Signal\s*[=:]\s*([0-9A-Da-d*#]{1,2})", re.IGNORECASE)
_PLAIN = re.compile(rb"\s*([0-9A-Da-d*#]|1[0-5])\s*")


def read_key(content_type: str, body: bytes) -> str | None:
    """The key, None when the body tells of none. 10 to 15 are ``*#ABCD``, as RFC 4733 numbers them."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/dtmf-relay":
        found = _RELAY.search(body[:200])
    elif kind == "application/dtmf":
        found = _PLAIN.fullmatch(body[:20])
    else:
        return None
    if found is None:
        return None
    text = found[1].decode("ascii").upper()
    if text.isdecimal() and len(text) == 2:
        return _KEYS[int(text)] if int(text) < len(_KEYS) else None
    return text if len(text) == 1 else None


def write_key(key: str, duration_ms: int = 160) -> bytes:
    """The body of an ``application/dtmf-relay``."""
    return f"Signal={key}\r\nDuration={duration_ms}\r\n".encode()
