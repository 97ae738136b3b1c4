"""What can be asked, as values, and their form on the wire. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from telecore.errors import InvalidRequest, Refused, RemoteProtocolError
from telecore.schema import Tagged, dump, read

SOCKET = "control.sock"
"""Its name in the data folder."""
REQUEST_LIMIT = 1 << 14
ANSWER_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Tagged, family=True):
    """``channel`` may be short: ``modem1`` for ``site-1/modem1``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ussd(Request):
    """A code, or the reply to a menu. Answered with state and text."""

    kind: ClassVar[str] = "ussd"
    channel: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndUssd(Request):
    kind: ClassVar[str] = "ussd.end"
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskBalance(Request):
    """Of one channel, or of all that have a recipe."""

    kind: ClassVar[str] = "balance"
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendVoucher(Request):
    kind: ClassVar[str] = "top_up"
    channel: str
    voucher: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrySims(Request):
    kind: ClassVar[str] = "self_test"
    sender: str
    receiver: str
    sms: bool = True
    call: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSim(Request):
    """``what``: ``hold``, ``trust``, ``retire``, or ``release``, which lets the agent judge again."""

    kind: ClassVar[str] = "sim"
    channel: str
    what: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart(Request):
    kind: ClassVar[str] = "restart"
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail(Request):
    """Everything that is known of one channel, with what happened to it lately."""

    kind: ClassVar[str] = "detail"
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAtSip(Request):
    """Where we speak SIP, who else tried, and the last messages to and from an address."""

    kind: ClassVar[str] = "sip"
    address: str = ""


def encode_request(request: Request) -> bytes:
    return json.dumps(dump(request)).encode() + b"\n"


def decode_request(line: bytes) -> Request:
    """Raises InvalidRequest, which names the field and repeats no value."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("a request is one line of JSON") from error
    return read(Request, data)


def encode_answer(result: object = None, error: str | None = None) -> bytes:
    answer = {"ok": True, "result": result} if error is None else {"ok": False, "error": error}
    return json.dumps(answer).encode() + b"\n"


def decode_answer(line: bytes) -> Any:
    """The result. Raises Refused with the agent's sentence, RemoteProtocolError for what is no answer."""
    try:
        answer = json.loads(line)
        done, result, error = answer["ok"], answer.get("result"), answer.get("error")
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise RemoteProtocolError("this is no answer of an agent") from problem
    if not done:
        raise Refused(str(error))
    return result
