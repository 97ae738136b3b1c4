"""How one URL wants to be asked: Twilio's connection overrides, which stand in its fragment (``#rc=2&rp=5xx,ct``)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from cloud.services.urls import InvalidUrl

BAD_POLICY = 11243
CONNECT, READ, CLIENT_ERROR, SERVER_ERROR = "ct", "rt", "4xx", "5xx"
POLICIES = frozenset({CONNECT, READ, CLIENT_ERROR, SERVER_ERROR})
"""What may be tried again: no connection, no answer in time, an answer of this class."""
ALL = "all"

CONNECT_MS, READ_MS, TOTAL_MS, RETRIES = (100, 10_000), (100, 15_000), (100, 15_000), (0, 5)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. ``read_s`` is for each piece of an answer; ``total_s`` covers redirects, retries and the body."""

    connect_s: float = 5.0
    total_s: float = 15.0
    read_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Connection:
    """``again``: the policies that count; ``retries``: how many more attempts each hop has."""

    timeouts: Timeouts
    retries: int = 1
    again: frozenset[str] = frozenset({CONNECT})


def connection_of(url: str, defaults: Timeouts) -> Connection:
    """What the fragment says. A number out of its bounds counts as the nearest that is allowed; anything that is no
    override is left aside, as are ``e`` and ``sni``: there are no edges to choose, and the name is always sent.

    Raises InvalidUrl 11243 for a policy that is none.
    """
    try:
        given = dict(parse_qsl(urlsplit(url).fragment))
    except ValueError:
        return Connection(defaults)
    timeouts = Timeouts(
        connect_s=_seconds(given.get("ct"), CONNECT_MS, defaults.connect_s),
        total_s=_seconds(given.get("tt"), TOTAL_MS, defaults.total_s),
        read_s=_seconds(given.get("rt"), READ_MS, defaults.read_s),
    )
    return Connection(timeouts, _retries(given.get("rc")), _policies(given.get("rp")))


def _seconds(text: str | None, bounds: tuple[int, int], default: float) -> float:
    low, high = bounds
    return default if text is None or not _is_number(text) else min(max(int(text), low), high) / 1000


def _retries(text: str | None) -> int:
    low, high = RETRIES
    return 1 if text is None or not _is_number(text) else min(max(int(text), low), high)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _policies(text: str | None) -> frozenset[str]:
    if text is None:
        return frozenset({CONNECT})
    asked = frozenset(word.strip().lower() for word in text.split(","))
    if not asked or asked - POLICIES - {ALL}:
        raise InvalidUrl(f"the retry policy {text[:40]} is not made of 4xx, 5xx, ct, rt and all", code=BAD_POLICY)
    return POLICIES if ALL in asked else asked
