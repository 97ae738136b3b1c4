"""SMPP 3.4 PDUs as an SMSC reads and writes them, by hand (§3, §4)."""

from __future__ import annotations

from dataclasses import dataclass, field

RESPONSE = 0x80000000
GENERIC_NACK = 0x80000000
BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 0x1, 0x2, 0x9
SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK = 0x4, 0x5, 0x6, 0x15
OK, BAD_LENGTH, BAD_COMMAND, NOT_BOUND, ALREADY_BOUND, SYSTEM_ERROR = 0x00, 0x02, 0x03, 0x04, 0x05, 0x08
BAD_SOURCE, BAD_DESTINATION, BAD_PASSWORD, BAD_SYSTEM_ID, BAD_ESM_CLASS = 0x0A, 0x0B, 0x0E, 0x0F, 0x43
QUEUE_FULL, THROTTLED, LATER = 0x14, 0x58, 0x64
PORT, SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER = 0x020B, 0x020C, 0x020E, 0x020F
PAYLOAD, RECEIPTED_ID, STATE = 0x0424, 0x001E, 0x0427
UDHI, RECEIPT = 0x40, 0x04
LARGEST = 70_000


class BadPdu(ValueError):
    """The octets are no PDU; the text says where they stop making sense."""


@dataclass(frozen=True, slots=True)
class Header:
    """What every PDU begins with; `body` is the rest."""

    command: int
    status: int
    sequence: int
    body: bytes = b""

    def pack(self) -> bytes:
        """The octets."""
        numbers = (16 + len(self.body), self.command, self.status, self.sequence)
        return b"".join(number.to_bytes(4, "big") for number in numbers) + self.body


@dataclass(frozen=True, slots=True)
class Party:
    """An address with TON and NPI."""

    number: str
    ton: int = 1
    npi: int = 1

    def pack(self) -> bytes:
        """The octets."""
        return bytes([self.ton, self.npi]) + self.number.encode("ascii", "replace") + b"\0"


@dataclass(frozen=True, slots=True)
class Sm:
    """submit_sm or deliver_sm; `content` is short_message or message_payload."""

    source: Party
    destination: Party
    content: bytes
    esm_class: int = 0
    coding: int = 0
    registered: int = 0
    validity: str = ""
    tags: dict[int, bytes] = field(default_factory=dict)

    def pack(self) -> bytes:
        """The body's octets; what is too long for short_message goes as message_payload."""
        short, tags = self.content, self.tags
        if len(short) > 254:
            short, tags = b"", {**tags, PAYLOAD: self.content}
        return b"".join(
            [
                b"\0", self.source.pack(), self.destination.pack(), bytes([self.esm_class, 0, 0]),
                b"\0", self.validity.encode("ascii", "replace") + b"\0",
                bytes([self.registered, 0, self.coding, 0, len(short)]), short,
                *(tag.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value for tag, value in tags.items()),
            ]
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Login:
    """The body of a bind."""

    system_id: str
    password: str
    system_type: str


class Reader:
    """Takes a body apart."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def octet(self) -> int:
        """The next octet."""
        return self.octets(1)[0]

    def octets(self, count: int) -> bytes:
        """So many of them."""
        piece = self._body[self._at : self._at + count]
        if len(piece) < count:
            raise BadPdu(f"ends at octet {len(self._body)}, {count} more were to come at {self._at}")
        self._at += count
        return piece

    def text(self, longest: int) -> str:
        """A C-octet string."""
        end = self._body.find(b"\0", self._at)
        if not 0 <= end - self._at < longest:
            raise BadPdu(f"no text of less than {longest} octets at {self._at}")
        text = self._body[self._at : end].decode("latin-1")
        self._at = end + 1
        return text

    def party(self) -> Party:
        """TON, NPI and address."""
        ton, npi = self.octet(), self.octet()
        return Party(self.text(21), ton, npi)

    def tags(self) -> dict[int, bytes]:
        """The optional parameters up to the end."""
        found: dict[int, bytes] = {}
        while self._at < len(self._body):
            tag = int.from_bytes(self.octets(2), "big")
            found[tag] = self.octets(int.from_bytes(self.octets(2), "big"))
        return found


def split_frames(buffer: bytearray) -> list[Header]:
    """Take whole PDUs off the front. BadPdu: the length cannot be one."""
    found: list[Header] = []
    while len(buffer) >= 4:
        length = int.from_bytes(buffer[:4], "big")
        if not 16 <= length <= LARGEST:
            raise BadPdu(f"command_length {length}")
        if len(buffer) < length:
            break
        command, status, sequence = (int.from_bytes(buffer[at : at + 4], "big") for at in (4, 8, 12))
        found.append(Header(command, status, sequence, bytes(buffer[16:length])))
        del buffer[:length]
    return found


def read_login(body: bytes) -> Login:
    """The body of a bind; only what is checked. Raises BadPdu."""
    reader = Reader(body)
    return Login(reader.text(16), reader.text(9), reader.text(13))


def read_sm(body: bytes) -> Sm:
    """The body of submit_sm or deliver_sm. Raises BadPdu."""
    reader = Reader(body)
    reader.text(6)
    source, destination = reader.party(), reader.party()
    esm_class, _, _ = reader.octets(3)
    reader.text(17)
    validity = reader.text(17)
    registered, _, coding, _, length = reader.octets(5)
    content, tags = reader.octets(length), reader.tags()
    if PAYLOAD in tags:
        if content:
            raise BadPdu("both short_message and message_payload")
        content = tags[PAYLOAD]
    return Sm(source, destination, content, esm_class, coding, registered, validity, tags)
