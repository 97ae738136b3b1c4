"""SMS transfer PDUs in hex ↔ values (23.040 §9.2.2).

``gsmmodem.pdu`` serves for reading semi-octets, for time stamps and validity; text, alphabets and headers are
``telecore.sms``'s, for gsmmodem loses characters there (16-bit references, ``@`` at a septet boundary, ``§``, form
feed, emoji).
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from edge_agent.lean import without_package
from telecore.errors import InvalidRequest, RemoteProtocolError
from telecore.ids import Address
from telecore.sms import Segment, SmsEncoding, Udh, decode_gsm7, decode_user_data, unpack

# Its package loads its engine, threads and all, which are not used here.
without_package("gsmmodem")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its modules are full of '\+' and ``is "ON"``, which Python 3.8+ warns of
    from gsmmodem import pdu as gsmmodem_pdu

WAP_PUSH_PORT = 2948
_DIALLABLE = frozenset("0123456789*#abc")
_SEMI_OCTETS = str.maketrans("*#abc", "abcde")
_FROM_SEMI_OCTETS = str.maketrans("abcde", "*#abc")
_MIN_VALIDITY = timedelta(minutes=5)
_MAX_VALIDITY = timedelta(days=441)


@dataclass(frozen=True, slots=True)
class Deliver:
    """A received segment and its header. ``flash``: class 0. ``data``: what a message of eight-bit data carries."""

    sender: Address
    body: str
    sent_at: datetime | None
    udh: Udh
    flash: bool = False
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """An SMS-STATUS-REPORT; ``status`` is TP-ST."""

    ref: int
    recipient: Address
    status: int
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Other:
    """A stored SUBMIT, which is nothing received. ``identity`` is empty where it cannot be read."""

    to: Address = Address("")
    identity: str = ""


Decoded = Deliver | Report | Other


def pdu_key(pdu: str) -> str:
    """The same for the same PDU from whatever storage."""
    return hashlib.sha256(pdu.upper().encode("ascii", "replace")).hexdigest()[:32]


def decode(pdu: str) -> Decoded:
    """A PDU as the modem stores it, the SMSC's address before it. Raises RemoteProtocolError."""
    try:
        reader = _Reader(bytes.fromhex(pdu))
    except ValueError:
        raise RemoteProtocolError("the PDU is not hex") from None
    reader.take(reader.octet())  # the SMSC
    first = reader.octet()
    match first & 0x03:
        case 0:
            return _deliver(reader, has_header=bool(first & 0x40))
        case 2:
            return Report(reader.octet(), reader.address(), *_report_end(reader))
        case 1:
            return _submit(reader, first)
        case _:
            raise RemoteProtocolError(f"TP-MTI 3 is reserved (first octet {first:02X})")


def encode_submit(
    to: str, segment: Segment, *, report: bool = True, validity_s: int | None = None, reference: int = 0
) -> tuple[str, int]:
    """An SMS-SUBMIT in hex, and the length that AT+CMGS wants: octets without the SMSC (here none, the SIM's)."""
    first = 0x01 | (0x20 if report else 0) | (0x10 if validity_s is not None else 0)
    if segment.udh:
        first |= 0x40
    tpdu = bytes([first, reference & 0xFF]) + _encode_address(to) + bytes([0, segment.dcs])
    if validity_s is not None:
        tpdu += bytes([encode_validity(validity_s)])
    tpdu += bytes([segment.udl]) + segment.user_data
    return "00" + tpdu.hex().upper(), len(tpdu)


def encode_validity(seconds: int) -> int:
    """TP-VP in relative format (23.040 §9.2.3.12.1), within what it can say."""
    wanted = min(max(timedelta(seconds=seconds), _MIN_VALIDITY), _MAX_VALIDITY)
    return cast(int, gsmmodem_pdu._encodeRelativeValidityPeriod(wanted))


def identity_of(to: str, segment: Segment) -> str:
    """Of a segment as a modem keeps it: what is sent and to whom, but for what differs from one attempt to the next."""
    return _identity(_encode_address(to), segment.dcs, bool(segment.udh), bytes([segment.udl]) + segment.user_data)


def _identity(address: bytes, dcs: int, has_header: bool, user_data: bytes) -> str:
    return hashlib.sha256(bytes([dcs, has_header]) + address + user_data).hexdigest()[:32]


