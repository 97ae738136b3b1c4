"""Passwords of operators: argon2id by libsodium, whose one door this is. Hashes of scrypt are still read, not made."""

from __future__ import annotations

import base64
import hashlib
import hmac

from nacl.exceptions import InvalidkeyError
from nacl.pwhash import argon2id

_OPS = argon2id.OPSLIMIT_INTERACTIVE
_MEMORY = argon2id.MEMLIMIT_INTERACTIVE
_SHAPE = f"$argon2id$v=19$m={_MEMORY // 1024},t={_OPS},p=1$"
_SCRYPT_MEMORY = 64 * 1024 * 1024

NOBODYS = _SHAPE + "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""What the password of an unknown operator is checked against, so that both take the same time."""


def make_hash(password: str) -> str:
    """As ``argon2(1)`` writes it, with its cost: 64 MiB of memory and some 0.1 s."""
    return argon2id.str(_bytes(password), opslimit=_OPS, memlimit=_MEMORY).decode()


def matches(password: str, stored: str) -> bool:
    """Whether it is the password of this hash."""
    if stored.startswith("scrypt$"):
        return _matches_scrypt(password, stored)
    try:
        return argon2id.verify(stored.encode(), _bytes(password))
    except (InvalidkeyError, ValueError):
        return False


def outdated(stored: str) -> bool:
    """Whether it was made with another function or another cost than today's."""
    return not stored.startswith(_SHAPE)


def _matches_scrypt(password: str, stored: str) -> bool:
    """``scrypt$log2(n)$r$p$salt$key``, as they were made before 0.1.0."""
    _, log_n, r, p, salt, key = stored.split("$")
    found = hashlib.scrypt(
        _bytes(password), salt=base64.b64decode(salt), n=1 << int(log_n), r=int(r), p=int(p), maxmem=_SCRYPT_MEMORY,
        dklen=32,
    )  # fmt: skip
    return hmac.compare_digest(found, base64.b64decode(key))


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
