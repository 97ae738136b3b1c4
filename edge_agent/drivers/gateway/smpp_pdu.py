"""SMPP 3.4 PDUs: smpplib's code behind our types and one error. The only file that knows smpplib.

smpplib reads what a flawless SMSC sends. What it does wrong with others' PDUs (and with values too long for a field,
which it cuts without a word) is put right here; ``tests/edge_agent/drivers/gateway/test_smpplib_defects.py`` has each.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from smpplib import command as smpplib_command
from smpplib.command_codes import commands as _CODES
from smpplib.consts import DESCRIPTIONS, OPTIONAL_PARAMS

from telecore.errors import LocalProtocolError, RemoteProtocolError

HEADER_OCTETS = 16
LARGEST_PDU = 0x11000
"""A message_payload of 64 KiB and what stands around it."""
_RESPONSE = 0x80000000
_header = struct.Struct(">LLLL")
_tlv = struct.Struct(">HH")


class Command(IntEnum):
    """command_id (SMPP 3.4 §5.1.2.1), those we speak."""

    GENERIC_NACK = _CODES["generic_nack"]
    BIND_RECEIVER = _CODES["bind_receiver"]
    BIND_RECEIVER_RESP = _CODES["bind_receiver_resp"]
    BIND_TRANSMITTER = _CODES["bind_transmitter"]
    BIND_TRANSMITTER_RESP = _CODES["bind_transmitter_resp"]
    BIND_TRANSCEIVER = _CODES["bind_transceiver"]
    BIND_TRANSCEIVER_RESP = _CODES["bind_transceiver_resp"]
    SUBMIT_SM = _CODES["submit_sm"]
    SUBMIT_SM_RESP = _CODES["submit_sm_resp"]
    DELIVER_SM = _CODES["deliver_sm"]
    DELIVER_SM_RESP = _CODES["deliver_sm_resp"]
    DATA_SM = _CODES["data_sm"]
    DATA_SM_RESP = _CODES["data_sm_resp"]
    UNBIND = _CODES["unbind"]
    UNBIND_RESP = _CODES["unbind_resp"]
    ENQUIRE_LINK = _CODES["enquire_link"]
    ENQUIRE_LINK_RESP = _CODES["enquire_link_resp"]
    ALERT_NOTIFICATION = _CODES["alert_notification"]


class Tlv(IntEnum):
    """Tags of optional parameters (SMPP 3.4 §5.3.2), those we read or write."""

    RECEIPTED_MESSAGE_ID = OPTIONAL_PARAMS["receipted_message_id"]
    SOURCE_PORT = OPTIONAL_PARAMS["source_port"]
    DESTINATION_PORT = OPTIONAL_PARAMS["destination_port"]
    SAR_MSG_REF_NUM = OPTIONAL_PARAMS["sar_msg_ref_num"]
    SAR_TOTAL_SEGMENTS = OPTIONAL_PARAMS["sar_total_segments"]
    SAR_SEGMENT_SEQNUM = OPTIONAL_PARAMS["sar_segment_seqnum"]
    MESSAGE_PAYLOAD = OPTIONAL_PARAMS["message_payload"]
    MESSAGE_STATE = OPTIONAL_PARAMS["message_state"]


_NO_TLVS: Mapping[int, bytes] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SmeAddress:
    """An address with its type of number and numbering plan (SMPP 3.4 §5.2.5)."""

    value: str
    ton: int = 0
    npi: int = 0


@dataclass(frozen=True, slots=True)
class ShortMessage:
    """What submit_sm, deliver_sm and data_sm carry. ``body``: short_message, or the message_payload if there is one."""

    source: SmeAddress
    destination: SmeAddress
    body: bytes
    esm_class: int = 0
    data_coding: int = 0
    registered: int = 0
    protocol_id: int = 0
    priority: int = 0
    validity: str = ""
    service_type: str = ""
    tlvs: Mapping[int, bytes] = field(default_factory=lambda: _NO_TLVS)

    def number(self, tag: int) -> int | None:
        """An optional parameter that is a whole number, whatever its length; None: not there, or empty."""
        value = self.tlvs.get(tag)
        return int.from_bytes(value, "big") if value else None


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU. ``message_id``: of a response to a submit; ``system_id``: of a response to a bind."""

    command: int
    sequence: int
    status: int = 0
    message_id: str = ""
    system_id: str = ""
    message: ShortMessage | None = None

    @property
    def is_response(self) -> bool:
        return bool(self.command & _RESPONSE)


