"""SMPP links and FreeSWITCHes, as a site configures them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from edge_agent.config.values import Problem, of_host, of_numbers, of_poll, of_port
from telecore.ids import E164, DeviceId

_GATEWAY = re.compile(r"[A-Za-z0-9._-]{1,64}")
BINDS = ("transceiver", "transmitter", "receiver", "pair")
LONG = ("udh", "payload", "sar")
ALPHABETS = ("gsm7", "latin1", "ascii")
RECEIPT_IDS = ("auto", "same", "response_hex", "response_decimal")
VALIDITIES = ("relative", "absolute", "none")
_WORDS = (
    ("bind", BINDS), ("long", LONG), ("alphabet", ALPHABETS), ("receipt_ids", RECEIPT_IDS), ("validity", VALIDITIES),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NumberingConfig:
    """TON and NPI of an address (SMPP 3.4 §5.2.5); left out: from how it looks."""

    ton: int | None = None
    npi: int | None = None


@dataclass(frozen=True, slots=True)
class SmppConfig:
    """A link to a carrier's message centre; what its fields mean is in docs/gateways.md. ``user`` is the system_id.

    ``tls_ca``: a PEM file, relative to agent.yaml.
    """

    id: DeviceId
    host: str
    user: str
    numbers: tuple[E164, ...] = ()
    driver: str = "smpp"
    port: int = 2775
    password_file: str | None = None
    tls: bool = False
    tls_ca: str = ""
    tls_verify: bool = True
    system_type: str = ""
    bind: str = "transceiver"
    bind_addresses: NumberingConfig = NumberingConfig(0, 0)
    address_range: str = ""
    sender: str = ""
    source: NumberingConfig = NumberingConfig()
    destination: NumberingConfig = NumberingConfig()
    service_type: str = ""
    window: int = 10
    submits_per_s: float = 0.0
    enquire_s: float = 30.0
    answer_s: float = 30.0
    long: str = "udh"
    alphabet: str = "gsm7"
    codings: dict[str, int] = field(default_factory=dict)
    receipt_ids: str = "auto"
    validity: str = "relative"
    enabled: bool = True
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class FreeswitchTrunkConfig:
    """One gateway of FreeSWITCH's mod_sofia. ``dial_string`` may hold {trunk}, {number} and {digits}."""

    gateway: str
    numbers: tuple[E164, ...] = ()
    dial_string: str = "sofia/gateway/{trunk}/{number}"
    calls: int = 30


@dataclass(frozen=True, slots=True)
class FreeswitchConfig:
    """A FreeSWITCH beside the agent. ``port``: its event socket; ``sip_port``: its profile towards us."""

    id: DeviceId
    trunks: tuple[FreeswitchTrunkConfig, ...]
    host: str = "127.0.0.1"
    driver: str = "freeswitch"
    port: int = 8021
    password_file: str | None = None
    sip_port: int = 5080
    agent_profile: str = "agent"
    poll_s: float = 10.0
    enabled: bool = True
    password: str = field(default="", repr=False)


def of_smpp(link: SmppConfig) -> Iterator[Problem]:
    """Of an SMPP link; paths are relative to the device."""
    yield from of_host("host", link.host)
    yield from of_port("port", link.port)
    yield from of_numbers("numbers", link.numbers)
    for name, most, text in (("user", 15, link.user), ("system_type", 12, link.system_type)):
        if len(text) > most:
            yield name, f"has at most {most} characters (SMPP 3.4 §4.1.1)"
    if not link.user:
        yield "user", "is empty: it is the system_id of the bind"
    for name, words in _WORDS:
        if getattr(link, name) not in words:
            yield name, f"must be one of {', '.join(words)}"
    if not 1 <= link.window <= 1000:
        yield "window", "must be from 1 to 1000"
    for name in ("enquire_s", "answer_s"):
        if getattr(link, name) <= 0:
            yield name, "must be more than 0"
    if link.submits_per_s < 0:
        yield "submits_per_s", "must not be negative; 0: no limit"
    if unknown := set(link.codings) - {"default", "ucs2", "flash", "flash_ucs2"}:
        yield f"codings.{sorted(unknown)[0]}", "is unknown (known: default, ucs2, flash, flash_ucs2)"
    if any(not 0 <= value <= 255 for value in link.codings.values()):
        yield "codings", "must be from 0 to 255"
    if not link.numbers and not link.sender:
        yield "numbers", "is empty, and so is sender: nobody could send by this link"


def of_freeswitch(switch: FreeswitchConfig) -> Iterator[Problem]:
    """Of a FreeSWITCH; paths are relative to the device."""
    yield from of_host("host", switch.host)
    yield from of_port("port", switch.port)
    yield from of_port("sip_port", switch.sip_port)
    yield from of_poll("poll_s", switch.poll_s)
    if switch.password_file is None:
        yield "password_file", "is missing: the password of event_socket.conf"
    if not switch.trunks:
        yield "trunks", "is empty"
    for n, trunk in enumerate(switch.trunks):
        if not _GATEWAY.fullmatch(trunk.gateway):
            yield f"trunks[{n}].gateway", "must be the name of a gateway of mod_sofia"
        if not 1 <= trunk.calls <= 500:
            yield f"trunks[{n}].calls", "must be from 1 to 500"
        yield from of_numbers(f"trunks[{n}].numbers", trunk.numbers)
