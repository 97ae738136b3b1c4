"""SMS transfer PDUs as the network sees them: SUBMIT comes in, DELIVER and STATUS-REPORT go out (23.040 §9.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from simulator.alphabet import from_septets, pack, to_septets, unpack

SEMI_OCTETS = "0123456789*#abc"


class PduError(ValueError):
    """The octets are no PDU of the kind expected; the text says where they stop making sense."""


@dataclass(frozen=True, slots=True)
class Concat:
    """Which part of which message (23.040 §9.2.3.24.1 and .8)."""

    reference: int
    total: int
    number: int
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Submit:
    """A message on its way to the SMSC."""

    smsc: str | None
    reference: int
    to: str
    protocol: int
    coding: int
    text: str
    data: bytes
    header: bytes
    concat: Concat | None
    report: bool
    reject_duplicates: bool
    validity: timedelta | None


class _Reader:
    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def take(self, count: int, what: str) -> bytes:
        piece = self._octets[self._at : self._at + count]
        if len(piece) < count:
            raise PduError(f"the PDU ends inside {what}")
        self._at += count
        return piece

    def octet(self, what: str) -> int:
        return self.take(1, what)[0]

    def rest(self) -> bytes:
        return self._octets[self._at :]


def decode_submit(octets: bytes, *, length: int | None = None, now: float | None = None) -> Submit:
    """SMSC address and SMS-SUBMIT; `length` is what AT+CMGS announced: octets after the SMSC address.

    `now`, in seconds since 1970, is what an absolute validity period counts from.
    """
    reader = _Reader(octets)
    smsc_length = reader.octet("the SMSC length")
    smsc = reader.take(smsc_length, "the SMSC address")
    if length is not None and length != len(octets) - 1 - smsc_length:
        raise PduError(f"AT+CMGS announced {length} octets, {len(octets) - 1 - smsc_length} came")
    first = reader.octet("the first octet")
    if first & 0x03 != 0x01:
        raise PduError("the message type is not SMS-SUBMIT")
    reference = reader.octet("TP-MR")
    to = _read_address(reader)
    protocol, coding = reader.octet("TP-PID"), reader.octet("TP-DCS")
    moment = datetime.now(UTC) if now is None else datetime.fromtimestamp(now, UTC)
    validity = _read_validity(reader, (first >> 3) & 0x03, moment)
    text, data, header = _read_user_data(reader, coding, has_header=bool(first & 0x40))
    return Submit(
        smsc=_number(smsc[1:], smsc[0]) if smsc else None,
        reference=reference,
        to=to,
        protocol=protocol,
        coding=coding,
        text=text,
        data=data,
        header=header,
        concat=read_concat(header),
        report=bool(first & 0x20),
        reject_duplicates=bool(first & 0x04),
        validity=validity,
    )


def _read_address(reader: _Reader) -> str:
    digits = reader.octet("the address length")
    kind = reader.octet("the type of address")
    octets = reader.take((digits + 1) // 2, "the address")
    if (kind >> 4) & 0x07 == 5:  # alphanumeric
        return from_septets(unpack(octets, digits * 4 // 7))
    return _number(octets, kind)


def _number(octets: bytes, kind: int) -> str:
    nibbles = [nibble for octet in octets for nibble in (octet & 0x0F, octet >> 4)]
    digits = "".join(SEMI_OCTETS[nibble] for nibble in nibbles if nibble != 0x0F)
    return "+" + digits if (kind >> 4) & 0x07 == 1 else digits


def _read_validity(reader: _Reader, form: int, now: datetime) -> timedelta | None:
    if form == 0:
        return None
    if form == 2:  # relative
        return _relative_validity(reader.octet("TP-VP"))
    octets = reader.take(7, "TP-VP")
    if form == 1:  # enhanced
        return _enhanced_validity(octets)
    try:
        return max(timedelta(0), _stamp_time(octets) - now)
    except ValueError as error:
        raise PduError(f"TP-VP is no time: {octets.hex()}") from error


def _relative_validity(value: int) -> timedelta:
    if value <= 143:
        return timedelta(minutes=5 * (value + 1))
    if value <= 167:
        return timedelta(hours=12, minutes=30 * (value - 143))
    return timedelta(days=value - 166) if value <= 196 else timedelta(weeks=value - 192)


def _enhanced_validity(octets: bytes) -> timedelta | None:
    form = octets[0] & 0x07
    if form == 1:
        return _relative_validity(octets[1])
    if form == 2:
        return timedelta(seconds=octets[1])
    if form == 3:
        hours, minutes, seconds = (_swapped(octet) for octet in octets[1:4])
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return None


def _swapped(octet: int) -> int:
    return (octet & 0x0F) * 10 + (octet >> 4)


def _stamp_time(octets: bytes) -> datetime:
    year, month, day, hour, minute, second = (_swapped(octet) for octet in octets[:6])
    zone = _swapped(octets[6] & 0xF7)
    local = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
    shift = timedelta(minutes=15 * zone)
    return local + shift if octets[6] & 0x08 else local - shift


def _read_user_data(reader: _Reader, coding: int, *, has_header: bool) -> tuple[str, bytes, bytes]:
    length = reader.octet("TP-UDL")
    octets = reader.rest()
    header = b""
    if has_header:
        if not octets or len(octets) < octets[0] + 1:
            raise PduError("the user data header is longer than the user data")
        header = octets[1 : octets[0] + 1]
    skip = len(header) + 1 if has_header else 0
    if alphabet_of(coding) == "gsm7":
        septets_before = (skip * 8 + 6) // 7
        try:
            septets = unpack(octets[skip:], length - septets_before, fill_bits=septets_before * 7 - skip * 8)
        except ValueError as error:
            raise PduError(f"TP-UD: {error}") from error
        return from_septets(septets), b"", header
    if length > len(octets):
        raise PduError(f"TP-UDL says {length} octets, {len(octets)} came")
    body = octets[skip:length]
    if alphabet_of(coding) == "ucs2":
        return body.decode("utf-16-be", errors="surrogatepass"), b"", header
    return "", body, header


def alphabet_of(coding: int) -> str:
    """`gsm7`, `8bit` or `ucs2` for a TP-DCS (23.038 §4)."""
    group = coding >> 4
    if group in (0x0, 0x1, 0x4, 0x5):
        return ("gsm7", "8bit", "ucs2", "gsm7")[(coding >> 2) & 0x03]
    if group == 0xE:
        return "ucs2"
    return "8bit" if group == 0xF and coding & 0x04 else "gsm7"


def read_concat(header: bytes) -> Concat | None:
    """Which part of which message, if a user data header says so."""
    at = 0
    while at + 1 < len(header):
        element, size = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + size]
        if element == 0x00 and len(value) == 3:
            return Concat(value[0], value[1], value[2])
        if element == 0x08 and len(value) == 4:
            return Concat(int.from_bytes(value[:2], "big"), value[2], value[3], wide=True)
        at += 2 + size
    return None


# ---------------------------------------------------------------------------------------- outgoing


def encode_address(number: str) -> bytes:
    """Length, type and digits of an address field; letters make it alphanumeric (23.040 §9.1.2.5)."""
    digits = number.removeprefix("+")
    if not all(char in SEMI_OCTETS for char in digits):
        packed = pack(to_septets(number[:11]))
        return bytes([(len(number[:11]) * 7 + 3) // 4, 0xD0]) + packed
    kind = 0x91 if number.startswith("+") else 0x81
    return bytes([len(digits), kind]) + swap_digits(digits)


def swap_digits(digits: str) -> bytes:
    """Digits as semi-octets, low nibble first, filled with F."""
    nibbles = [SEMI_OCTETS.index(char) for char in digits]
    if len(nibbles) % 2:
        nibbles.append(0x0F)
    return bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def encode_smsc(number: str) -> bytes:
    """The SMSC address in front of a PDU at the AT interface: length in octets (27.005 §3.1)."""
    if not number:
        return b"\x00"
    body = bytes([0x91 if number.startswith("+") else 0x81]) + swap_digits(number.removeprefix("+"))
    return bytes([len(body)]) + body


def encode_stamp(moment: float) -> bytes:
    """TP-SCTS in the zone +07:00, where the lab's numbers live."""
    zone_quarters = 28
    local = datetime.fromtimestamp(moment, UTC) + timedelta(minutes=15 * zone_quarters)
    fields = (local.year % 100, local.month, local.day, local.hour, local.minute, local.second, zone_quarters)
    return bytes((value % 10) << 4 | value // 10 for value in fields)


@dataclass(frozen=True, slots=True)
class UserData:
    """What a part carries: exactly what the sender encoded, handed on by the SMSC."""

    coding: int
    text: str = ""
    data: bytes = b""
    header: bytes = b""


def encode_deliver(sender: str, moment: float, content: UserData, *, more: bool = False) -> bytes:
    """SMS-DELIVER without the SMSC address."""
    first = (0x00 if more else 0x04) | (0x40 if content.header else 0x00)
    head = bytes([first]) + encode_address(sender) + bytes([0x00, content.coding])
    return head + encode_stamp(moment) + encode_user_data(content)


def encode_user_data(content: UserData) -> bytes:
    """TP-UDL and TP-UD, header included (23.040 §9.2.3.24)."""
    header = bytes([len(content.header)]) + content.header if content.header else b""
    kind = alphabet_of(content.coding)
    if kind == "gsm7":
        septets = to_septets(content.text)
        before = (len(header) * 8 + 6) // 7
        return bytes([before + len(septets)]) + header + pack(septets, fill_bits=before * 7 - len(header) * 8)
    body = content.text.encode("utf-16-be", errors="surrogatepass") if kind == "ucs2" else content.data
    return bytes([len(header) + len(body)]) + header + body


def encode_status_report(reference: int, to: str, sent: float, done: float, status: int) -> bytes:
    """SMS-STATUS-REPORT without the SMSC address (23.040 §9.2.2.3); `status` is TP-ST."""
    return bytes([0x06, reference]) + encode_address(to) + encode_stamp(sent) + encode_stamp(done) + bytes([status])
