"""Why calls end and messages fail: Q.850 causes, CMS, CME and SMPP codes, TP-ST, mapped on to Twilio's words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum, StrEnum

from telecore.model import CallStatus


class Cause(IntEnum):
    """Q.850 §2.2.7, as far as GSM networks use it (24.008 §10.5.4.11)."""

    UNALLOCATED_NUMBER = 1
    NO_ROUTE = 3
    OPERATOR_BARRING = 8
    NORMAL_CLEARING = 16
    USER_BUSY = 17
    NO_USER_RESPONDING = 18
    NO_ANSWER = 19
    SUBSCRIBER_ABSENT = 20
    CALL_REJECTED = 21
    NUMBER_CHANGED = 22
    DESTINATION_OUT_OF_ORDER = 27
    INVALID_NUMBER = 28
    FACILITY_REJECTED = 29
    NORMAL_UNSPECIFIED = 31
    NO_CIRCUIT = 34
    NETWORK_OUT_OF_ORDER = 38
    TEMPORARY_FAILURE = 41
    CONGESTION = 42
    CHANNEL_UNAVAILABLE = 44
    RESOURCES_UNAVAILABLE = 47
    NOT_SUBSCRIBED = 50
    BARRED = 57
    SERVICE_UNAVAILABLE = 63
    CREDIT_EXHAUSTED = 68
    TIMER_EXPIRED = 102
    INTERWORKING = 127


_STATUS_BEFORE_ANSWER = {
    Cause.USER_BUSY: CallStatus.BUSY,
    Cause.CALL_REJECTED: CallStatus.BUSY,
    Cause.NORMAL_CLEARING: CallStatus.NO_ANSWER,
    Cause.NORMAL_UNSPECIFIED: CallStatus.NO_ANSWER,
    Cause.NO_USER_RESPONDING: CallStatus.NO_ANSWER,
    Cause.NO_ANSWER: CallStatus.NO_ANSWER,
    Cause.SUBSCRIBER_ABSENT: CallStatus.NO_ANSWER,
    Cause.TIMER_EXPIRED: CallStatus.NO_ANSWER,
}

SIP_RESPONSES = {
    1: 404, 3: 503, 8: 403, 16: 200, 17: 486, 18: 480, 19: 480, 20: 480, 21: 603, 22: 410, 27: 502, 28: 484,
    29: 501, 31: 480, 34: 503, 38: 503, 41: 503, 42: 503, 44: 503, 47: 503, 50: 403, 57: 403, 63: 503, 68: 402,
    102: 504, 127: 500,
}  # fmt: skip
"""RFC 3398 §8.2.6.1, and for causes it leaves out the nearest response. 404 is said of a number that does not exist and
of nothing else; there it stands for no route (3) too."""


def status_of(cause: int, *, answered: bool) -> CallStatus:
    """Twilio's final status of a call that ended with this cause."""
    if answered:
        return CallStatus.COMPLETED
    try:
        return _STATUS_BEFORE_ANSWER.get(Cause(cause), CallStatus.FAILED)
    except ValueError:
        return CallStatus.FAILED


_SIP_CAUSES = {
    400: 41, 401: 21, 402: 68, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127,
    415: 79, 416: 127, 420: 127, 421: 127, 422: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1,
    486: 17, 487: 16, 488: 88, 500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21,
    604: 1, 606: 88,
}  # fmt: skip
"""RFC 3398 §8.2.6.1 read the other way (§7.2.4.1), and for responses it leaves out the nearest cause."""
_REASON = re.compile(r"\s*Q\.850\s*;(?:[^,]*;)?\s*cause\s*=\s*\"?([0-9]{1,3})", re.IGNORECASE)


