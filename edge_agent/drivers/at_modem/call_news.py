"""What a line says of a call, as a value. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge_agent.drivers.at_modem.call import News
from edge_agent.drivers.at_modem.call_cause import RESULTS, cause_of_end
from edge_agent.drivers.at_modem.call_replies import CurrentCall, international, parse_clcc, parse_clip
from edge_agent.drivers.at_modem.profile import UrcEvent
from edge_agent.drivers.at_modem.replies import reply_fields

KEYS = frozenset("0123456789*#ABCD")
OVER = 6
"""The stat that modems show for a call that has just ended, beyond those of 27.007 §7.18."""


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


@dataclass(frozen=True, slots=True)
class Waits:
    """Somebody calls while the line is in a call."""

    number: str | None


@dataclass(frozen=True, slots=True)
class Missed:
    """A caller has given up."""


@dataclass(frozen=True, slots=True)
class Flow:
    """The modem takes sound, or cannot just now."""

    ready: bool


CallNews = Ring | Caller | Dialled | Progress | Digit | Listed | Waits | Missed | Flow

_PROGRESS = {
    UrcEvent.CALL_ALERTING: News.ALERTED,
    UrcEvent.CALL_CONNECTED: News.CONNECTED,
    UrcEvent.CALL_ENDED: News.GONE,
}
_NOTHING: Mapping[str, int] = {}
_OF_STAT = {0: News.CONNECTED, 1: News.CONNECTED, 3: News.ALERTED, OVER: News.GONE}


def read_news(
    text: str, event: UrcEvent | None, groups: Mapping[str, str], end_status: Mapping[str, int] = _NOTHING
) -> CallNews | None:
    """None: it is about something else. ``event`` and ``groups`` are the profile's reading of the line.

    ``end_status`` is the profile's. Raises RemoteProtocolError for a malformed +CLIP, +CCWA or +CLCC.
    """
    return _common(text) or (_of_profile(event, groups, end_status) if event is not None else None)


def _common(text: str) -> CallNews | None:
    if text == "RING" or text.startswith("+CRING:"):
        return Ring()
    if text.startswith("+CLIP:"):
        return Caller(parse_clip(text))
    if text.startswith("+CLCC:"):
        return Listed(parse_clcc(text))
    if text.startswith("+CCWA:"):
        number, kind, *_ = (*reply_fields(text, "+CCWA"), "", "")
        return Waits(international(number, kind) if number else None)
    if text in RESULTS:
        return Progress(News.GONE, RESULTS[text], late=True)
    return None


def _of_profile(event: UrcEvent, groups: Mapping[str, str], end_status: Mapping[str, int]) -> CallNews | None:
    if event in _PROGRESS:
        return Progress(_PROGRESS[event], cause_of_end(groups, end_status), _int(groups.get("call")))
    if event is UrcEvent.CALL_STATE:
        return _state(groups)
    if event is UrcEvent.CALL_MISSED:
        return Missed()
    if event is UrcEvent.AUDIO_FLOW:
        return Flow(groups.get("ready") != "0")
    if event is UrcEvent.CALL_DIALLING:
        return Dialled(_int(groups.get("call")))
    if event is UrcEvent.DIGIT:
        ascii_code = _int(groups.get("ascii"))
        digit = chr(ascii_code & 0x7F) if ascii_code is not None else groups.get("digit", "")
        return Digit(digit.upper()) if digit.upper() in KEYS else None
    return None


def _state(groups: Mapping[str, str]) -> Listed | None:
    id_, state = _int(groups.get("call")), groups.get("state", "")
    if id_ is None or not (state == "-1" or state.isdecimal()):
        return None
    number = international(groups["number"], groups.get("type", "")) if groups.get("number") else None
    return Listed(CurrentCall(id_, groups.get("dir") == "1", OVER if state == "-1" else int(state), True, number))


def news_of_stat(call: CurrentCall) -> News | None:
    """What the stat of +CLCC says."""
    return _OF_STAT.get(call.stat)


def _int(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
