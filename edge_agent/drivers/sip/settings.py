"""What a site says of its SIP: where we listen, and who the far ends are."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from telecore.ids import E164, ChannelId, DeviceId


class Transport(StrEnum):
    UDP = "udp"
    TLS = "tls"


class Registers(StrEnum):
    """Who registers with whom: the gateway with us, we with the trunk, or nobody (a peer known by its address)."""

    WITH_US = "with_us"
    WITH_THEM = "with_them"
    NOBODY = "nobody"


class AnswerMode(StrEnum):
    """What a 200 means: an answer, or (``alerted``) only that the GSM side rings or progresses: a false answer."""

    TRUE = "true"
    ALERTED = "alerted"


class CallerFrom(StrEnum):
    """Where the GSM caller's number stands: in From, P-Asserted-Identity or Remote-Party-ID, or in From's name."""

    FROM = "from"
    PAI = "pai"
    RPID = "rpid"
    DISPLAY = "display"


class Keys(StrEnum):
    """How we press keys: telephone-events, or INFO with application/dtmf-relay."""

    RFC4733 = "rfc4733"
    INFO = "info"


class NumberFormat(StrEnum):
    """How a dialled number is written: +855…, 855…, or 0… with ``SipQuirks.country``."""

    E164 = "e164"
    DIGITS = "digits"
    NATIONAL = "national"


class ToLine(StrEnum):
    """How a call names the line it is to leave by.

    ``contact``: the Request-URI has the host and port of the line's registered Contact, and From our number; a trunk,
    which has one line, is called so too. ``user``: From has the line's user. ``prefix``: it stands before the number.
    """

    CONTACT = "contact"
    USER = "user"
    PREFIX = "prefix"


class Codec(StrEnum):
    """G.711, which every gateway has (RFC 3551 §4.5.14)."""

    PCMA = "PCMA"
    PCMU = "PCMU"


PTIMES_MS = (20, 30, 40, 60)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. ``ca``: who may have signed the far end's certificate; None: the system's list."""

    certificate: str | None = None
    key: str | None = None
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class SipSettings:
    """One listening address; ``listen`` is a numeric address of this machine, on the gateways' network.

    ``advertised``: what far ends beyond a NAT are told to use instead. ``rtp_low`` to ``rtp_high``: ports for RTP, the
    even ones, with RTCP on the next. ``unknown_per_s`` and ``requests_per_s``: requests per second and source address
    beyond which nothing is answered, from strangers and from known far ends.
    """

    listen: str = "127.0.0.1"
    port: int = 5060
    advertised: str | None = None
    rtp_low: int = 17000
    rtp_high: int = 17999
    tls_port: int | None = None
    tls: TlsFiles | None = None
    unknown_per_s: float = 5.0
    requests_per_s: float = 400.0
    trace_messages: int = 200


@dataclass(frozen=True, slots=True)
class Credentials:
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LineSettings:
    """One line of a gateway. ``user``: the user part that names it, in REGISTER, From, To and Request-URI."""

    channel: ChannelId
    user: str
    credentials: Credentials | None = None
    number: E164 | None = None


@dataclass(frozen=True, slots=True)
class SipQuirks:
    """How a family differs; from its profile, and from the site's own settings.

    ``codecs``: preferred first; ``ptime_ms``: of our packets, where the far end asks for none. ``session_timer``: offer
    RFC 4028. ``rtp_dead_s``: hang up when the gateway has sent no RTP for so long, 0 never. ``busy_480``: a 480 means
    busy there; ``vague``: responses it gives to every failure, so that they tell nothing. ``keys_in_sound``: keys come
    as tones, whatever its SDP says. ``options_every_s``: ask whether it is there, 0 never. ``srtp``: offer SRTP and
    take it; ``require_srtp``: refuse calls without it.
    """

    answer: AnswerMode = AnswerMode.TRUE
    caller_from: CallerFrom = CallerFrom.FROM
    digits: Keys = Keys.RFC4733
    codecs: tuple[Codec, ...] = (Codec.PCMA, Codec.PCMU)
    ptime_ms: int = 20
    session_timer: bool = False
    session_expires_s: int = 1800
    rtp_dead_s: float = 30.0
    busy_480: bool = False
    vague: tuple[int, ...] = ()
    keys_in_sound: bool = False
    number_format: NumberFormat = NumberFormat.E164
    country: str = ""
    to_line: ToLine = ToLine.CONTACT
    options_every_s: float = 30.0
    srtp: bool = False
    require_srtp: bool = False

    def __post_init__(self) -> None:
        if not self.codecs:
            raise ValueError("codecs: is empty")
        if self.ptime_ms not in PTIMES_MS:
            raise ValueError(f"ptime_ms: must be one of {', '.join(map(str, PTIMES_MS))}")
        if self.number_format == NumberFormat.NATIONAL and not self.country:
            raise ValueError('country: is missing, like "855", for national numbers')
        if self.country and not (self.country.isascii() and self.country.isdigit() and len(self.country) <= 3):
            raise ValueError('country: must be a calling code in quotes, like "855"')
        if self.require_srtp and not self.srtp:
            raise ValueError("require_srtp: needs srtp: true")
        if self.session_expires_s < 90:
            raise ValueError("session_expires_s: must be 90 or more (RFC 4028 §5)")
        if min(self.rtp_dead_s, self.options_every_s) < 0:
            raise ValueError("rtp_dead_s and options_every_s: must not be negative; 0: never")


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """One far end: a gateway with its lines, or a trunk with one. ``host``: a name or an address; empty only for a
    gateway that registers from wherever it is. ``sources``: further addresses it may send from (CIDR).

    ``challenge``: whether its INVITEs must carry the line's credentials. ``outbound_proxy``: ``host[:port]``.
    ``max_calls``: at once, on each line.
    """

    device: DeviceId
    host: str
    port: int = 5060
    transport: Transport = Transport.UDP
    registers: Registers = Registers.NOBODY
    lines: tuple[LineSettings, ...] = ()
    sources: tuple[str, ...] = ()
    credentials: Credentials | None = None
    domain: str = ""
    challenge: bool = False
    outbound_proxy: str | None = None
    max_calls: int = 1
    quirks: SipQuirks = SipQuirks()
