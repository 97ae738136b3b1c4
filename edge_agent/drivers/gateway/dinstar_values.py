"""What Dinstar's HTTP API speaks of, and how each is read from a row of JSON. Lenient: what is missing is empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edge_agent.drivers.gateway.box_values import integer, part_key, word
from telecore.model import ChannelState, LineCall
from telecore.reassembly import heal_surrogates


class SmsStatus(StrEnum):
    SENDING = "SENDING"
    SENT_OK = "SENT_OK"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class SmsResult:
    """How a message went. ``ref``: TP-MR of its first segment; ``user_id`` is missing in what is pushed."""

    port: int
    number: str
    status: SmsStatus
    user_id: int | None = None
    count: int = 1
    succeeded: int = 0
    ref: int | None = None
    time: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A status report; ``status`` is TP-ST, ``ref`` TP-MR."""

    port: int
    number: str
    ref: int
    status: int
    time: str = ""

    @property
    def key(self) -> str:
        """The same for the same report, pushed or asked for."""
        return f"{self.ref}/{self.number}/{self.status}/{''.join(self.time.split())}"


@dataclass(frozen=True, slots=True)
class IncomingSms:
    """A received text, whole. ``id`` counts within the box, and may begin anew when it restarts."""

    port: int
    number: str
    text: str
    timestamp: str
    smsc: str = ""
    id: int | None = None

    @property
    def key(self) -> str:
        """By what the sender and the network made it; not by ``id``, so that a restart of the box doubles nothing."""
        return part_key("dinstar", self.number, "".join(self.timestamp.split()), self.text)


@dataclass(frozen=True, slots=True)
class PortInfo:
    """One port; what the box does not tell is empty. ``signal``: 0 to 31 (27.007 §8.5)."""

    port: int
    reg: str = ""
    imsi: str = ""
    iccid: str = ""
    number: str = ""
    type: str = ""
    signal: int | None = None
    call: LineCall | None = None


@dataclass(frozen=True, slots=True)
class UssdText:
    port: int
    text: str


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call that is over. ``cause``: of the GSM side (24.008 §10.5.4.11), None when not told; seconds of talk."""

    port: int
    outgoing: bool
    source: str
    destination: str
    duration_s: int
    cause: int | None
    started: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """``exception_info``: what the box noticed of a port, and what it did about it."""

    port: int
    type: str
    action: str


_STATES = {
    "REGISTER_OK": (ChannelState.REGISTERED, "", ""),
    "NO_SIM": (ChannelState.ABSENT, "no SIM", ""),
    "PIN_REQUIRE": (ChannelState.LOCKED, "the SIM wants its PIN: give it in the box's pages", "SIM PIN"),
    "PUK_REQUIRE": (ChannelState.LOCKED, "the SIM wants its PUK: unlock it in a phone", "SIM PUK"),
    "POWER_OFF": (ChannelState.DISABLED, "switched off in the box", ""),
    "UNREGISTER": (ChannelState.SEARCHING, "not registered", ""),
    "SEARCHING_NETWORK": (ChannelState.SEARCHING, "searching", ""),
}


def state_of(reg: str) -> tuple[ChannelState, str, str]:
    """State, reason and lock (as in RadioStatus) for what a port's ``reg`` says."""
    known = _STATES.get(reg.upper())
    if known is not None:
        return known
    if any(part in reg.upper() for part in ("DENIED", "REJECT", "FORBID")):
        return ChannelState.DENIED, "registration denied", ""
    return ChannelState.SEARCHING, f"the box says {reg[:40]}" if reg else "the box does not tell", ""


ACCESS = {"GSM": "GSM", "WCDMA": "UMTS", "LTE": "LTE", "CDMA": "CDMA"}
_CALLS = {
    "IDLE": LineCall.IDLE, "PROCESSING": LineCall.DIALING, "DIALING": LineCall.DIALING, "ALERTING": LineCall.ALERTING,
    "ACTIVE": LineCall.CONNECTED, "RINGING": LineCall.INCOMING,
}  # fmt: skip


def result_of(row: Mapping[str, object]) -> SmsResult | None:
    port = integer(row.get("port"))
    if port is None:
        return None
    name = word(row.get("status")).upper()
    status = SmsStatus(name) if name in SmsStatus.__members__ else SmsStatus.UNKNOWN
    count = integer(row.get("count"))
    ref = integer(row.get("ref_id"))
    return SmsResult(
        port,
        word(row.get("number")),
        status,
        integer(row.get("user_id")),
        count if count is not None and 1 <= count <= 255 else 1,
        integer(row.get("succ_count")) or 0,
        ref if ref is not None and ref >= 0 else None,
        word(row.get("time")),
    )


def delivered_of(row: Mapping[str, object]) -> Delivered | None:
    port, ref, status = integer(row.get("port")), integer(row.get("ref_id")), integer(row.get("status_code"))
    if port is None or ref is None or status is None or not 0 <= status <= 255 or ref < 0:
        return None
    return Delivered(port, word(row.get("number")), ref, status, word(row.get("time")))


def incoming_of(row: Mapping[str, object]) -> IncomingSms | None:
    port, text = integer(row.get("port")), row.get("text")
    if port is None or not isinstance(text, str):
        return None
    return IncomingSms(
        port,
        word(row.get("number")),
        heal_surrogates(text),
        word(row.get("timestamp")),
        word(row.get("smsc")),
        integer(row.get("incoming_sms_id")),
    )


def port_of(row: Mapping[str, object]) -> PortInfo | None:
    port = integer(row.get("port"))
    if port is None:
        return None
    reg, imsi, iccid, number, kind = (word(row.get(name)) for name in ("reg", "imsi", "iccid", "number", "type"))
    call = _CALLS.get(word(row.get("callstate")).upper())
    return PortInfo(port, reg, imsi, iccid, number, kind, integer(row.get("signal")), call)


def call_of(row: Mapping[str, object]) -> CallRecord | None:
    port = integer(row.get("port"))
    if port is None:
        return None
    cause = integer(row.get("gsm_code"))
    return CallRecord(
        port,
        word(row.get("direction")).lower().startswith("ip"),
        word(row.get("source_number")),
        word(row.get("destination_number")),
        max(0, integer(row.get("duration")) or 0),
        cause if cause is not None and 1 <= cause <= 127 else None,
        word(row.get("start_date")),
    )
