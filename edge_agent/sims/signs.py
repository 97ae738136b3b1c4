"""What happened to a SIM's traffic, as values, and whose doing each failure is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edge_agent.contracts import CallFacts
from telecore.causes import (
    AMBIGUOUS_CMS,
    Blame,
    CallBlame,
    Cause,
    ReportKind,
    blame_call,
    blame_cme,
    blame_cms,
    blame_smpp,
    report_kind,
)


class Doing(StrEnum):
    """Who is behind an outcome. Only ``sim`` and ``doubtful`` can be held against a SIM;
    ``congestion`` makes it rest without blame.
    """

    GOOD = "good"
    SIM = "sim"
    DOUBTFUL = "doubtful"
    CONGESTION = "congestion"
    NETWORK = "network"
    DESTINATION = "destination"
    MODEM = "modem"


class Kind(StrEnum):
    SMS = "sms"
    CALL = "call"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Sign:
    """One outcome. ``at`` is of the monotonic clock, ``to`` whom it was for, ``what`` a few words for the evidence."""

    at: float
    kind: Kind
    doing: Doing
    to: str
    what: str
    answered: bool = False
    talk_s: float | None = None
    ring_s: float | None = None


_OF_BLAME = {
    Blame.SIM: Doing.SIM,
    Blame.NETWORK: Doing.NETWORK,
    Blame.DESTINATION: Doing.DESTINATION,
    Blame.MODEM: Doing.MODEM,
    Blame.UNKNOWN: Doing.NETWORK,
}
CONGESTED = (42, 122)
"""Q.850 and CMS 42; CME 122 (27.007 §9.2)."""


def sms_doing(kind: str, code: int | None) -> Doing:
    """Whose doing a refused submit is; ``kind`` and ``code`` as in DeviceRefused."""
    if kind == "cms" and (code is None or code in AMBIGUOUS_CMS):
        return Doing.DOUBTFUL
    if kind in ("cms", "cme") and code in CONGESTED:
        return Doing.CONGESTION
    if kind == "cms":
        return _OF_BLAME[blame_cms(code)[0]]
    if kind == "cme":
        return _OF_BLAME[blame_cme(code)]
    if kind == "smpp":
        return _OF_BLAME[blame_smpp(code)[0]]
    return Doing.MODEM


_OF_CALL = {
    CallBlame.SIM: Doing.SIM,
    CallBlame.NETWORK: Doing.NETWORK,
    CallBlame.DESTINATION: Doing.DESTINATION,
    CallBlame.NORMAL: Doing.GOOD,
    CallBlame.DOUBTFUL: Doing.DOUBTFUL,
}


def call_doing(cause: int, *, answered: bool, lasted_s: float | None, short_s: float) -> Doing:
    """Whose doing the end of an outgoing call is. A call that was answered says nothing against anybody.

    ``lasted_s``: from dialling to its end; causes that operators also use for "no credit" count only when they
    come at once.
    """
    if answered:
        return Doing.GOOD
    if cause == Cause.CONGESTION:
        return Doing.CONGESTION
    doing = _OF_CALL[blame_call(cause)]
    if doing is Doing.DOUBTFUL and lasted_s is not None and lasted_s > short_s:
        return Doing.GOOD
    return doing


def report_doing(kind: ReportKind) -> Doing | None:
    """None: the service centre still tries."""
    return {ReportKind.DELIVERED: Doing.GOOD, ReportKind.FAILED: Doing.DESTINATION}.get(kind)


def cause_words(cause: int) -> str:
    """``cause 57 (barred)``."""
    try:
        return f"cause {cause} ({Cause(cause).name.lower().replace('_', ' ')})"
    except ValueError:
        return f"cause {cause}"


def of_sent(at: float, tail: str) -> Sign:
    """The network took a segment. ``tail``: the end of the number."""
    return Sign(at, Kind.SMS, Doing.GOOD, tail, "sent")


def of_refusal(at: float, tail: str, kind: str, code: int | None) -> Sign:
    """It did not; ``kind`` and ``code`` as in DeviceRefused."""
    what = f"SMS to …{tail[-3:]}: {kind.upper()} {code if code is not None else 'without code'}"
    return Sign(at, Kind.SMS, sms_doing(kind, code), tail, what)


def of_report(at: float, tail: str, status: int) -> Sign | None:
    """A status report came with this TP-ST; None while the service centre still tries."""
    doing = report_doing(report_kind(status))
    what = f"report of an SMS to …{tail[-3:]}: TP-ST 0x{status:02x}"
    return Sign(at, Kind.REPORT, doing, tail, what) if doing is not None else None


def of_call(at: float, tail: str, facts: CallFacts, short_s: float) -> Sign | None:
    """An outgoing call is over; None when it was we who ended it before an answer."""
    answered = facts.talk_s is not None
    if facts.by_us and not answered:
        return None
    doing = call_doing(facts.cause, answered=answered, lasted_s=facts.lasted_s, short_s=short_s)
    what = f"call to …{tail[-3:]}: {cause_words(facts.cause)}"
    return Sign(at, Kind.CALL, doing, tail, what, answered, facts.talk_s, facts.ring_s)
