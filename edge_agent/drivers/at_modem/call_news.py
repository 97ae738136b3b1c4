"""What a line says of a call, as a value. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge_agent.drivers.at_modem.call import News
from edge_agent.drivers.at_modem.profile import UrcEvent
from edge_agent.drivers.at_modem.replies import CurrentCall, parse_clcc, parse_clip
from telecore.causes import Cause

KEYS = frozenset("0123456789*#ABCD")
CAUSES: Mapping[str, int | None] = {
    "BUSY": Cause.USER_BUSY,
    "NO ANSWER": Cause.NO_ANSWER,
    "NO CARRIER": None,
    "NO DIALTONE": Cause.NETWORK_OUT_OF_ORDER,
}
"""Results of V.250 §6.3.1 that modems also send by themselves, and the cause they tell."""


@dataclass(frozen=True, slots=True)
class Ring:
    """Somebody calls."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls; None when the number is withheld."""

    number: str | None


@dataclass(frozen=True, slots=True)
class Dialled:
    """The modem has passed our call on to the network."""

    id: int | None


@dataclass(frozen=True, slots=True)
class Progress:
    """``late``: a line that other lines usually precede, so that it may speak of the call before."""

    news: News
    cause: int | None = None
    id: int | None = None
    late: bool = False


@dataclass(frozen=True, slots=True)
class Digit:
    digit: str


@dataclass(frozen=True, slots=True)
class Listed:
    call: CurrentCall


CallNews = Ring | Caller | Dialled | Progress | Digit | Listed

_PROGRESS = {
    UrcEvent.CALL_ALERTING: News.ALERTED,
    UrcEvent.CALL_CONNECTED: News.CONNECTED,
    UrcEvent.CALL_ENDED: News.GONE,
    UrcEvent.CALL_MISSED: News.GONE,
}
_OF_STAT = {0: News.CONNECTED, 1: News.CONNECTED, 3: News.ALERTED, 6: News.GONE}


def read_news(text: str, event: UrcEvent | None, groups: Mapping[str, str]) -> CallNews | None:
    """None: it is about something else. ``event`` and ``groups`` are the profile's reading of the line.

    Raises RemoteProtocolError for a malformed +CLIP or +CLCC.
    """
    if text == "RING" or text.startswith("+CRING:"):
        return Ring()
    if text.startswith("+CLIP:"):
        return Caller(parse_clip(text))
    if text.startswith("+CLCC:"):
        return Listed(parse_clcc(text))
    if text in CAUSES:
        return Progress(News.GONE, CAUSES[text], late=True)
    if event in _PROGRESS:
        cause = _int(groups.get("cause"))
        return Progress(_PROGRESS[event], cause or None, _int(groups.get("call")))
    if event is UrcEvent.CALL_DIALLING:
        return Dialled(_int(groups.get("call")))
    if event is UrcEvent.DIGIT:
        ascii_code = _int(groups.get("ascii"))
        digit = chr(ascii_code & 0x7F) if ascii_code is not None else groups.get("digit", "")
        return Digit(digit.upper()) if digit.upper() in KEYS else None
    return None


def news_of_stat(call: CurrentCall) -> News | None:
    """What the stat of +CLCC says."""
    return _OF_STAT.get(call.stat)


def _int(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
