"""Texts and numbers as SMPP writes them: an OutboundSms → messages to submit, a deliver_sm → an SmsPart (pure)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from edge_agent.contracts import OutboundSms, SmsPart
from edge_agent.drivers.gateway.smpp_pdu import ShortMessage, SmeAddress, Tlv
from edge_agent.drivers.gateway.smpp_settings import Alphabet, LongMessages, Numbering, SmppSettings, Validity
from telecore.errors import RemoteProtocolError
from telecore.gsm7 import decode_gsm7, encode_gsm7
from telecore.ids import E164, Address
from telecore.numbers import is_e164
from telecore.sms import Segment, SmsEncoding, decode_ucs2, encode_ucs2, needs_ucs2, split
from telecore.udh import Udh

SAME_FOR_S = 600.0
"""deliver_sm has neither an id nor a stamp: the same content within this time of a new session is a repetition."""
_UDHI = 0x40
_INTERNATIONAL, _ALPHANUMERIC, _ISDN = 1, 5, 1
_CLASS_0 = 0x10


def messages_of(sms: OutboundSms, settings: SmppSettings, now: datetime) -> tuple[ShortMessage, ...]:
    """What has to be submitted for it, in order. Raises InvalidRequest beyond 255 segments."""
    source = address_of(str(sms.sender or settings.sender or next(iter(settings.numbers), "")), settings.source)
    destination = address_of(sms.to, settings.destination)
    return tuple(
        ShortMessage(
            source,
            destination,
            body,
            esm_class=esm_class,
            data_coding=coding,
            registered=int(sms.report),
            validity=_validity(sms.validity_s, settings.validity, now),
            service_type=settings.service_type,
            tlvs=tlvs,
        )
        for body, esm_class, coding, tlvs in _bodies(sms, settings)
    )


def count_messages(sms: OutboundSms, settings: SmppSettings) -> int:
    """How many ``messages_of`` gives."""
    if settings.long is LongMessages.PAYLOAD or _is_short(sms):
        return 1
    return len(_segments(sms, settings))


def count_sms(sms: OutboundSms, settings: SmppSettings) -> int:
    """For how many SMS of the network each of ``messages_of`` stands."""
    return len(_segments(sms, settings)) if settings.long is LongMessages.PAYLOAD and not _is_short(sms) else 1


def _is_short(sms: OutboundSms) -> bool:
    """Whether it fits into one whatever it is written in: 70 UTF-16 units, 160 septets of which some take two."""
    return sms.port is None and len(sms.body) <= (70 if sms.body.isascii() else 35)


def address_of(number: str, numbering: Numbering) -> SmeAddress:
    """+855… goes without its + as international; a name is alphanumeric; other digits as the SMSC knows them."""
    if number.startswith("+"):
        seen, value = (_INTERNATIONAL, _ISDN), number[1:]
    elif number.isdecimal() or not number:
        seen, value = (0, _ISDN if number else 0), number
    else:
        seen, value = (_ALPHANUMERIC, 0), number
    return SmeAddress(
        value,
        seen[0] if numbering.ton is None else numbering.ton,
        seen[1] if numbering.npi is None else numbering.npi,
    )


def number_of(address: SmeAddress) -> Address:
    """An address as we write it. Without a type it stays as it is, unless it can only be international."""
    value = address.value.strip()
    digits = value.removeprefix("+").removeprefix("00")
    if digits.isdecimal() and (address.ton == _INTERNATIONAL or value.startswith(("+", "00"))):
        return Address(f"+{digits}")
    return Address(value)


def own_number(address: SmeAddress, numbers: Sequence[E164]) -> E164 | None:
    """Which of our numbers it was sent to, in whatever form the SMSC writes it."""
    digits = address.value.strip().lstrip("+0")
    for number in numbers:
        if digits and (number[1:] == digits or len(digits) >= 7 and number.endswith(digits)):
            return number
    international = number_of(address)
    return E164(international) if not numbers and is_e164(international) else None


_Body = tuple[bytes, int, int, dict[int, bytes]]
"""The octets, esm_class, data_coding, and optional parameters."""


def _bodies(sms: OutboundSms, settings: SmppSettings) -> list[_Body]:
    if _is_short(sms):
        encoding = _encoding(sms.body, settings)
        return [(_octets(sms.body, encoding, settings), 0, _coding(encoding, sms, settings), {})]
    ports = {} if sms.port is None else {int(Tlv.DESTINATION_PORT): sms.port.to_bytes(2, "big")}
    if settings.long is LongMessages.PAYLOAD:
        encoding = _encoding(sms.body, settings)
        octets, coding = _octets(sms.body, encoding, settings), _coding(encoding, sms, settings)
        if len(_segments(sms, settings)) > 1:  # though short_message might have room for it
            return [(b"", 0, coding, {**ports, Tlv.MESSAGE_PAYLOAD: octets})]
        return [(octets, 0, coding, ports)]
    bodies: list[_Body] = []
    for segment in _segments(sms, settings):
        octets, coding = _octets(segment.text, segment.encoding, settings), _coding(segment.encoding, sms, settings)
        if settings.long is LongMessages.SAR:
            bodies.append((octets, 0, coding, {**ports, **_sar(segment)}))
        elif segment.udh:
            bodies.append((segment.udh + octets, _UDHI, coding, {}))
        else:
            bodies.append((octets, 0, coding, {}))
    return bodies


def _segments(sms: OutboundSms, settings: SmppSettings) -> Sequence[Segment]:
    """As many septets go into a segment as into one on the air, for the SMSC makes one of it."""
    reference = hashlib.sha256(f"{sms.to}\0{sms.body}".encode("utf-8", "surrogatepass")).digest()[0]
    return split(sms.body, reference, flash=sms.flash, port=sms.port, encoding=_encoding(sms.body, settings))


def _encoding(text: str, settings: SmppSettings) -> SmsEncoding:
    """GSM 7-bit on the air, and all of it in the SMSC's default alphabet; else UCS-2."""
    if needs_ucs2(text):
        return SmsEncoding.UCS2
    if settings.alphabet is Alphabet.GSM7:
        return SmsEncoding.GSM7
    try:
        text.encode(settings.alphabet.value)
    except UnicodeEncodeError:
        return SmsEncoding.UCS2
    return SmsEncoding.GSM7


