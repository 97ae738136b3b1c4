"""Reading what gateways write: numbers as strings, words for nothing, local times without a zone. Lenient."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from edge_agent.contracts import UssdReply, UssdState
from edge_agent.drivers.gateway.ussd_answers import offers_choices
from telecore.errors import RemoteProtocolError
from telecore.reassembly import heal_surrogates
from telecore.ussd import clean

_NOTHING = frozenset({"", "<null>", "null", "none", "unknown", "n/a", "-", "-1"})
_BARE_CHOICE = re.compile(r"^\s*([0-9]{1,2})\s+\S", re.MULTILINE)


def json_of(body: bytes) -> object:
    """Also with bare control characters, and characters cut in two. Raises RemoteProtocolError."""
    try:
        value: object = json.loads(body.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError):
        raise RemoteProtocolError(f"not JSON: {body[:40].hex()}") from None
    return value


def integer(value: object) -> int | None:
    """A whole number, or one written as text; nothing else, not even True."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 2**63 else None
    text = value.strip() if isinstance(value, str) else ""
    if len(text) > 18 or not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit():
        return None
    return int(text)


def word(value: object) -> str:
    """A short text without what stands for nothing; numbers as digits."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value).strip() if isinstance(value, str) or abs(value) < 2**63 else ""
    return "" if text.lower() in _NOTHING else heal_surrogates(text[:256])


def rows(value: object) -> list[Mapping[str, object]]:
    """The objects in a list; one alone counts as a list."""
    if isinstance(value, dict):
        return [value]
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def zone_of(text: str) -> tzinfo | None:
    """``+07:00`` or ``-3``; None, for the site's own zone, when it is neither."""
    sign = {"+": 1, "-": -1}.get(text[:1])
    hours, _, minutes = text[1:].partition(":")
    if sign is None or not hours.isdigit() or not (minutes or "0").isdigit():
        return None
    offset = timedelta(hours=int(hours[:2]), minutes=int((minutes or "0")[:2]))
    return timezone(sign * offset) if offset < timedelta(hours=24) else None


def time_of(text: str, zone: tzinfo | None = None, form: str = "%Y-%m-%d %H:%M:%S") -> datetime | None:
    """A local time as a moment; ``zone`` None: of this site. None for what is no time."""
    try:
        local = datetime.strptime(text.strip(), form)
        return (local.replace(tzinfo=zone) if zone is not None else local.astimezone()).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def ussd_reply(text: str) -> UssdReply:
    """The box does not tell whether a reply is wanted; a text with numbered choices is taken for a menu."""
    menu = offers_choices(text) or {"1", "2"} <= set(_BARE_CHOICE.findall(text))
    return UssdReply(UssdState.REPLY_WANTED if menu else UssdState.DONE, clean(heal_surrogates(text)))


def part_key(*facts: str) -> str:
    """What one received SMS is known by, however often and whichever way it is told."""
    return hashlib.sha256("\0".join(facts).encode("utf-8", "replace")).hexdigest()[:32]