def _submit(reader: _Reader, first: int) -> Other:
    """TP-MR and TP-VP are passed over (23.040 §9.2.2.2)."""
    try:
        reader.octet()
        start = reader.at
        to = reader.address()
        address = reader.since(start)
        reader.octet()  # TP-PID
        dcs = reader.octet()
        reader.take((0, 7, 1, 7)[first >> 3 & 0x03])
        udl = reader.octet()
        user_data = bytes([udl]) + reader.take((udl * 7 + 7) // 8 if encoding_of(dcs) is SmsEncoding.GSM7 else udl)
    except RemoteProtocolError:
        return Other()
    return Other(to, _identity(address, dcs, bool(first & 0x40), user_data))


class _Reader:
    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    @property
    def at(self) -> int:
        return self._at

    def since(self, start: int) -> bytes:
        return self._octets[start : self._at]

    def take(self, count: int) -> bytes:
        piece = self._octets[self._at : self._at + count]
        if len(piece) < count:
            raise RemoteProtocolError(f"the PDU is cut short at octet {len(self._octets)}")
        self._at += count
        return piece

    def octet(self) -> int:
        return self.take(1)[0]

    def address(self) -> Address:
        """Length in semi-octets, type, value (23.040 §9.1.2.5)."""
        digits, toa = self.octet(), self.octet()
        value = self.take((digits + 1) // 2)
        if toa & 0x70 == 0x50:
            return Address(decode_gsm7(unpack(value, digits * 4 // 7, 0)))
        number = decode_digits(value)[:digits]
        return Address("+" + number if toa & 0x70 == 0x10 else number)

    def moment(self) -> datetime | None:
        """A time stamp (23.040 §9.2.3.11) in UTC; None when it makes no sense, as some service centres send."""
        octets = self.take(7)
        read = cast("Callable[[object], datetime]", gsmmodem_pdu._decodeTimestamp)
        try:
            return read(iter(octets)).astimezone(UTC)
        except (ValueError, OverflowError):
            return None


def decode_digits(octets: bytes) -> str:
    """Semi-octets → digits, ``*``, ``#``, ``a`` to ``c``; F ends them (23.040 §9.1.2.3)."""
    return cast(str, gsmmodem_pdu.decodeSemiOctets(bytearray(octets))).partition("f")[0].translate(_FROM_SEMI_OCTETS)


def _deliver(reader: _Reader, *, has_header: bool) -> Deliver:
    sender = reader.address()
    reader.octet()  # TP-PID
    dcs = reader.octet()
    encoding, flash = encoding_of(dcs), is_flash(dcs)
    sent_at = reader.moment()
    udl = reader.octet()
    user_data = reader.take((udl * 7 + 7) // 8 if encoding is SmsEncoding.GSM7 else udl)
    if encoding is None:
        udh, header = Udh.parse(user_data) if has_header else (Udh(), 0)
        return Deliver(sender, "", sent_at, udh, flash, user_data[header:])
    body, udh = decode_user_data(encoding, user_data, udl, has_header=has_header)
    return Deliver(sender, body, sent_at, udh, flash)


def _report_end(reader: _Reader) -> tuple[int, datetime | None]:
    reader.moment()  # when the service centre got the message
    done_at = reader.moment()
    return reader.octet(), done_at


def encoding_of(dcs: int) -> SmsEncoding | None:
    """How the text is encoded (23.038 §4); None: eight-bit data. Raises RemoteProtocolError for compressed text."""
    group = dcs >> 4
    if group < 0x8:
        if dcs & 0x20:
            raise RemoteProtocolError(f"compressed text (TP-DCS {dcs:02X})")
        return (SmsEncoding.GSM7, None, SmsEncoding.UCS2, SmsEncoding.GSM7)[dcs >> 2 & 0x03]
    if group == 0xE:  # message waiting, text in UCS-2
        return SmsEncoding.UCS2
    if group == 0xF and dcs & 0x04:
        return None
    return SmsEncoding.GSM7


def is_flash(dcs: int) -> bool:
    """Whether the message is of class 0 (23.038 §4); the class is there in two groups only."""
    has_class = dcs >> 4 == 0xF or (dcs < 0x80 and dcs & 0x10)
    return bool(has_class) and dcs & 0x03 == 0


def _encode_address(to: str) -> bytes:
    number = to.removeprefix("+")
    if not number or not _DIALLABLE.issuperset(number) or len(number) > 20:
        raise InvalidRequest(f"{to[:20]!r} is no number an SMS can go to", field="To", code=21211)
    digits = number.translate(_SEMI_OCTETS) + "f" * (len(number) % 2)
    value = bytes.fromhex("".join(map("".join, zip(digits[1::2], digits[::2], strict=True))))
    return bytes([len(number), 0x91 if to.startswith("+") else 0x81]) + value
