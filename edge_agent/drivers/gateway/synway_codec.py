"""Synway's SMG HTTP API as values, sans-I/O. What it answers is one text, whose separators also stand in messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum

from edge_agent.drivers.gateway.box_values import integer, part_key, time_of, word
from telecore.errors import DeviceRefused, RemoteProtocolError
from telecore.gsm7 import is_gsm7
from telecore.model import ChannelState, LineCall
from telecore.reassembly import heal_surrogates

TASK, QUERY = "/API/TaskHandle", "/API/QueryInfo"
PORT_STATES, CONNECT_STATES = "getportinfo", "getportconnectstate"
ICCID, IMSI, NUMBER = "ICCID", "IMSI", "PhoneNo"
TIME_FORM = "%Y%m%d%H%M%S"

_TOTAL = re.compile(r"\s*total\s*:\s*([0-9]{1,6})\s*;?")
_STATES = re.compile(r"(?:portstate|connectstate)\s*:\s*([-0-9,\s]*)", re.IGNORECASE)
_IDENTITY = re.compile(r"([0-9]{1,3}):([0-9A-Za-z+<>-]{0,32})\s*[.;,]?")
_TASK_ID = re.compile(r"taskid\s*:\s*([0-9]{1,18})", re.IGNORECASE)
_RECORD = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}|[0-9]{14})"
    r":([0-9]{1,3})((?:\s?\([^()]{0,40}\)){0,4}):([^:;|]{0,40}):"
)
_END = "|E"
_SENT_WORDS, _FAILED_WORDS = ("success", "sent"), ("fail", "error", "timeout", "no available", "full", "reject")

Body = dict[str, object]


class TaskState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The box says something that this site has not given a meaning."""


@dataclass(frozen=True, slots=True)
class TaskStates:
    """Which numbers of a task's state mean what: nothing public says it, so a site may."""

    waiting: frozenset[str]
    sent: frozenset[str]
    failed: frozenset[str]


@dataclass(frozen=True, slots=True)
class ReceivedSms:
    """One record. ``stamp``: local time, as the box writes it."""

    port: int
    stamp: str
    sender: str
    text: str

    @property
    def key(self) -> str:
        return part_key("synway", self.digits, self.sender, self.text)

    @property
    def digits(self) -> str:
        """The stamp as the API takes it in a question."""
        return _digits(self.stamp)

    def sent_at(self, zone: tzinfo | None) -> datetime | None:
        return time_of(self.digits, zone, TIME_FORM)


@dataclass(frozen=True, slots=True)
class Inbox:
    """``doubtful``: a text holds what looks like a record, and which are real cannot be told; all that there is.

    ``stamps``: the times that stand in it, real or not, in digits: asked for one by one, most tell.
    """

    records: tuple[ReceivedSms, ...] = ()
    doubtful: str = ""
    stamps: tuple[str, ...] = ()


def query(event: str, **fields: str) -> Body:
    return {"event": event, **fields}


def send_sms(port: int, to: str, text: str) -> Body:
    """Only plain ASCII goes as 7-bit: which characters beyond that its alphabet has, the API does not say."""
    plain = text.isascii() and is_gsm7(text)
    return query("txsms", userid="0", num=to, port=str(port), encoding="0" if plain else "8", smsinfo=text)


def received_since(begin: str, end: str, ports: Sequence[int]) -> Body:
    """``begin`` and ``end`` in TIME_FORM, of the box's clock."""
    named = ",".join(map(str, ports))
    return query("queryrxsms", begintime=begin, endtime=end, port=named, delete="0")


def content(answer: object) -> str:
    """What the box answers. Raises DeviceRefused with its reason, RemoteProtocolError."""
    if not isinstance(answer, dict):
        raise RemoteProtocolError("the box does not answer with a JSON object")
    result, said = word(answer.get("result")).lower(), answer.get("content", "")
    text = heal_surrogates(said) if isinstance(said, str) else ""
    if result == "ok":
        return text
    if not result:
        raise RemoteProtocolError("the box's answer has no result")
    raise DeviceRefused("error", None, f"the box says: {text[:100] or result}")