def _octets(text: str, encoding: SmsEncoding, settings: SmppSettings) -> bytes:
    if encoding is SmsEncoding.UCS2:
        return encode_ucs2(text)
    return encode_gsm7(text) if settings.alphabet is Alphabet.GSM7 else text.encode(settings.alphabet.value)


def _coding(encoding: SmsEncoding, sms: OutboundSms, settings: SmppSettings) -> int:
    if encoding is SmsEncoding.UCS2:
        return settings.coding("flash_ucs2" if sms.flash else "ucs2")
    return settings.coding("flash" if sms.flash else "default")


def _sar(segment: Segment) -> dict[int, bytes]:
    if segment.concat is None:
        return {}
    return {
        Tlv.SAR_MSG_REF_NUM: segment.concat.reference.to_bytes(2, "big"),
        Tlv.SAR_TOTAL_SEGMENTS: bytes([segment.concat.total]),
        Tlv.SAR_SEGMENT_SEQNUM: bytes([segment.concat.number]),
    }


def _validity(seconds: int | None, form: Validity, now: datetime) -> str:
    """SMPP 3.4 §7.1.1: YYMMDDhhmmsstnnp; relative ones count months of 30 days and end in R."""
    if seconds is None or form is Validity.NONE:
        return ""
    if form is Validity.ABSOLUTE:
        return f"{now + timedelta(seconds=seconds):%y%m%d%H%M%S}000+"
    days, rest = divmod(seconds, 86_400)
    months, days = divmod(min(days, 360), 30)
    return f"00{months:02d}{days:02d}{rest // 3600:02d}{rest // 60 % 60:02d}{rest % 60:02d}000R"


