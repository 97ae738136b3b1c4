"""The cloud's door to libsodium: Ed25519 keys and signatures, in lower-case hexadecimal, and texts under a key."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
)
from nacl.exceptions import BadSignatureError, CryptoError
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
    return signer(seed)(message)


def signer(seed: str) -> Callable[[bytes], str]:
    """What signs with this private key, for whoever does so often: to make ready for it costs as much as to sign."""
    key = SigningKey(bytes.fromhex(seed))
    return lambda message: key.sign(message).signature.hex()


def verify(public: str, message: bytes, signature: str) -> bool:
    """Whether the owner of this public key has signed; False for what is no key or no signature."""
    try:
        VerifyKey(bytes.fromhex(public)).verify(message, bytes.fromhex(signature))
    except (BadSignatureError, NaclValueError, ValueError):
        return False
    return True


def encrypt(key: bytes, plain: bytes, beside: bytes) -> bytes:
    """Under a key of 32 bytes (XChaCha20-Poly1305): nonce, text and tag. ``beside`` must be the same to decrypt it."""
    nonce = secrets.token_bytes(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)
    return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(plain, beside, nonce, key)


def decrypt(key: bytes, data: bytes, beside: bytes) -> bytes | None:
    """What was encrypted with this key and ``beside``; None for anything else."""
    size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(data[size:], beside, data[:size], key)
    except (CryptoError, NaclValueError, ValueError):
        return None
