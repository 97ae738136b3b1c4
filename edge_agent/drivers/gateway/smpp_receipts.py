"""Delivery receipts (SMPP 3.4 §2.11, Appendix B): text, optional parameters, or both, as SMSCs write them (pure).

``id:IIII sub:SSS dlvrd:DDD submit date:YYMMDDhhmm done date:YYMMDDhhmm stat:DELIVRD err:E text:…``
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from edge_agent.contracts import StatusReport
from edge_agent.drivers.gateway.smpp_pdu import ShortMessage, Tlv
from edge_agent.drivers.gateway.smpp_settings import ReceiptIds, SmppSettings
from edge_agent.drivers.gateway.smpp_text import number_of, own_number

_STATES: Mapping[str, int] = {
    "DELIVRD": 0x00, "DELIVERED": 0x00, "SCHEDLD": 0x30, "SCHEDULED": 0x30, "ENROUTE": 0x30, "ACCEPTD": 0x30,
    "ACCEPTED": 0x30, "BUFFRED": 0x30, "EXPIRED": 0x46, "DELETED": 0x48, "UNDELIV": 0x43, "UNDELIVERABLE": 0x43,
    "UNKNOWN": 0x65, "REJECTD": 0x42, "REJECTED": 0x42, "SKIPPED": 0x48, "FAILED": 0x43,
}  # fmt: skip
"""stat of the text → TP-ST (23.040 §9.2.3.15); 0x30 is "the SMSC still tries"."""
_NUMBERED = {
    0: 0x30, 1: 0x30, 2: 0x00, 3: 0x46, 4: 0x48, 5: 0x43, 6: 0x30, 7: 0x65, 8: 0x42, 9: 0x48,
}  # fmt: skip
"""message_state (SMPP 3.4 §5.2.28, 5.0 §4.7.15) → TP-ST."""

_MESSAGE_TYPE, _RECEIPT, _INTERMEDIATE = 0x3C, 0x04, 0x20
_LONGEST_ID = 65
_UCS2 = 0x08
_FIELD = re.compile(r"(id|sub|dlvrd|submit date|done date|stat|err) *: *([^ \r\n\0]*)", re.IGNORECASE)
_WHOLE = re.compile(r"\s*id *: *\S+ +sub *: *\d+ +dlvrd *: *\d+ +submit date *:.*\bstat *: *[A-Z]+", re.I | re.S)
_TEXT = re.compile(r"\btext *:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Receipt:
    """``id`` as written; ``status`` as TP-ST; ``done_at`` as far as it is told, in the SMSC's own time."""

    id: str
    status: int
    done_at: datetime | None = None


def receipt_of(message: ShortMessage) -> Receipt | None:
    """The receipt that a deliver_sm is; None: it is a message.

    What is marked as a receipt counts as one if it names an id and a state. Without the mark it must have both optional
    parameters, or the whole text of Appendix B, which nobody writes by hand.
    """
    kind = message.esm_class & _MESSAGE_TYPE
    tagged = Tlv.RECEIPTED_MESSAGE_ID in message.tlvs and Tlv.MESSAGE_STATE in message.tlvs
    text = message.body.decode("utf-16-be" if message.data_coding == _UCS2 else "latin-1", "replace")
    if kind not in (_RECEIPT, _INTERMEDIATE) and not tagged and not _WHOLE.match(text):
        return None
    fields = _fields(text)
    name = message.tlvs.get(Tlv.RECEIPTED_MESSAGE_ID, b"").rstrip(b"\0").decode("latin-1") or fields.get("id", "")
    status = _status(message.number(Tlv.MESSAGE_STATE), fields.get("stat", ""))
    if not name.strip() or len(name) > _LONGEST_ID or status is None:
        return None
    return Receipt(name, status, _moment(fields.get("done date", "")))


def is_marked(message: ShortMessage) -> bool:
    """Whether the SMSC says that it is a receipt."""
    return message.esm_class & _MESSAGE_TYPE in (_RECEIPT, _INTERMEDIATE)


def report_of(receipt: Receipt, message: ShortMessage, settings: SmppSettings) -> StatusReport:
    """What the core is told. A receipt comes from whom the message went to; some SMSCs turn the addresses around."""
    turned = own_number(message.source, settings.numbers) in settings.numbers
    ids = ids_of_receipt(receipt.id, settings.receipt_ids)
    recipient = number_of(message.destination if turned else message.source)
    return StatusReport(
        channel=settings.channel,
        key=_key(receipt, message),
        ref=ids[0],
        recipient=recipient,
        status=receipt.status,
        done_at=receipt.done_at,
        others=ids[1:],
    )


def id_of_response(name: str, form: ReceiptIds) -> str:
    """The id of a submit_sm_resp as it is kept, so that a receipt finds it."""
    base = {ReceiptIds.RESPONSE_HEX: 16, ReceiptIds.RESPONSE_DECIMAL: 10}.get(form)
    return _as_number(name, base) or _plain(name) if base else _plain(name)


def ids_of_receipt(name: str, form: ReceiptIds) -> tuple[str, ...]:
    """The id of a receipt in the form of ``id_of_response``; with AUTO also what else it may mean."""
    if form in (ReceiptIds.RESPONSE_HEX, ReceiptIds.RESPONSE_DECIMAL):
        return (_as_number(name, 10 if form is ReceiptIds.RESPONSE_HEX else 16) or _plain(name),)
    same = _plain(name)
    if form is ReceiptIds.SAME:
        return (same,)
    as_hex, as_decimal = _as_number(name, 16), _as_number(name, 10)
    others = (as_hex, f"{int(as_decimal):x}" if as_decimal else None)
    return (same, *(other for other in dict.fromkeys(others) if other and other != same))


def _plain(name: str) -> str:
    """Case and leading zeros tell no two messages of one SMSC apart, and get lost on the way."""
    return name.strip().lower().lstrip("0") or "0"


def _as_number(name: str, base: int) -> str | None:
    """The decimal digits of a hex or decimal id; None: it is none."""
    digits = name.strip().lower().removeprefix("0x")
    allowed = "0123456789abcdef" if base == 16 else "0123456789"
    if not digits or len(digits) > _LONGEST_ID or any(char not in allowed for char in digits):
        return None
    return str(int(digits, base))


def _fields(text: str) -> dict[str, str]:
    """The named fields before ``text:``, behind which stands what somebody else wrote."""
    end = _TEXT.search(text)
    found: dict[str, str] = {}
    for name, value in _FIELD.findall(text[: end.start()] if end else text):
        found.setdefault(name.lower(), value)
    return found


def _status(state: int | None, stat: str) -> int | None:
    if stat.upper() in _STATES:
        return _STATES[stat.upper()]
    return _NUMBERED.get(state) if state is not None else None


def _moment(text: str) -> datetime | None:
    """YYMMDDhhmm or with seconds. The zone is nobody's to know; UTC is what most write."""
    form = {10: "%y%m%d%H%M", 12: "%y%m%d%H%M%S", 14: "%Y%m%d%H%M%S"}.get(len(text))
    if form is None or not text.isascii() or not text.isdecimal():
        return None
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None


def _key(receipt: Receipt, message: ShortMessage) -> str:
    """The same receipt sent again is one; a later state of the same message is another."""
    written = f"{receipt.id}\0{receipt.status}\0{message.source.value}\0{message.destination.value}".encode()
    return hashlib.sha256(written + message.body).hexdigest()[:32]
