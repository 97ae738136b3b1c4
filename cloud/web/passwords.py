"""Passwords of operators: salted scrypt, with its cost in the hash so that it can grow."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

_LOG_N, _R, _P = 14, 8, 1
_SALT, _KEY = 16, 32
_MEMORY = 64 * 1024 * 1024

NOBODYS = "scrypt$14$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
"""What the password of an unknown operator is checked against, so that both take the same time."""


def make_hash(password: str) -> str:
    """``scrypt$log2(n)$r$p$salt$key``. Takes some 50 ms of processor time."""
    salt = secrets.token_bytes(_SALT)
    key = _derive(password, salt, _LOG_N, _R, _P)
    return "$".join(["scrypt", str(_LOG_N), str(_R), str(_P), _text(salt), _text(key)])


def matches(password: str, stored: str) -> bool:
    """Whether it is the password of this hash."""
    kind, log_n, r, p, salt, key = stored.split("$")
    if kind != "scrypt":
        return False
    found = _derive(password, base64.b64decode(salt), int(log_n), int(r), int(p))
    return hmac.compare_digest(found, base64.b64decode(key))


def _derive(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << log_n, r=r, p=p, maxmem=_MEMORY, dklen=_KEY)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