def part_of(message: ShortMessage, settings: SmppSettings, occurrence: int) -> SmsPart:
    """A deliver_sm or data_sm that is no receipt. ``occurrence``: how often this session brought the same content.

    What has a header longer than itself is handed on as data.
    """
    udh, body = Udh(), message.body
    kind = _reading(message.data_coding, settings.alphabet)
    if message.esm_class & _UDHI:
        try:
            udh, header = Udh.parse(body)
            body = body[header:]
        except RemoteProtocolError:
            kind = None
    ref, total, number, wide = _concatenation(message, udh)
    port = udh.destination_port if udh.destination_port is not None else message.number(Tlv.DESTINATION_PORT)
    return SmsPart(
        channel=settings.channel,
        key=f"{content_key(message)}/{occurrence}",
        sender=number_of(message.source),
        body="" if kind is None else _read(body, kind, keep_halves=ref is not None),
        sent_at=None,
        ref=ref,
        part=number,
        parts=total,
        wide_ref=wide,
        flash=_is_flash(message.data_coding),
        port=port,
        data=body if kind is None else None,
        recipient=own_number(message.destination, settings.numbers),
        same_for_s=SAME_FOR_S,
    )


def content_key(message: ShortMessage) -> str:
    """What two deliveries of one message have in common, and two messages mostly have not."""
    digest = hashlib.sha256()
    for piece in (
        f"{message.source.value}\0{message.destination.value}\0{message.esm_class}\0{message.data_coding}".encode(),
        message.body,
        *(tag.to_bytes(2, "big") + value for tag, value in sorted(message.tlvs.items())),
    ):
        digest.update(len(piece).to_bytes(4, "big") + piece)
    return digest.hexdigest()[:32]


def _concatenation(message: ShortMessage, udh: Udh) -> tuple[int | None, int, int, bool]:
    if udh.concat is not None:
        return udh.concat.reference, udh.concat.total, udh.concat.number, udh.concat.wide
    ref, total = message.number(Tlv.SAR_MSG_REF_NUM), message.number(Tlv.SAR_TOTAL_SEGMENTS)
    number = message.number(Tlv.SAR_SEGMENT_SEQNUM)
    if ref is None or total is None or number is None or not 1 <= number <= total <= 255 or total == 1:
        return None, 1, 1, False
    return ref & 0xFFFF, total, number, True


_CODECS = {0x01: "ascii", 0x03: "latin-1", 0x05: "shift_jis", 0x06: "iso8859-5", 0x07: "iso8859-8", 0x0E: "euc_kr"}
_GSM7, _UCS2 = "gsm7", "ucs2"


def _reading(data_coding: int, alphabet: Alphabet) -> str | None:
    """How the body is to be read; None: it is no text (SMPP 3.4 §5.2.19, 23.038 §4)."""
    default = _GSM7 if alphabet is Alphabet.GSM7 else alphabet.value
    if data_coding < 0x10:
        return default if data_coding == 0 else _UCS2 if data_coding == 0x08 else _CODECS.get(data_coding)
    if data_coding < 0x40:
        return (default, None, _UCS2, default)[data_coding >> 2 & 3]
    if data_coding >= 0xF0:
        return None if data_coding & 0x04 else default
    return _UCS2 if data_coding >= 0xE0 else default if data_coding >= 0xC0 else None


def _is_flash(data_coding: int) -> bool:
    return (data_coding & 0xD3 == _CLASS_0) or data_coding & 0xF3 == 0xF0


def _read(body: bytes, kind: str, *, keep_halves: bool) -> str:
    if kind == _UCS2:
        return decode_ucs2(body, keep_halves=keep_halves)
    if kind == _GSM7:
        # A septet needs no eighth bit: whoever sets it writes Latin-1 and says otherwise.
        return decode_gsm7(body) if body.isascii() else body.decode("latin-1")
    return body.decode(kind, "replace")
