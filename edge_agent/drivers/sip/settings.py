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
    realm: str | None = None


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

    ``answer``: see AnswerMode. ``caller_from``: where the GSM caller's number stands: ``from``, ``pai``, ``rpid``,
    ``display``. ``digits``: how we press keys: ``rfc4733`` or ``info``. ``session_timer``: offer RFC 4028.
    ``rtp_dead_s``: hang up when the gateway has sent no RTP for so long, 0 never. ``busy_480``: a 480 means busy there.
    ``number_format``: how a dialled number is written: ``e164`` (+855…), ``digits`` (855…) or ``national`` (0…, with
    ``country``). ``to_line``: how a call names the line it is to leave by: ``user`` (the Request-URI's user is the
    number, the line is told by From), ``prefix`` (the line's user before the number), ``contact`` (the Request-URI has
    the host and port of the line's registered Contact).
    """

    answer: AnswerMode = AnswerMode.TRUE
    caller_from: str = "from"
    digits: str = "rfc4733"
    codecs: tuple[str, ...] = ("PCMA", "PCMU")
    ptime_ms: int = 20
    session_timer: bool = False
    session_expires_s: int = 1800
    rtp_dead_s: float = 30.0
    busy_480: bool = False
    number_format: str = "e164"
    country: str = ""
    to_line: str = "contact"
    options_every_s: float = 30.0
    srtp: bool = False
    require_srtp: bool = False


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
