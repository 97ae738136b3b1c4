"""Dinstar's "new version" HTTP API as values, sans-I/O: what is sent, what is answered, what is pushed.

Two layers of status: ``error_code`` says whether the request was taken, each row whether the thing was done. Keys that
are missing or of another type than documented are read as unknown; only what is no JSON object raises
RemoteProtocolError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge_agent.drivers.gateway.box_values import integer, rows, word
from edge_agent.drivers.gateway.dinstar_values import (
    CallRecord,
    Delivered,
    IncomingSms,
    PortInfo,
    SmsResult,
    Trouble,
    UssdText,
    call_of,
    delivered_of,
    incoming_of,
    port_of,
    result_of,
)
from telecore.errors import Busy, DeviceRefused, InvalidRequest, NoNetwork, RemoteProtocolError
from telecore.gsm7 import is_gsm7

SEND_SMS, SMS_RESULT, DELIVER_STATUS = "/api/send_sms", "/api/query_sms_result", "/api/query_sms_deliver_status"
INCOMING_SMS = "/api/query_incoming_sms"
SEND_USSD, USSD_REPLY = "/api/send_ussd", "/api/query_ussd_reply"
PORT_INFO, SET_PORT = "/api/get_port_info", "/api/set_port_info"

OK, ACCEPTED = 200, 202
PORT_BUSY, NOT_REGISTERED = 486, 503
NUMBERS_AT_ONCE = 32
USSD_OCTETS = 60
_INFO = "imsi,iccid,number,type,reg,signal,callstate"
_PARAM = "#param#"
_REFUSALS = {
    400: "the box does not understand the request",
    404: "the box does not know this",
    500: "the box failed, without a reason",
}
_NO_PORT, _FAILURE = 550, 500

Query = tuple[tuple[str, str], ...]
Body = dict[str, object]


@dataclass(frozen=True, slots=True)
class Push:
    """One webhook. ``registered``: ports whose registration changed; ``power``: ``power_on`` or ``power_off``."""

    sn: str = ""
    sms: tuple[IncomingSms, ...] = ()
    results: tuple[SmsResult, ...] = ()
    delivered: tuple[Delivered, ...] = ()
    ussd: tuple[UssdText, ...] = ()
    calls: tuple[CallRecord, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    registered: frozenset[int] = frozenset()
    power: str = ""


# ------------------------------------------------------------------------------------------------ what is sent


def send_sms(port: int, to: str, text: str, user_id: int, *, report: bool, encoding: str = "auto") -> Body:
    """``encoding``: ``auto`` or ``unicode``. Raises nothing; a text that is too long the box refuses with 413."""
    gsm = encoding != "unicode" and is_gsm7(text)
    param: dict[str, object] = {"number": to, "user_id": user_id}
    if _PARAM in text:  # the box would put parameters in its place
        param["text_param"], text = [text], _PARAM
    return {
        "text": text,
        "port": [port],
        "param": [param],
        "encoding": "gsm-7bit" if gsm else "unicode",
        "request_status_report": report,
    }


def query_results(user_ids: Sequence[int]) -> Body:
    return {"user_id": list(user_ids)}


def query_results_after(after: str) -> Body:
    """Of all that was sent since; ``after`` as in ``query_delivered``."""
    return {"time_after": after}


def query_delivered(numbers: Sequence[str] = (), after: str = "") -> Body:
    """At most NUMBERS_AT_ONCE; ``after`` is a time on the box's clock, as it writes it."""
    body: Body = {"number": list(numbers)} if numbers else {}
    return {**body, "time_after": after} if after else body


def query_incoming(above: int) -> Query:
    """Messages with a higher id. All of them: asking for the unread marks them as read, and a crash would lose them."""
    return (("incoming_sms_id", str(above)), ("flag", "all"))


def send_ussd(port: int, text: str) -> Body:
    """Raises InvalidRequest."""
    if not text or len(text.encode("utf-8", "replace")) > USSD_OCTETS:
        raise InvalidRequest(f"a USSD code has 1 to {USSD_OCTETS} octets on this gateway")
    return {"text": text, "port": [port], "command": "send"}


def cancel_ussd(port: int) -> Body:
    return {"text": "", "port": [port], "command": "cancel"}


