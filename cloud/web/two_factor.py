"""The second factor: codes of an authenticator (RFC 6238), and codes for the day it is lost. pyotp's one door."""

from __future__ import annotations

import hashlib
import hmac
import secrets

import pyotp

STEP_S = 30
RECOVERY_CODES = 10
_ISSUER = "Simferry"
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_LENGTH = 16
"""80 bits, so that one round of SHA-256 keeps a code as well as many would."""


def new_secret() -> str:
    """160 bits in base32."""
    return pyotp.random_base32()


def uri(secret: str, operator: str) -> str:
    """What authenticators read, as text or as a picture of it."""
    return pyotp.TOTP(secret).provisioning_uri(name=operator, issuer_name=_ISSUER)


def step_of(secret: str, code: str, now: float, after: int) -> int | None:
    """The time step that this code is of, if it is right and later than step ``after``: each counts once.

    One step before and one behind are let pass, for clocks that differ.
    """
    digits = code.replace(" ", "").encode("utf-8", "surrogatepass")
    current, totp, found = int(now) // STEP_S, pyotp.TOTP(secret), None
    for step in (current - 1, current, current + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), digits) and step > after:
            found = step
    return found


def new_recovery_codes() -> tuple[str, ...]:
    """To be shown once; ``hash_of`` them is kept."""
    return tuple("".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)) for _ in range(RECOVERY_CODES))


def hash_of(recovery_code: str) -> str:
    """Blanks, hyphens and capitals do not matter."""
    plain = recovery_code.replace(" ", "").replace("-", "").lower()
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
