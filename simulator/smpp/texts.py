"""What SMPP carries, as the network carries it: submit_sm → parts, a parcel → deliver_sm (pure)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from simulator.alphabet import from_septets, to_septets
from simulator.pdu import Concat, UserData, read_concat
from simulator.segments import split_text
from simulator.smpp.codec import (
    PAYLOAD,
    PORT,
    RECEIPT,
    RECEIPTED_ID,
    SAR_NUMBER,
    SAR_REFERENCE,
    SAR_TOTAL,
    STATE,
    UDHI,
    BadPdu,
    Party,
    Sm,
)
from simulator.smsc import Parcel

_UCS2, _DATA = 0x08, 0x04
_STATES = {0x00: ("DELIVRD", 2), 0x43: ("UNDELIV", 5), 0x46: ("EXPIRED", 3), 0x40: ("UNDELIV", 5)}


def number_of(party: Party) -> str:
    """As the network knows it: international with a +, names and short codes as they are."""
    return f"+{party.number}" if party.ton == 1 and party.number.isdecimal() else party.number


def party_of(number: str) -> Party:
    """The other way round."""
    if number.startswith("+"):
        return Party(number[1:])
    return Party(number, 0, 1) if number.isdecimal() else Party(number[:11], 5, 0)


def parts_of(sm: Sm, reference: int) -> list[UserData]:
    """What goes on the air. `reference` joins the parts that the SMSC makes of a payload. Raises BadPdu, ValueError."""
    header, content = b"", sm.content
    if sm.esm_class & UDHI:
        if not content or len(content) <= content[0]:
            raise BadPdu("the user data header is longer than the message")
        header, content = content[1 : 1 + content[0]], content[1 + content[0] :]
    elif SAR_REFERENCE in sm.tags:
        reference = int.from_bytes(sm.tags[SAR_REFERENCE], "big")
        which = (
            bytes([0x00, 0x03, reference]) if reference < 256 else bytes([0x08, 0x04]) + reference.to_bytes(2, "big")
        )
        header = which + sm.tags[SAR_TOTAL] + sm.tags[SAR_NUMBER]
    if PORT in sm.tags:
        header += bytes([0x05, 0x04]) + sm.tags[PORT] + bytes(2)
    flash = 0x10 if sm.coding & 0x10 else 0
    if sm.coding & 0x0F == _DATA:
        return [UserData(_DATA | flash, data=content, header=header)]
    ucs2 = sm.coding & 0x0F == _UCS2
    text = content.decode("utf-16-be", "surrogatepass") if ucs2 else from_septets(content)
    if PAYLOAD in sm.tags:
        return [
            UserData(part.coding | flash, part.text, header=header + part.header)
            for part in split_text(text, reference)
        ]
    if not ucs2 and (8 * (len(header) + (1 if header else 0)) + 6) // 7 + len(content) > 160:
        raise BadPdu("more than 160 septets")
    return [UserData((_UCS2 if ucs2 else 0) | flash, text, header=header)]


def concat_of(part: UserData) -> Concat | None:
    """Which part of what it is."""
    return read_concat(part.header)


def message_of(parcel: Parcel, *, by_sar: bool) -> Sm:
    """A message for the customer."""
    content, coding = parcel.content, parcel.content.coding
    if content.data:
        octets = content.data
    elif coding & 0x0C == _UCS2:
        octets = content.text.encode("utf-16-be", "surrogatepass")
    else:
        octets = to_septets(content.text)
    to, sender = party_of(parcel.to), party_of(parcel.sender)
    concat = parcel.concat
    if by_sar and concat is not None:
        tags = {
            SAR_REFERENCE: concat.reference.to_bytes(2, "big"),
            SAR_TOTAL: bytes([concat.total]),
            SAR_NUMBER: bytes([concat.number]),
        }
        return Sm(sender, to, octets, coding=coding, tags=tags)
    if content.header:
        octets = bytes([len(content.header)]) + content.header + octets
    return Sm(sender, to, octets, esm_class=UDHI if content.header else 0, coding=coding)


def receipt_of(parcel: Parcel, message_id: str, *, tagged: bool, marked: bool = True) -> Sm:
    """A delivery receipt (appendix B). `tagged`: with optional parameters as well; `marked`: in esm_class."""
    status = parcel.report_status or 0
    stat, state = _STATES.get(status, ("UNDELIV", 5) if status >= 0x40 else ("ENROUTE", 1))
    submitted, done = (_stamp(moment) for moment in (parcel.submitted_at, parcel.done_at))
    text = (
        f"id:{message_id} sub:001 dlvrd:{int(stat == 'DELIVRD'):03d} submit date:{submitted} done date:{done}"
        f" stat:{stat} err:{status:03d} text:"
    )
    tags = {RECEIPTED_ID: message_id.encode() + b"\0", STATE: bytes([state])} if tagged else {}
    source, to = party_of(parcel.sender), party_of(parcel.to)
    return Sm(source, to, text.encode(), esm_class=RECEIPT if marked else 0, tags=tags)


def expiry(validity: str, now: float) -> float | None:
    """When a message with this validity_period is given up (§7.1.1); None: the SMSC's own time. Raises BadPdu."""
    if not validity:
        return None
    if len(validity) != 16 or not validity[:15].isdecimal() or validity[15] not in "R+-":
        raise BadPdu(f"validity_period {validity!r}")
    pairs = [int(validity[at : at + 2]) for at in range(0, 12, 2)]
    if validity[15] == "R":
        years, months, days, hours, minutes, seconds = pairs
        days += 30 * months + 365 * years
        return now + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    try:
        moment = datetime(2000 + pairs[0], *pairs[1:], tzinfo=UTC)  # type: ignore[misc,arg-type]  # five of them
    except ValueError as error:
        raise BadPdu(f"validity_period {validity!r}: {error}") from error
    quarters = int(validity[13:15]) * (1 if validity[15] == "+" else -1)
    return (moment - timedelta(minutes=15 * quarters)).timestamp()


def _stamp(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%y%m%d%H%M}"
