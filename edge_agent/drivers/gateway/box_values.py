"""Reading what gateways write: numbers as strings, words for nothing, local times without a zone. Lenient."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from telecore.errors import InvalidRequest, RemoteProtocolError
from telecore.ids import E164, Iccid, Imsi
from telecore.model import SignalLevel, Sim
from telecore.numbers import is_e164
from telecore.reassembly import heal_surrogates
from telecore.subscriber import is_imsi, plmn_of

_NOTHING = frozenset({"", "<null>", "null", "none", "unknown", "n/a", "-", "-1"})


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


def port_named(name: str, box: str, least: int, most: int) -> int:
    """The number of a line, at boxes that know their lines by numbers. Raises InvalidRequest."""
    port = integer(name)
    if port is None or not least <= port <= most:
        raise InvalidRequest(f"a line of {box} is named by a number from {least} to {most}, not {name!r}", field="line")
    return port


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


def dbm_of(rssi: int | None) -> SignalLevel | None:
    """0 to 31 (27.007 §8.5) as dBm."""
    return SignalLevel(2 * rssi - 113) if rssi is not None and 0 <= rssi <= 31 else None


def zone_of(text: str) -> tzinfo | None:
    """``+07:00`` or ``-3``; None, for the site's own zone, when it is neither."""
    sign = {"+": 1, "-": -1}.get(text[:1])
    hours, _, minutes = text[1:].partition(":")
    if sign is None or not hours.isdigit() or not (minutes or "0").isdigit():
        return None
    offset = timedelta(hours=int(hours[:2]), minutes=int((minutes or "0")[:2]))
    return timezone(sign * offset) if offset < timedelta(hours=24) else None


def zone_option(options: Mapping[str, str]) -> tzinfo | None:
    """The option ``timezone``; None, for the site's own, without it. Raises InvalidRequest."""
    text = options.get("timezone", "")
    zone = zone_of(text)
    if text and zone is None:
        raise InvalidRequest('timezone: must be an offset in quotes, like "+07:00"', field="timezone")
    return zone


def time_of(text: str, zone: tzinfo | None = None, form: str = "%Y-%m-%d %H:%M:%S") -> datetime | None:
    """A local time as a moment; ``zone`` None: of this site. None for what is no time."""
    try:
        local = datetime.strptime(text.strip(), form)
        return (local.replace(tzinfo=zone) if zone is not None else local.astimezone()).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def number_of(text: str) -> E164 | None:
    """The SIM's own number where it is whole; a national one says too little."""
    return E164(text) if is_e164(text) else None


def sim_of(iccid: str, imsi: str, msisdn: E164 | None, operator_name: str = "") -> Sim | None:
    """A card by what the box tells of it; None without its ICCID. The network is the one the IMSI names."""
    digits = iccid.rstrip("Ff")
    if not (18 <= len(digits) <= 20 and digits.isascii() and digits.isdigit()):
        return None
    known = is_imsi(imsi)
    return Sim(
        Iccid(digits),
        Imsi(imsi) if known else None,
        msisdn,
        plmn_of(imsi) if known else None,
        operator_name or None,
    )


def part_key(*facts: str) -> str:
    """What one received SMS is known by, however often and whichever way it is told."""
    return hashlib.sha256("\0".join(facts).encode("utf-8", "replace")).hexdigest()[:32]
