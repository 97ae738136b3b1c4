"""How this site reaches the cloud, and what that may cost (agent.yaml: ``cloud``)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from edge_agent.config.values import Problem
from telecore.hosts import is_loopback

_INTERFACE = re.compile(r"[^\s/\0]{1,15}")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
MONTH_DAYS = 28


@dataclass(frozen=True, slots=True)
class UplinkConfig:
    """One way to the cloud: by an interface, by a source address, or as the machine's routing has it.

    ``monthly_mb``: how much it may carry in a month, of 1,000,000 bytes; None: as much as it likes.
    """

    interface: str | None = None
    address: str | None = None
    monthly_mb: float | None = None

    @property
    def name(self) -> str:
        """As people call it; empty where the machine's routing decides."""
        return self.interface or self.address or ""


@dataclass(frozen=True, slots=True)
class BudgetConfig:
    """``monthly_mb`` is for all uplinks together. ``month_begins``: the day the operator counts from.

    ``cheap_hours``: ``01:00-05:00`` by this machine's clock; recordings wait for them. ``warn_at``: percent.
    """

    monthly_mb: float | None = None
    month_begins: int = 1
    cheap_hours: str | None = None
    warn_at: tuple[int, ...] = (50, 80, 100)


@dataclass(frozen=True, slots=True)
class CloudConfig:
    """``url`` is the controller's web address; the tunnel's address comes with the enrolment.

    ``proxy``: ``http://host:port``, or ``none``; None takes the environment's. ``proxy_password`` comes of its file.
    ``uplinks``: in the order they are preferred. ``insecure``: without TLS beyond this machine, for a laboratory.
    ``ca_file``: PEM of the authorities that are believed, instead of the system's, relative to agent.yaml.
    ``pin_sha256``: base64 or hex of SHA-256 of a certificate's public key (SPKI); one of them must be shown.
    """

    url: str | None = None
    proxy: str | None = None
    proxy_user: str | None = None
    proxy_password_file: str | None = None
    proxy_password: str = field(default="", repr=False)
    uplinks: tuple[UplinkConfig, ...] = ()
    insecure: bool = False
    ca_file: str | None = None
    pin_sha256: tuple[str, ...] = ()
    budget: BudgetConfig = field(default_factory=BudgetConfig)

    @property
    def proxy_url(self) -> str | None:
        """With user and password, for nobody's eyes."""
        if self.proxy is None or self.proxy_user is None:
            return self.proxy
        login = f"{quote(self.proxy_user, safe='')}:{quote(self.proxy_password, safe='')}"
        return f"http://{login}@{self.proxy.removeprefix('http://')}"


def of_cloud(cloud: CloudConfig) -> Iterator[Problem]:
    """What the types of the section cannot say."""
    if cloud.url is not None and not re.match(r"https?://[^/\s]+", cloud.url):
        yield "cloud.url", "must begin with https:// or http://"
    elif cloud.url is not None and not cloud.insecure and without_tls(cloud.url):
        yield "cloud.url", "must begin with https:// beyond this machine (insecure: true is for laboratories)"
    for number, pin in enumerate(cloud.pin_sha256):
        if pin_of(pin) is None:
            yield f"cloud.pin_sha256[{number}]", "must be 32 bytes in base64 or hexadecimal"
    yield from _of_proxy(cloud)
    yield from _of_budget(cloud.budget)
    names = [uplink.name for uplink in cloud.uplinks]
    for number, uplink in enumerate(cloud.uplinks):
        path = f"cloud.uplinks[{number}]"
        yield from _of_uplink(path, uplink)
        if uplink.name and uplink.name in names[:number]:
            yield path, f"{uplink.name} is in the list twice"


def without_tls(url: str) -> bool:
    """Whether what is said to this address can be read on its way."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "ws") and not is_loopback(parts.hostname or "")


def pin_of(text: str) -> bytes | None:
    """The 32 bytes of a pin, None for what is none."""
    try:
        data = bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if len(data) == 32 else None


def _of_proxy(cloud: CloudConfig) -> Iterator[Problem]:
    if cloud.proxy not in (None, "none") and not re.fullmatch(r"http://[^/\s@]+/?", cloud.proxy or ""):
        yield "cloud.proxy", "must be http://host:port without a password, or none"
    if cloud.proxy_password:
        yield "cloud.proxy_password", "does not belong in this file: write it to one of mode 0600, proxy_password_file"
    if cloud.proxy_password_file is not None and cloud.proxy_user is None:
        yield "cloud.proxy_user", "is missing: a password needs a user"
    if cloud.proxy_user is not None and cloud.proxy in (None, "none"):
        yield "cloud.proxy", "is missing: the user is for a proxy"


def _of_uplink(path: str, uplink: UplinkConfig) -> Iterator[Problem]:
    if not uplink.name:
        yield path, "needs an interface, like wwan0, or an address"
    if uplink.interface is not None and not _INTERFACE.fullmatch(uplink.interface):
        yield f"{path}.interface", "must be the name of an interface, like wwan0"
    if uplink.address is not None and not _is_address(uplink.address):
        yield f"{path}.address", "must be an IP address of this machine"
    yield from _of_megabytes(f"{path}.monthly_mb", uplink.monthly_mb)


def _of_budget(budget: BudgetConfig) -> Iterator[Problem]:
    yield from _of_megabytes("cloud.budget.monthly_mb", budget.monthly_mb)
    if not 1 <= budget.month_begins <= MONTH_DAYS:
        yield "cloud.budget.month_begins", f"must be a day from 1 to {MONTH_DAYS}, which every month has"
    if budget.cheap_hours is not None and hours_of(budget.cheap_hours) is None:
        yield "cloud.budget.cheap_hours", "must be like 01:00-05:00"
    if any(not 1 <= percent <= 1000 for percent in budget.warn_at):
        yield "cloud.budget.warn_at", "must be percentages, like [50, 80, 100]"


def _of_megabytes(path: str, value: float | None) -> Iterator[Problem]:
    if value is not None and not 0 < value < 1e9:
        yield path, "must be megabytes above 0, or null: no limit"


def hours_of(text: str) -> tuple[int, int] | None:
    """Minutes of the day from and until which hours are cheap; None: it says no hours. May reach over midnight."""
    found = _HOURS.fullmatch(text)
    if found is None:
        return None
    from_h, from_min, to_h, to_min = map(int, found.groups())
    begin, end = from_h * 60 + from_min, to_h * 60 + to_min
    return None if begin == end else (begin, end)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
