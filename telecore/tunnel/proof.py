"""What edge and cloud sign to prove who they are, and where it stands in the handshake. Pure: no key is here.

    edge → cloud   GET, Authorization: Proof <edge>, Simferry-Nonce, Simferry-Pinned (the cloud's keys it knows)
    cloud → edge   101, Simferry-Nonce, Simferry-Key, Simferry-Certificates, Simferry-Proof (the cloud's signature)
    edge → cloud   {"type":"proof","key","seen","states","next","signature"}, and its Hello in the same breath
    cloud → edge   {"type":"welcome","state","keys","next"}, then the greeting

Both nonces are fresh, and both signatures cover both, so nothing recorded is worth anything later. ``certificates``
are SHA-256 of those the cloud shows where it speaks TLS itself, ``seen`` is of the one the edge was shown: who
stands between them with another certificate is found by both. Everything is lower-case hexadecimal.

The edge stores ``state`` before it says Resume: a Resume is the receipt. It shows the last two at the next connection.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from telecore.errors import RemoteProtocolError

SCHEME = "Proof"
NONCE, PINNED = "Simferry-Nonce", "Simferry-Pinned"
KEY, CERTIFICATES, PROOF = "Simferry-Key", "Simferry-Certificates", "Simferry-Proof"
OFFER = "Simferry-Offer"
"""An edge that still has a bearer key shows the public key that is to replace it; the answer has ``KEY``."""
PROOF_LIMIT = 4096
"""Characters of a first message; nothing larger is read of somebody unknown."""
_VERSION = "simferry-tunnel-proof-1"
_HEX = re.compile(r"(?:[0-9a-f]{2})+")
_BYTES_OF_KEY, _BYTES_OF_SIGNATURE, MOST_KEYS = 32, 64, 8


@dataclass(frozen=True, slots=True)
class CloudSide:
    """What the cloud signs, and says in the headers of its answer."""

    edge: str
    edge_nonce: str
    nonce: str
    key: str
    certificates: tuple[str, ...]

    def signed(self) -> bytes:
        return _joined("cloud", self.edge, self.edge_nonce, self.nonce, self.key, ",".join(self.certificates))

    def headers(self, signature: str) -> tuple[tuple[str, str], ...]:
        said = {NONCE: self.nonce, KEY: self.key, CERTIFICATES: ",".join(self.certificates), PROOF: signature}
        return tuple(said.items())


@dataclass(frozen=True, slots=True)
class Proof:
    """An edge's first message. ``states``: the newest first; ``next``: the key it will have, or nothing."""

    key: str
    seen: str
    states: tuple[str, ...]
    next: str
    signature: str = ""

    def signed(self, cloud: CloudSide) -> bytes:
        said = (self.key, self.seen, ",".join(self.states), self.next)
        return _joined("edge", cloud.signed().hex(), *said)


@dataclass(frozen=True, slots=True)
class Welcome:
    """The cloud's first message. ``keys``: what to pin from now on; ``next``: the new key it has taken."""

    state: str
    keys: tuple[str, ...]
    next: str


def read_cloud_side(edge: str, edge_nonce: str, headers: Mapping[str, str]) -> tuple[CloudSide, str]:
    """What the cloud said in its answer, and its signature. Raises RemoteProtocolError."""
    certificates = headers.get(CERTIFICATES, "")
    side = CloudSide(
        edge,
        edge_nonce,
        hexadecimal(headers.get(NONCE, ""), 32, NONCE),
        hexadecimal(headers.get(KEY, ""), _BYTES_OF_KEY, KEY),
        tuple(hexadecimal(one, 32, CERTIFICATES) for one in certificates.split(",") if certificates),
    )
    return side, hexadecimal(headers.get(PROOF, ""), _BYTES_OF_SIGNATURE, PROOF)


def encode_proof(proof: Proof) -> str:
    return _encode("proof", proof)


def encode_welcome(welcome: Welcome) -> str:
    return _encode("welcome", welcome)


def decode_proof(text: str | bytes) -> Proof:
    """Raises RemoteProtocolError with a reason that repeats nothing of it."""
    data = _parse(text, "proof")
    return Proof(
        key=hexadecimal(data.get("key"), _BYTES_OF_KEY, "key"),
        seen=_optional(data.get("seen"), 32, "seen"),
        states=_texts(data.get("states"), "states", 2),
        next=_optional(data.get("next"), _BYTES_OF_KEY, "next"),
        signature=hexadecimal(data.get("signature"), _BYTES_OF_SIGNATURE, "signature"),
    )


def decode_welcome(text: str | bytes) -> Welcome:
    """Raises RemoteProtocolError."""
    data = _parse(text, "welcome")
    keys = _texts(data.get("keys"), "keys", MOST_KEYS)
    (state,) = _texts([data.get("state")], "state", 1)
    return Welcome(
        state=state,
        keys=tuple(hexadecimal(key, _BYTES_OF_KEY, "keys") for key in keys),
        next=_optional(data.get("next"), _BYTES_OF_KEY, "next"),
    )


def signed_enrolment(token: str, key: str, key_sha256: str) -> bytes:
    """What the edge signs with its new key when it spends a token, so that nobody enrols a key he has not."""
    return _joined("enrol", token, key, key_sha256)


def signed_enrolled(edge: str, key: str, url: str, state: str, cloud_key: str) -> bytes:
    """What the cloud signs in answer."""
    return _joined("enrolled", edge, key, url, state, cloud_key)


def signed_state(edge: str, counter: int, chance: str) -> bytes:
    return _joined("state", edge, str(counter), chance)


def read_state(text: str) -> tuple[int, str, str] | None:
    """``counter.chance.signature``; None for what is no state."""
    counter, _, rest = text.partition(".")
    chance, _, signature = rest.partition(".")
    sound = counter.isascii() and counter.isdigit() and len(counter) < 19
    if not sound or not _HEX.fullmatch(chance) or not _HEX.fullmatch(signature) or len(signature) != 128:
        return None
    return int(counter), chance, signature


def hexadecimal(value: object, size: int, name: str) -> str:
    """``size`` bytes in hexadecimal. Raises RemoteProtocolError that names the field."""
    if not isinstance(value, str) or len(value) != 2 * size or not _HEX.fullmatch(value):
        raise RemoteProtocolError(f"{name} must be {2 * size} lower-case hexadecimal digits")
    return value


def _optional(value: object, size: int, name: str) -> str:
    return "" if value == "" else hexadecimal(value, size, name)


def _texts(value: object, name: str, most: int) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > most or not all(isinstance(v, str) and len(v) <= 256 for v in value):
        raise RemoteProtocolError(f"{name} must be at most {most} texts of 256 characters")
    return tuple(value)


def _parse(text: str | bytes, kind: str) -> dict[str, object]:
    if not isinstance(text, str) or len(text) > PROOF_LIMIT:
        raise RemoteProtocolError(f"the first message must be {kind}, in at most {PROOF_LIMIT} characters")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError(f"the first message must be {kind}: not JSON") from error
    if not isinstance(data, dict) or data.get("type") != kind:
        raise RemoteProtocolError(f"the first message must be {kind}")
    return data


def _encode(kind: str, value: Proof | Welcome) -> str:
    said = {field.name: getattr(value, field.name) for field in fields(value)}
    return json.dumps({"type": kind, **said}, separators=(",", ":"))


def _joined(*parts: str) -> bytes:
    """Unambiguous: every part with its length before it."""
    return b"".join(b"%d:%b" % (len(data), data) for data in (part.encode() for part in (_VERSION, *parts)))
