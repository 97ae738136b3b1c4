"""How one family of boxes speaks SIP, as data; the families are in families.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from simulator.sip.message import Spelling


class Early(StrEnum):
    """What is sent before the answer: 180 when it rings; 183 with SDP at once; or 183 at once and 180 when it rings."""

    RINGING = "180"
    PROGRESS = "183"
    BOTH = "183, 180"


class CallerIn(StrEnum):
    """Where the GSM caller's number stands; but for FROM, the From has the line's user."""

    FROM = "from"
    PAI = "pai"
    RPID = "rpid"
    DISPLAY = "display"


class Keys(StrEnum):
    """How a key pressed on the handset is told: RFC 4733, INFO with application/dtmf-relay, or only heard."""

    RFC4733 = "rfc4733"
    INFO = "info"
    INBAND = "inband"


@dataclass(frozen=True, slots=True)
class DigestDialect:
    """How an answer to a challenge is spelt; `qop` False: as in RFC 2069, though qop was offered."""

    quoted: bool = True
    uri: bool = True
    algorithm: bool = True
    qop: bool = True


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds. `t1`, `t2`: RFC 3261 §17.1; `invite`, `request`: no answer for so long is the end."""

    t1: float = 0.5
    t2: float = 4.0
    invite: float = 32.0
    request: float = 32.0
    expires: int = 60
    register_again: float = 5.0
    rtp_dead: float = 30.0


NO_STATUSES: Mapping[int, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Manner:
    """`own_ports`: each line listens on a port of its own. `statuses`: Q.850 cause → response to a failed call, else
    `status`. `phrase`: of such a response. `alerted`: 200 already when it rings. `reason`: BYE and failures tell the
    cause (RFC 3326). `versions`: a re-INVITE whose o= version is the old one changes nothing. `inv_auth`: asks the
    agent's INVITE for the line's password. `contact`: what follows the Contact's URI. `cseq_kept`: a request that
    was challenged comes again with the same CSeq. `new_ssrc`: after 183 and 200 RTP begins anew. `elsewhere`: RTP is
    sent from another port than the announced one. `keepalive`: sent to where it registers, every 20 s. `payload`: of
    telephone-event in its offers. `messages`: SMS come as MESSAGE (RFC 3428), where it has no other way.
    """

    name: str
    product: str
    registers: bool = True
    own_ports: bool = False
    waits: Waits = Waits()
    early: Early = Early.RINGING
    alerted: bool = False
    caller_in: CallerIn = CallerIn.FROM
    statuses: Mapping[int, int] = field(default_factory=lambda: NO_STATUSES)
    status: int = 480
    phrase: str = ""
    keys: Keys = Keys.RFC4733
    payload: int = 101
    codecs: tuple[str, ...] = ("PCMA", "PCMU")
    extra_codecs: bool = False
    ptime_ms: int = 20
    contact: str = ""
    digest: DigestDialect = DigestDialect()
    spelling: Spelling = Spelling()
    cseq_kept: bool = False
    keepalive: bytes = b""
    versions: bool = False
    reason: bool = False
    inv_auth: bool = False
    new_ssrc: bool = False
    elsewhere: bool = False
    messages: bool = False
    allow: tuple[str, ...] = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO")
