"""The edge's door to libsodium: Ed25519 keys and signatures, all in lower-case hexadecimal."""

from __future__ import annotations

import secrets

from nacl.exceptions import BadSignatureError
from nacl.exceptions import ValueError as NaclValueError
from nacl.signing import SigningKey, VerifyKey


def new_seed() -> str:
    """A private key, 64 digits."""
    return secrets.token_hex(32)


def public_of(seed: str) -> str:
    """The public key of a private one, 64 digits."""
    return bytes(SigningKey(bytes.fromhex(seed)).verify_key).hex()


def sign(seed: str, message: bytes) -> str:
    """A signature, 128 digits."""
    return SigningKey(bytes.fromhex(seed)).sign(message).signature.hex()


def verify(public: str, message: bytes, signature: str) -> bool:
    """Whether the owner of this public key has signed; False for what is no key or no signature."""
    try:
        VerifyKey(bytes.fromhex(public)).verify(message, bytes.fromhex(signature))
    except (BadSignatureError, NaclValueError, ValueError):
        return False
    return True