@dataclass(frozen=True, slots=True)
class BindRequest:
    """The fields of a bind (SMPP 3.4 §4.1)."""

    command: Command
    system_id: str
    password: str = field(repr=False)
    system_type: str = ""
    ton: int = 0
    npi: int = 0
    address_range: str = ""


class Frames:
    """Octets as they come → whole PDUs. ``broken``: why the stream is lost, once there came what can be no length."""

    def __init__(self) -> None:
        self.broken = ""
        self._buffer = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The PDUs that are whole now, those before the break too."""
        buffer = self._buffer + data if self._buffer else data
        frames, at = [], 0
        while len(buffer) - at >= 4 and not self.broken:
            length = int.from_bytes(buffer[at : at + 4], "big")
            if not HEADER_OCTETS <= length <= LARGEST_PDU:
                self.broken = f"command_length {length}: {buffer[at : at + 16].hex()}"
            elif len(buffer) - at < length:
                break
            else:
                frames.append(buffer[at : at + length])
                at += length
        self._buffer = b"" if self.broken else buffer[at:]
        return frames


def read_header(frame: bytes) -> tuple[int, int, int]:
    """command_id, command_status, sequence_number of a frame of at least 16 octets."""
    _, command, status, sequence = _header.unpack_from(frame)
    return command, status, sequence


def decode(frame: bytes) -> Pdu:
    """A whole PDU → its value; what we do not speak has a header only. Raises RemoteProtocolError."""
    if len(frame) < HEADER_OCTETS:
        raise RemoteProtocolError(f"a PDU of {len(frame)} octets: {frame.hex()}")
    command, status, sequence = read_header(frame)
    if command in (Command.SUBMIT_SM_RESP, Command.DATA_SM_RESP):
        return Pdu(command, sequence, status, message_id=_text(frame[HEADER_OCTETS:].partition(b"\0")[0]))
    if command in _BINDS:
        return Pdu(command, sequence, status, system_id=_text(frame[HEADER_OCTETS:].partition(b"\0")[0]))
    if command in _MESSAGES:
        return Pdu(command, sequence, status, message=_message(_MESSAGES[command], frame))
    return Pdu(command, sequence, status)


def encode(command: int, sequence: int, status: int = 0) -> bytes:
    """A PDU without a body; responses to deliver_sm and data_sm have an empty message_id (SMPP 3.4 §4.6.2)."""
    body = b"\0" if command in (Command.DELIVER_SM_RESP, Command.DATA_SM_RESP) else b""
    return _header.pack(HEADER_OCTETS + len(body), command, status, sequence) + body


def encode_bind(bind: BindRequest, sequence: int) -> bytes:
    """Raises LocalProtocolError for a value that does not fit its field."""
    for value, most in ((bind.system_id, 15), (bind.password, 8), (bind.system_type, 12), (bind.address_range, 40)):
        _fitting(value, most)
    pdu: Any = smpplib_command.factory(
        bind.command.name.lower(),
        need_sequence=False,
        system_id=bind.system_id,
        password=bind.password,
        system_type=bind.system_type,
        addr_ton=bind.ton,
        addr_npi=bind.npi,
        address_range=bind.address_range,
    )
    pdu.sequence = sequence
    return bytes(pdu.generate())


def encode_submit(message: ShortMessage, sequence: int) -> bytes:
    """submit_sm; a body beyond 254 octets goes as message_payload. Raises LocalProtocolError.

    Packed by hand: smpplib takes ten times as long over it. A test holds the octets against smpplib's.
    """
    source, destination, body = message.source, message.destination, message.body
    tlvs = message.tlvs
    if len(body) > 254:
        body, tlvs = b"", {**tlvs, Tlv.MESSAGE_PAYLOAD: message.body}
    try:
        parts = [
            _fitting(message.service_type, 5),
            bytes((0, source.ton, source.npi)),
            _fitting(source.value, 20),
            bytes((0, destination.ton, destination.npi)),
            _fitting(destination.value, 20),
            bytes((0, message.esm_class, message.protocol_id, message.priority, 0)),
            _fitting(message.validity, 16),
            bytes((0, message.registered, 0, message.data_coding, 0, len(body))),
            body,
            *(_tlv.pack(tag, len(value)) + value for tag, value in tlvs.items()),
        ]
    except (ValueError, struct.error) as error:
        raise LocalProtocolError(f"a field of submit_sm has no room for its value: {error}") from error
    packed = b"".join(parts)
    return _header.pack(HEADER_OCTETS + len(packed), Command.SUBMIT_SM, 0, sequence) + packed


def describe(status: int) -> str:
    """A command_status for people: ``0x58 Throttling error (…)``."""
    return f"0x{status:02x} {DESCRIPTIONS.get(status, 'a code of this SMSC')}"


class _Sound:
    """smpplib's reading of a body, with the bounds it does not look at. Mixed in before its classes."""

    params: Mapping[str, Any]
    tlvs: dict[int, bytes]

    def _parse_int(self, field: str, data: bytes, pos: int) -> tuple[bytes, int]:
        if pos >= len(data):
            raise RemoteProtocolError(f"ends before {field}")
        setattr(self, field, data[pos])  # all mandatory numbers of these PDUs have one octet
        return data, pos + 1

    def _parse_string(self, field: str, data: bytes, pos: int, length: int | None = None) -> tuple[bytes, int]:
        end = data.find(b"\0", pos)
        if end < 0:
            raise RemoteProtocolError(f"{field} does not end")
        setattr(self, field, data[pos:end])
        return data, end + 1

    def parse_optional_params(self, data: bytes) -> None:
        """By length alone, whether smpplib knows the tag or not. What comes after a broken one is left out."""
        at = 0
        while at + _tlv.size <= len(data):
            tag, length = _tlv.unpack_from(data, at)
            at += _tlv.size
            if at + length > len(data):
                return
            self.tlvs.setdefault(tag, data[at : at + length])
            at += length


