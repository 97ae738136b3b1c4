"""Digest authentication, as who asks and as who is asked (RFC 3261 §22, RFC 7616, RFC 8760)."""

from __future__ import annotations

import hashlib
import hmac
import random
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from edge_agent.drivers.sip.settings import Credentials
from edge_agent.drivers.sip.uri import split_outside, unquote

_HASHES: dict[str, Callable[[bytes], str]] = {
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "sha-256": lambda data: hashlib.sha256(data).hexdigest(),
}
NONCE_S = 300.0
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Challenge:
    """A WWW- or Proxy-Authenticate. ``algorithm`` in lower case, ``qop``: what may be chosen."""

    realm: str
    nonce: str
    algorithm: str = "md5"
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False

    @property
    def known(self) -> bool:
        return self.algorithm.removesuffix("-sess") in _HASHES


@dataclass(frozen=True, slots=True)
class Asked:
    """What a digest is about. ``body`` counts for auth-int only."""

    method: str
    uri: str
    body: bytes = b""


class Verdict(StrEnum):
    RIGHT = "right"
    WRONG = "wrong"
    STALE = "stale"
    """The nonce is too old, not ours, or was used before: the same password may be tried with a new one."""


def read_fields(header: str) -> dict[str, str]:
    """``Digest a="x", b=y`` → names in lower case; quotes are optional. Empty for another scheme."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "digest":
        return {}
    fields: dict[str, str] = {}
    for part in split_outside(rest, ","):
        name, equals, value = part.partition("=")
        if equals:
            fields.setdefault(name.strip().lower(), unquote(value.strip()))
    return fields


def read_challenge(header: str) -> Challenge | None:
    """None when it is no digest, or has no nonce."""
    fields = read_fields(header)
    if "nonce" not in fields:
        return None
    qop = tuple(word.lower() for word in re.split(r"[,\s]+", fields.get("qop", "")) if word)
    return Challenge(
        fields.get("realm", ""),
        fields["nonce"],
        (fields.get("algorithm") or "md5").lower(),
        qop,
        fields.get("opaque"),
        fields.get("stale", "").lower() == "true",
    )


def best_challenge(headers: Iterable[str]) -> Challenge | None:
    """The strongest that can be answered (RFC 8760 §2.4): SHA-256 before MD5."""
    known = [challenge for header in headers if (challenge := read_challenge(header)) and challenge.known]
    return max(known, key=lambda challenge: challenge.algorithm.startswith("sha"), default=None)


def answer(challenge: Challenge, credentials: Credentials, asked: Asked, count: int, cnonce: str) -> str:
    """The value of an Authorization. ``count``: how often this nonce has been used, this time included."""
    qop = "auth" if "auth" in challenge.qop else "auth-int" if "auth-int" in challenge.qop else ""
    nc = f"{count:08x}"
    realm = challenge.realm
    sum_ = _digest(challenge.algorithm, credentials, realm, asked, (challenge.nonce, nc, cnonce, qop))
    quoted = {
        "username": credentials.user, "realm": realm, "nonce": challenge.nonce, "uri": asked.uri, "response": sum_,
    }  # fmt: skip
    if challenge.opaque is not None:
        quoted["opaque"] = challenge.opaque
    parts = [f'{name}="{_escape(value)}"' for name, value in quoted.items()]
    parts.append(f"algorithm={_spelled(challenge.algorithm)}")
    if qop or challenge.algorithm.endswith("-sess"):
        parts.append(f'cnonce="{cnonce}"')
    if qop:
        parts += [f"qop={qop}", f"nc={nc}"]
    return "Digest " + ", ".join(parts)


class Challenger:
    """Asks for digests and checks them. Keeps nothing of those who have not given the right password."""

    def __init__(self, rng: random.Random, clock: Callable[[], float], lifetime_s: float = NONCE_S) -> None:
        self._key = rng.randbytes(32)
        self._clock = clock
        self._rng = rng
        self._lifetime = lifetime_s
        self._counts: OrderedDict[str, int] = OrderedDict()

    def challenge(self, realm: str, *, stale: bool = False, algorithm: str = "MD5") -> str:
        """The value of a WWW- or Proxy-Authenticate."""
        stamp = f"{int(self._clock() * 1000):x}.{self._rng.getrandbits(48):012x}"
        text = (
            f'Digest realm="{_escape(realm)}", nonce="{stamp}.{self._seal(stamp)}", algorithm={algorithm}, qop="auth"'
        )
        return text + ", stale=true" if stale else text

    def check(self, header: str, credentials: Credentials, asked: Asked) -> Verdict:
        """What an Authorization is worth. All the dialects of gateways are read: see ``_variants``."""
        fields = read_fields(header)
        if fields.get("username", "").partition("@")[0] != credentials.user.partition("@")[0]:
            return Verdict.WRONG
        algorithm = (fields.get("algorithm") or "md5").lower()
        if algorithm.removesuffix("-sess") not in _HASHES or not fields.get("response"):
            return Verdict.WRONG
        said = Credentials(fields["username"], credentials.password)
        about = Asked(asked.method, fields.get("uri") or asked.uri, asked.body)
        realm = fields.get("realm", "")
        response = fields["response"].lower()
        sums = [_digest(algorithm, said, realm, about, variant) for variant in _variants(fields)]
        if not any(hmac.compare_digest(sum_.encode(), response.encode("utf-8", "replace")) for sum_ in sums):
            return Verdict.WRONG
        return self._fresh(fields)

    def _fresh(self, fields: dict[str, str]) -> Verdict:
        nonce = fields.get("nonce", "")
        stamp, _, seal = nonce.rpartition(".")
        if not hmac.compare_digest(self._seal(stamp).encode(), seal.encode("utf-8", "replace")):
            return Verdict.STALE
        age = self._clock() - int(stamp.partition(".")[0], 16) / 1000
        used = self._counts.get(nonce, 0)
        count = _hex(fields.get("nc", "")) if fields.get("nc") else used + 1 if used == 0 else 0
        if age > self._lifetime or count <= used:
            return Verdict.STALE
        self._counts[nonce] = count
        self._counts.move_to_end(nonce)
        while len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)
        return Verdict.RIGHT

    def _seal(self, stamp: str) -> str:
        return hmac.new(self._key, stamp.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:24]


def _variants(fields: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """nonce, nc, cnonce and qop as they may have been counted: as said; without nc as its first; as in RFC 2069."""
    nonce, cnonce = fields.get("nonce", ""), fields.get("cnonce", "")
    qop, nc = fields.get("qop", "").lower(), fields.get("nc", "")
    if not qop:
        yield nonce, nc, cnonce, ""
        return
    yield nonce, nc, cnonce, qop
    if not nc:
        yield nonce, "00000001", cnonce, qop
        yield nonce, "", "", ""


def _digest(algorithm: str, credentials: Credentials, realm: str, asked: Asked, salt: tuple[str, str, str, str]) -> str:
    nonce, nc, cnonce, qop = salt
    hash_ = _HASHES[algorithm.removesuffix("-sess")]

    def h(text: str) -> str:
        return hash_(text.encode("utf-8", "surrogateescape"))

    secret = h(f"{credentials.user}:{realm}:{credentials.password}")
    if algorithm.endswith("-sess"):
        secret = h(f"{secret}:{nonce}:{cnonce}")
    about = f"{asked.method}:{asked.uri}" + (f":{hash_(asked.body)}" if qop == "auth-int" else "")
    middle = f"{nc}:{cnonce}:{qop}:" if qop else ""
    return h(f"{secret}:{nonce}:{middle}{h(about)}")


def _hex(text: str) -> int:
    return int(text, 16) if re.fullmatch(r"[0-9A-Fa-f]{1,8}", text) else 0


def _spelled(algorithm: str) -> str:
    family, dash, sess = algorithm.partition("-sess")
    return family.upper() + dash + sess


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
