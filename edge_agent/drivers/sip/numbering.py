"""Numbers and names in headers: whom a call is from, whom it is for, and how ours are written. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from edge_agent.drivers.sip.message import Headers, Received, Request
from edge_agent.drivers.sip.settings import LineSettings, SipQuirks
from edge_agent.drivers.sip.uri import NameAddr, parse_name_addr, parse_uri, shown
from telecore.errors import RemoteProtocolError
from telecore.ids import E164, Address
from telecore.numbers import address_of, is_e164

NOBODY = frozenset({"", "anonymous", "unknown", "unavailable", "restricted", "private", "asterisk", "withheld"})
"""What stands where a caller hid the number."""


@dataclass(frozen=True, slots=True)
class Parties:
    caller: Address | None
    called: E164 | None


def write_number(number: str, quirks: SipQuirks) -> str:
    """``+85512345678`` as the far end wants it. What is no E.164 (a short code) stays."""
    if not number.startswith("+"):
        return number
    digits = number[1:]
    if quirks.number_format == "digits":
        return digits
    if quirks.number_format == "national" and quirks.country and digits.startswith(quirks.country):
        return "0" + digits.removeprefix(quirks.country)
    return number


def parties(received: Received, line: LineSettings, quirks: SipQuirks) -> Parties:
    """Who calls, from where the profile says it stands, and after that from wherever there is a number."""
    said = list(_callers(received, quirks.caller_from))
    text = next((text for text in said if text.lower() not in NOBODY and text != line.user), None)
    caller = _address(text, quirks) if text is not None else None
    called: E164 | None = None
    for text in _called(received):
        address = _address(text, quirks)
        if is_e164(address):
            called = E164(address)
            break
    return Parties(caller or None, called)


def _callers(received: Received, where: str) -> Iterator[str]:
    headers = received.message.headers
    sender = received.envelope.sender
    hidden = bool(
        {"id", "user", "full"} & {piece.strip() for piece in (headers.get("privacy") or "").lower().split(";")}
    )
    found = {
        "from": sender.uri.user,
        "pai": _user(headers, "p-asserted-identity"),
        "rpid": _user(headers, "remote-party-id"),
        "display": sender.name,
    }
    yield shown(found.pop(where, ""))
    if hidden:
        return
    for kind, text in found.items():
        plain = shown(text)
        if kind != "display" or is_number(plain):
            yield plain


def _called(received: Received) -> Iterator[str]:
    message = received.message
    if isinstance(message, Request):
        with suppress(RemoteProtocolError):
            yield shown(parse_uri(message.uri).user)
    yield shown(received.envelope.recipient.uri.user)


def users(received: Received, *, authorized: str = "") -> Iterator[str]:
    """The user parts that may name a line, the surest first."""
    if authorized:
        yield authorized.partition("@")[0]
    yield from _called(received)
    yield received.envelope.sender.uri.user
    contact = _first(received.message.headers, "contact")
    if contact is not None:
        yield contact.uri.user


def is_number(text: str) -> bool:
    return text.removeprefix("+").isdecimal() and text.isascii()


def _address(text: str, quirks: SipQuirks) -> Address:
    bare = text.partition(";")[0]
    return address_of(bare, international=quirks.number_format == "digits", country_code=quirks.country)


def _user(headers: Headers, name: str) -> str:
    found = _first(headers, name)
    return found.uri.user if found is not None else ""


def _first(headers: Headers, name: str) -> NameAddr | None:
    for value in headers.listed(name):
        try:
            return parse_name_addr(value)
        except RemoteProtocolError:
            continue
    return None