def read_states(text: str, first_port: int) -> dict[int, int]:
    """Of ``getportinfo`` and ``getportconnectstate``: state by port."""
    found = _STATES.search(text)
    values = found[1].split(",")[:256] if found is not None else []
    states = ((port, integer(value)) for port, value in enumerate(values, first_port))
    return {port: state for port, state in states if state is not None}


def read_identities(text: str) -> dict[int, str]:
    """Of ``getwirelessinfo``: what it was asked for, by port."""
    rest = _TOTAL.sub("", text, count=1)
    return {int(port): value for port, raw in _IDENTITY.findall(rest) if (value := word(raw))}


def read_task_id(text: str) -> str | None:
    found = _TASK_ID.search(text)
    return found[1] if found is not None else None


def read_task(text: str, states: TaskStates) -> tuple[TaskState, str]:
    """Of ``querytxsms``: ``…;port:number:state`` or words; and what stood there."""
    said = text.partition(";")[2].strip("; ") or text
    state = said.rpartition(":")[2].strip() if ":" in said else said
    for kind, codes in ((TaskState.SENT, states.sent), (TaskState.FAILED, states.failed)):
        if state in codes:
            return kind, state
    if state in states.waiting or not state:
        return TaskState.WAITING, state
    lower = said.lower()
    if any(part in lower for part in _FAILED_WORDS):
        return TaskState.FAILED, said[:100]
    if any(part in lower for part in _SENT_WORDS):
        return TaskState.SENT, said[:100]
    return TaskState.UNKNOWN, state[:100]


def read_inbox(text: str) -> Inbox:
    """Read from the left: a record begins with its time, and ends where the next one begins.

    A text may hold ``;`` and ``|``, and even what looks like the next record. The count in front tells of that: a
    single record is then the whole; of several nobody is believed.
    """
    total = _TOTAL.match(text)
    if total is None:
        return Inbox()
    count, rest = int(total[1]), text[total.end() :]
    starts = [match for match in _RECORD.finditer(rest) if _begins(rest, match.start())]
    if not starts or count == 0:
        return Inbox()
    if len(starts) > count > 1:
        stamps = dict.fromkeys(_digits(match[1]) for match in starts)
        return Inbox(doubtful=rest, stamps=tuple(sorted(stamps)))
    starts = starts[:count]
    ends = [match.start() for match in starts[1:]] + [len(rest)]
    return Inbox(tuple(_record(match, rest[match.end() : end]) for match, end in zip(starts, ends, strict=True)))


def _digits(stamp: str) -> str:
    return "".join(char for char in stamp if char.isdigit())


def _begins(text: str, at: int) -> bool:
    return at == 0 or text[max(0, at - 8) : at].rstrip().endswith((_END, ";"))


def _record(match: re.Match[str], text: str) -> ReceivedSms:
    body = text.rstrip().removesuffix(";").removesuffix(_END)
    return ReceivedSms(int(match[2]), match[1], match[4].strip(), body)


def state_of(port_state: int | None, connected: int | None) -> tuple[ChannelState, str]:
    """What a port is, and the reason, by its own state and its connection to the network; None: not told."""
    if connected in _CONNECTED:
        return _CONNECTED[connected]
    if port_state == _UNAVAILABLE:
        return ChannelState.FAULTY, "the port is not available: no SIM, or switched off in the box"
    if connected is None and port_state is not None:
        return ChannelState.REGISTERED, ""
    return ChannelState.SEARCHING, "not registered" if connected == 0 else "the box does not tell"


_UNAVAILABLE = 11
CALLS = {
    0: LineCall.IDLE, 2: LineCall.INCOMING, 3: LineCall.CONNECTED, 4: LineCall.DIALING, 9: LineCall.ALERTING,
}  # fmt: skip
"""What the line is doing, by the port's state."""
_CONNECTED = {
    1: (ChannelState.REGISTERED, ""),
    2: (ChannelState.SEARCHING, "searching"),
    3: (ChannelState.DENIED, "registration denied"),
    5: (ChannelState.REGISTERED, "roaming"),
}