def cause_of_sip(status: int, reasons: Iterable[str] = ()) -> int:
    """The Q.850 cause of a SIP response that ended a call. ``reasons``: its Reason headers (RFC 3326) know better.

    The class of the response counts where it is not known itself; a redirection that is not followed is 23.
    """
    told = cause_of_reason(reasons)
    if told is not None:
        return told
    known = _SIP_CAUSES.get(status)
    if known is not None:
        return known
    return {3: 23, 4: 127, 5: 41, 6: 21}.get(status // 100, 127)


def cause_of_reason(reasons: Iterable[str]) -> int | None:
    """``Q.850;cause=17;text="busy"`` among the values of Reason headers; None where there is none from 1 to 127."""
    for value in reasons:
        for piece in value.split(","):
            found = _REASON.match(piece)
            if found and 0 < int(found[1]) < 128:
                return int(found[1])
    return None


def reason_of_cause(cause: int) -> str:
    """The Reason header that tells a cause to the far end."""
    return f"Q.850;cause={int(cause)}"


def rejection_of(cause: int) -> int:
    """The SIP response that refuses a call which is not answered yet."""
    status = SIP_RESPONSES.get(cause, 500)
    return 480 if status < 400 else status


def sip_response_of(cause: int, *, answered: bool) -> int:
    """What ``SipResponseCode`` of the final status callback says. 200 is the answer's alone."""
    return 200 if answered else rejection_of(cause)


class Blame(StrEnum):
    """Whose fault a failed submit is, and so what to do next (``modems`` facts: D, H/O, R, F, unknown)."""

    DESTINATION = "destination"
    SIM = "sim"
    NETWORK = "network"
    MODEM = "modem"
    UNKNOWN = "unknown"


_CMS: dict[int, tuple[Blame, int]] = {
    **dict.fromkeys((1, 28, 195), (Blame.DESTINATION, 30005)),
    **dict.fromkeys((27, 30), (Blame.DESTINATION, 30003)),
    196: (Blame.DESTINATION, 30004),
    **dict.fromkeys((8, 10, 29, 50, 193), (Blame.SIM, 30004)),
    21: (Blame.SIM, 30007),
    **dict.fromkeys((310, 311, 312, 313, 315, 316, 317, 318), (Blame.SIM, 30008)),
    **dict.fromkeys((17, 38, 41, 42, 47, 192, 194, 331), (Blame.NETWORK, 30017)),
    **dict.fromkeys((314, 515), (Blame.NETWORK, 30008)),
    **dict.fromkeys((127, 255, 500), (Blame.NETWORK, 30008)),
    **dict.fromkeys((197, 332), (Blame.UNKNOWN, 30008)),
}  # fmt: skip
"""Everything else is for the modem, or for whoever wrote the PDU. 314 and 515 are a SIM and a modem that are busy."""
AMBIGUOUS_CMS = frozenset({21, 127, 255, 500})
"""Refusals that may mean no credit, a filter, or nothing at all."""


def blame_cms(code: int | None) -> tuple[Blame, int]:
    """Who is to blame for ``+CMS ERROR: code`` (27.005 §3.2.5), and Twilio's error code for it."""
    return _CMS.get(code if code is not None else 500, (Blame.MODEM, 30008))


_SMPP: dict[int, tuple[Blame, int]] = {
    **dict.fromkeys((0x14, 0x58), (Blame.NETWORK, 30001)),
    **dict.fromkeys((0x08, 0x45, 0x64, 0xFE, 0xFF), (Blame.NETWORK, 30008)),
    0x0B: (Blame.DESTINATION, 21211),
    0x65: (Blame.DESTINATION, 30003),
    0x66: (Blame.DESTINATION, 30007),
    **dict.fromkeys((0x0A, 0x48, 0x49), (Blame.SIM, 21212)),
    0x01: (Blame.MODEM, 21617),
    **dict.fromkeys(range(0x400, 0x500), (Blame.NETWORK, 30008)),
}
"""0x14 and 0x58 are a full queue and too many submits; 0x400 to 0x4FF have a meaning with one vendor only. Everything
else finds fault with how the link is set up."""


def blame_smpp(code: int | None) -> tuple[Blame, int]:
    """Who is to blame for a submit_sm_resp with this command_status (SMPP 3.4 §5.1.3), and Twilio's error code."""
    return _SMPP.get(code, (Blame.MODEM, 30008)) if code is not None else (Blame.MODEM, 30008)


def blame_submit(kind: str, code: int | None) -> tuple[Blame, int]:
    """Who is to blame for a refused submit, and Twilio's error code; ``kind`` and ``code`` as in DeviceRefused."""
    return blame_smpp(code) if kind == "smpp" else blame_cms(code)


_CME: dict[int, Blame] = {
    **dict.fromkeys((10, 11, 12, 13, 15, 16, 17, 18, *range(40, 48)), Blame.SIM),
    **dict.fromkeys((102, 103, 104, 106, 107, 108, 177), Blame.SIM),
    **dict.fromkeys((14, 30, 31, 32, 111, 112, 113, 116, 117, 122, 515), Blame.NETWORK),
    **dict.fromkeys((26, 27), Blame.DESTINATION),
}


def blame_cme(code: int | None) -> Blame:
    """Who is to blame for ``+CME ERROR: code`` (27.007 §9.2)."""
    return _CME.get(code, Blame.MODEM) if code is not None else Blame.MODEM


class CallBlame(StrEnum):
    """Whose doing the end of a call is that nobody answered."""

    NORMAL = "normal"
    SIM = "sim"
    NETWORK = "network"
    DESTINATION = "destination"
    DOUBTFUL = "doubtful"
    """Operators also end calls so that have no credit, or that they filter."""


_CALLS: dict[int, CallBlame] = {
    **dict.fromkeys((16, 17, 18, 19), CallBlame.NORMAL),
    **dict.fromkeys((8, 29, 50, 57, 63, 68), CallBlame.SIM),
    **dict.fromkeys((1, 3, 20, 22, 27, 28), CallBlame.DESTINATION),
    **dict.fromkeys((34, 38, 41, 42, 43, 44, 47, 58, 102), CallBlame.NETWORK),
    **dict.fromkeys((21, 31, 127), CallBlame.DOUBTFUL),
}
"""55 (barred in its user group) and 65 (bearer not implemented) may be the account's, and are too rare to be counted
against it."""


def blame_call(cause: int) -> CallBlame:
    """Who is to blame for a call that ended with this Q.850 cause before an answer."""
    return _CALLS.get(cause, CallBlame.NETWORK)


_REGISTRATION: dict[int, Blame] = {
    **dict.fromkeys((2, 3, 7, 8), Blame.SIM),
    **dict.fromkeys((5, 6), Blame.MODEM),
    **dict.fromkeys((11, 12, 13, 14, 15), Blame.DESTINATION),
}


def blame_registration(cause: int) -> Blame:
    """Who is to blame for a registration refused with this cause (24.008 §10.5.3.6). ``destination``: the place."""
    return _REGISTRATION.get(cause, Blame.NETWORK)


PERMANENT_REJECTS = frozenset({2, 3, 6})
"""After these a modem leaves the network alone until its SIM or its power was taken out (24.008 §4.4.4.7)."""
AUTHENTICATION_REJECTS = frozenset({20, 21})
"""MAC and synch failure: repeated, the SIM cannot prove who it is."""


class ReportKind(StrEnum):
    DELIVERED = "delivered"
    TRYING = "trying"
    FAILED = "failed"


def report_kind(status: int) -> ReportKind:
    """What a TP-ST says (23.040 §9.2.3.15): 0x20–0x3F the service centre still tries, 0x40 and above it gave up."""
    if status < 0x20:
        return ReportKind.DELIVERED
    return ReportKind.TRYING if status < 0x40 else ReportKind.FAILED


_REPORT_CODES = {0x41: 30005, 0x45: 30003, 0x46: 30036}


def report_code(status: int) -> int:
    """Twilio's error code for a failed TP-ST."""
    return _REPORT_CODES.get(status, 30008)
