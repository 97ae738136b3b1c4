"""How one SMPP link is set up: what the contract with the carrier says, and the manners of its SMSC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from telecore.ids import E164, ChannelId, DeviceId


class Bind(StrEnum):
    """``pair``: a transmitter and a receiver, for SMSCs without transceivers (SMPP 3.3)."""

    TRANSCEIVER = "transceiver"
    TRANSMITTER = "transmitter"
    RECEIVER = "receiver"
    PAIR = "pair"


class LongMessages(StrEnum):
    """How a text of several segments is handed in: headers of ours, one message_payload, or sar_ parameters."""

    UDH = "udh"
    PAYLOAD = "payload"
    SAR = "sar"


class Alphabet(StrEnum):
    """What the SMSC takes data_coding 0 for. GSM 7-bit is unpacked: a septet in each octet."""

    GSM7 = "gsm7"
    LATIN1 = "latin1"
    ASCII = "ascii"


class ReceiptIds(StrEnum):
    """How the id in a receipt is written, seen from the one in submit_sm_resp.

    ``auto``: the same, and where nothing has that id, as hex or decimal of it.
    """

    AUTO = "auto"
    SAME = "same"
    RESPONSE_HEX = "response_hex"
    RESPONSE_DECIMAL = "response_decimal"


class Validity(StrEnum):
    """How a message's time is told to the SMSC (SMPP 3.4 §7.1.1)."""

    RELATIVE = "relative"
    ABSOLUTE = "absolute"
    NONE = "none"


CODINGS: Mapping[str, int] = MappingProxyType({"default": 0x00, "ucs2": 0x08, "flash": 0x10, "flash_ucs2": 0x18})
"""data_coding by use; a class 0 message is shown at once (23.038 §4). Some SMSCs want 0xF0 for flash."""


@dataclass(frozen=True, slots=True)
class Numbering:
    """TON and NPI of an address; None: from how it looks (+855… 1/1, a name 5/0, other digits 0/1)."""

    ton: int | None = None
    npi: int | None = None


@dataclass(frozen=True, slots=True)
class SmppSettings:
    """``numbers``: those the SMSC delivers to us; the first is the sender where a message names none.

    ``sender``: what stands there instead, a name of up to eleven characters or a short code. ``tls_ca``: a file of
    certificates to be trusted instead of the system's. ``submits_per_s``: what the contract allows; 0: no limit.
    ``enquire_s``: after so long without a word we ask whether the SMSC is there; ``answer_s``: how long it may take
    over an answer. ``bind_addresses``, ``address_range``: of the bind, where the SMSC wants them.
    """

    device: DeviceId
    channel: ChannelId
    host: str
    system_id: str
    password: str = field(default="", repr=False)
    port: int = 2775
    tls: bool = False
    tls_ca: str = ""
    tls_verify: bool = True
    system_type: str = ""
    bind: Bind = Bind.TRANSCEIVER
    bind_addresses: Numbering = field(default_factory=lambda: Numbering(0, 0))
    address_range: str = ""
    numbers: tuple[E164, ...] = ()
    sender: str = ""
    source: Numbering = field(default_factory=Numbering)
    destination: Numbering = field(default_factory=Numbering)
    service_type: str = ""
    window: int = 10
    submits_per_s: float = 0.0
    enquire_s: float = 30.0
    answer_s: float = 30.0
    long: LongMessages = LongMessages.UDH
    alphabet: Alphabet = Alphabet.GSM7
    codings: Mapping[str, int] = field(default_factory=lambda: CODINGS)
    receipt_ids: ReceiptIds = ReceiptIds.AUTO
    validity: Validity = Validity.RELATIVE

    def __post_init__(self) -> None:
        if not 1 <= self.window <= 1000:
            raise ValueError("window must be from 1 to 1000")
        if min(self.enquire_s, self.answer_s) <= 0 or self.submits_per_s < 0:
            raise ValueError("enquire_s and answer_s must be above 0, submits_per_s not below")
        if len(self.system_id) > 15 or len(self.password) > 8 or len(self.system_type) > 12:
            raise ValueError("system_id has at most 15 characters, password 8, system_type 12 (SMPP 3.4 §4.1.1)")
        if unknown := set(self.codings) - set(CODINGS):
            raise ValueError(f"codings has no {sorted(unknown)[0]!r}; known are {', '.join(CODINGS)}")

    def coding(self, use: str) -> int:
        """data_coding for a use named in CODINGS."""
        return self.codings.get(use, CODINGS[use])