def query_ussd(port: int) -> Query:
    return (("port", str(port)),)


def port_info(ports: Sequence[int]) -> Query:
    return (("port", ",".join(map(str, ports))), ("info_type", _INFO))


def reset_port(port: int) -> Query:
    return (("port", str(port)), ("action", "reset"))


# --------------------------------------------------------------------------------------------- what is answered


def envelope(answer: object) -> Mapping[str, object]:
    """The answer, when the box took the request.

    Raises DeviceRefused, NoNetwork, InvalidRequest when it did not, RemoteProtocolError for no answer at all.
    """
    if not isinstance(answer, dict):
        raise RemoteProtocolError("the box does not answer with a JSON object")
    code = integer(answer.get("error_code"))
    if code in (OK, ACCEPTED):
        return answer
    if code is None:
        raise RemoteProtocolError("the box's answer has no error_code")
    if code == _NO_PORT:
        raise NoNetwork("the box has no port for it now (550)")
    if code == 413:
        raise InvalidRequest("it is too long for the gateway (413)", field="Body", code=21617)
    # Without a code: as a number it would be read as one of +CMS ERROR.
    raise DeviceRefused("error", None, f"{_REFUSALS.get(code, 'the box refuses')} ({code})")


def failed(answer: object) -> bool:
    """Whether the box says that something went wrong, but not that nothing was done."""
    return isinstance(answer, dict) and integer(answer.get("error_code")) == _FAILURE


def read_results(answer: Mapping[str, object]) -> tuple[SmsResult, ...]:
    found = (result_of(row) for row in rows(answer.get("result")))
    return tuple(result for result in found if result is not None)


def read_delivered(answer: Mapping[str, object]) -> tuple[Delivered, ...]:
    found = (delivered_of(row) for row in rows(answer.get("result")))
    return tuple(report for report in found if report is not None)


def read_incoming(answer: Mapping[str, object]) -> tuple[IncomingSms, ...]:
    found = (incoming_of(row) for row in rows(answer.get("sms")))
    return tuple(sms for sms in found if sms is not None)


def read_ports(answer: Mapping[str, object]) -> tuple[PortInfo, ...]:
    found = (port_of(row) for row in rows(answer.get("info")))
    return tuple(info for info in found if info is not None)


def read_ussd(answer: Mapping[str, object], key: str = "reply") -> tuple[UssdText, ...]:
    texts = ((integer(row.get("port")), row.get("text")) for row in rows(answer.get(key)))
    return tuple(UssdText(port, text) for port, text in texts if port is not None and isinstance(text, str))


def check_ussd_sent(answer: Mapping[str, object], port: int) -> None:
    """Whether this port did send it. Raises Busy, NoNetwork, DeviceRefused, RemoteProtocolError."""
    statuses = {integer(row.get("port")): integer(row.get("status")) for row in rows(answer.get("result"))}
    status = statuses.get(port)
    if status == PORT_BUSY:
        raise Busy("the port is busy, with a call or an SMS")
    if status == NOT_REGISTERED:
        raise NoNetwork("the port is not registered")
    if status is None:
        raise RemoteProtocolError("the box does not say whether the port sent it")
    if status not in (OK, ACCEPTED):
        raise DeviceRefused("error", None, f"the port did not send it ({status})")


def read_push(value: object) -> Push:
    """What a webhook says. Raises RemoteProtocolError when it is no JSON object."""
    if not isinstance(value, dict):
        raise RemoteProtocolError("the webhook is no JSON object")
    device = rows(value.get("device"))
    calls = (call_of(row) for row in rows(value.get("cdr")))
    troubles = ((integer(row.get("port")), row) for row in rows(value.get("exception_info")))
    registered = (integer(row.get("port")) for row in rows(value.get("register")))
    return Push(
        word(value.get("sn")),
        read_incoming(value),
        read_results({"result": value.get("sms_result")}),
        read_delivered({"result": value.get("sms_deliver_status")}),
        read_ussd(value, "ussd"),
        tuple(call for call in calls if call is not None),
        tuple(
            Trouble(port, word(row.get("type")), word(row.get("action"))) for port, row in troubles if port is not None
        ),
        frozenset(port for port in registered if port is not None),
        word(device[0].get("status")) if device else "",
    )
