"""Signatures of releases. Keys are 32 bytes, in hex where they lie in files, one a line."""

from __future__ import annotations

from pathlib import Path

from edge_agent import signing
from telecore.errors import NotAllowed


def trusted(folder: Path) -> tuple[bytes, ...]:
    """The public keys of a folder's ``*.pub``; lines that begin with # are remarks. Raises NotAllowed for bad ones."""
    found = []
    for path in sorted(folder.glob("*.pub")):
        for line in path.read_text().splitlines():
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            try:
                key = bytes.fromhex(line.split()[0])
            except ValueError:
                key = b""
            if len(key) != 32:
                raise NotAllowed(f"{path}: {line[:16]!r}… is not a public key of 64 hex digits")
            found.append(key)
    return tuple(found)


def verify(data: bytes, signature: bytes, keys: tuple[bytes, ...]) -> None:
    """Raises NotAllowed unless one of the keys signed exactly these bytes."""
    if not keys:
        raise NotAllowed("no release key is trusted here")
    if not any(signing.verify(key.hex(), data, signature.hex()) for key in keys):
        raise NotAllowed("the signature of the release is not that of a key that is trusted here")


def sign(data: bytes, secret: bytes) -> bytes:
    """64 bytes. ``secret`` is a key's seed of 32."""
    return bytes.fromhex(signing.sign(secret.hex(), data))


def public_of(secret: bytes) -> bytes:
    return bytes.fromhex(signing.public_of(secret.hex()))


def new_secret() -> bytes:
    return bytes.fromhex(signing.new_seed())
