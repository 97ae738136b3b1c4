"""Digest authentication from both sides, in a box's dialect (RFC 2617 §3.2, RFC 2069)."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field

from simulator.sip.manner import DigestDialect

FIELD = re.compile(r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^,\s]*))')
QUOTED = ("username", "realm", "nonce", "uri", "response", "cnonce", "opaque")


@dataclass(frozen=True, slots=True)
class Account:
    """A line's name and password at the agent."""

    user: str
    password: str = field(repr=False)


def read_fields(value: str) -> dict[str, str]:
    """The fields of a challenge or an answer."""
    return {name.lower(): quoted or plain for name, quoted, plain in FIELD.findall(value.partition(" ")[2])}


def answer(challenges: list[str], account: Account, method: str, uri: str, dialect: DigestDialect) -> str | None:
    """The value of (Proxy-)Authorization for the first challenge that asks for MD5, or None."""
    for challenge in challenges:
        fields = read_fields(challenge)
        if challenge.lower().startswith("digest") and fields.get("algorithm", "MD5").upper() == "MD5":
            return _answer(fields, account, method, uri, dialect)
    return None


def _answer(fields: dict[str, str], account: Account, method: str, uri: str, dialect: DigestDialect) -> str:
    realm, nonce = fields.get("realm", ""), fields.get("nonce", "")
    said = {"username": account.user, "realm": realm, "nonce": nonce}
    if dialect.uri:
        said["uri"] = uri
    counted = ""
    if dialect.qop and "auth" in fields.get("qop", "").replace(" ", "").split(","):
        said |= {"qop": "auth", "nc": "00000001", "cnonce": secrets.token_hex(4)}
        counted = f"00000001:{said['cnonce']}:auth:"
    said["response"] = response(account, realm, method, uri, f"{nonce}:{counted}")
    if dialect.algorithm:
        said["algorithm"] = "MD5"
    if "opaque" in fields:
        said["opaque"] = fields["opaque"]
    return "Digest " + ", ".join(_spelt(name, value, dialect) for name, value in said.items())


def _spelt(name: str, value: str, dialect: DigestDialect) -> str:
    return f'{name}="{value}"' if dialect.quoted and name in QUOTED else f"{name}={value}"


def response(account: Account, realm: str, method: str, uri: str, middle: str) -> str:
    """`middle`: nonce, and with qop the count, cnonce and qop, each followed by a colon."""
    secret = _md5(f"{account.user}:{realm}:{account.password}")
    return _md5(f"{secret}:{middle}{_md5(f'{method}:{uri}')}")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def proves(value: str, account: Account, method: str, nonce: str) -> bool:
    """Whether an Authorization answers our challenge with that nonce."""
    said = read_fields(value)
    if said.get("username") != account.user or said.get("nonce") != nonce:
        return False
    middle = f"{nonce}:"
    if said.get("qop"):
        middle += f"{said.get('nc', '')}:{said.get('cnonce', '')}:{said['qop']}:"
    return said.get("response") == response(account, said.get("realm", ""), method, said.get("uri", ""), middle)