class _Deliver(_Sound, smpplib_command.DeliverSM):  # type: ignore[misc]  # smpplib has no types
    pass


class _Data(_Sound, smpplib_command.DataSM):  # type: ignore[misc]
    pass


_MESSAGES: Mapping[int, tuple[type[Any], str]] = {
    Command.DELIVER_SM: (_Deliver, "deliver_sm"),
    Command.SUBMIT_SM: (_Deliver, "submit_sm"),
    Command.DATA_SM: (_Data, "data_sm"),
}
_BINDS = (Command.BIND_RECEIVER_RESP, Command.BIND_TRANSMITTER_RESP, Command.BIND_TRANSCEIVER_RESP)


def _message(kind: tuple[type[Any], str], frame: bytes) -> ShortMessage:
    cls, name = kind
    pdu = cls(name, need_sequence=False)
    pdu.tlvs = {}
    try:
        pdu.parse_params(frame[HEADER_OCTETS:])
    except RemoteProtocolError as error:
        raise RemoteProtocolError(f"{name} {error}: {frame[:80].hex()}") from error
    if pdu.destination_addr is None or pdu.data_coding is None:
        raise RemoteProtocolError(f"{name} ends too soon: {frame[:80].hex()}")
    payload = pdu.tlvs.pop(Tlv.MESSAGE_PAYLOAD, None)
    return ShortMessage(
        SmeAddress(_text(pdu.source_addr), pdu.source_addr_ton, pdu.source_addr_npi),
        SmeAddress(_text(pdu.destination_addr), pdu.dest_addr_ton, pdu.dest_addr_npi),
        (getattr(pdu, "short_message", None) or payload or b""),
        esm_class=pdu.esm_class,
        data_coding=pdu.data_coding,
        registered=pdu.registered_delivery or 0,
        protocol_id=getattr(pdu, "protocol_id", 0) or 0,
        validity=_text(getattr(pdu, "validity_period", None) or b""),
        service_type=_text(pdu.service_type),
        tlvs=pdu.tlvs,
    )


def _fitting(value: str, most: int) -> bytes:
    """A C-octet string without its end (SMPP 3.4 §3.1)."""
    if len(value) > most or not value.isascii() or "\0" in value:
        raise LocalProtocolError(f"{value!r} is no ASCII text of at most {most} characters")
    return value.encode("ascii")


def _text(octets: bytes) -> str:
    return octets.decode("latin-1")
