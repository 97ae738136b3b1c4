"""The HTTP proxy that a site may stand behind: which one, and how it is asked (RFC 9110 §9.3.6). Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from telecore.errors import InvalidRequest, TunnelDown

ANSWER_LIMIT = 16_384
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: ([^\r\n]*))?")
_PORTS = {"wss": 443, "ws": 80}
_FAMILIES = {
    "wss": ("wss_proxy", "https_proxy", "all_proxy"),
    "ws": ("ws_proxy", "http_proxy", "all_proxy"),
    "https": ("https_proxy", "all_proxy"),
    "http": ("http_proxy", "all_proxy"),
}


@dataclass(frozen=True, slots=True)
class Proxy:
    """``password`` is shown nowhere."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def login(self) -> str:
        """The value of Proxy-Authorization; empty where it wants none."""
        if not self.user and not self.password:
            return ""
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


def target_of(url: str) -> tuple[str, int]:
    """Host and port of a tunnel's address. Raises TunnelDown when it is none."""
    try:
        parts = urlsplit(url)
        usual = _PORTS[parts.scheme]
        host, port = parts.hostname, parts.port or usual
    except (ValueError, KeyError) as error:
        raise TunnelDown("this is not the address of a tunnel") from error
    if not host:
        raise TunnelDown("this is not the address of a tunnel")
    return host, port


def read_proxy(url: str) -> Proxy:
    """``http://user:password@host:port``. Raises InvalidRequest."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port or 3128
    except ValueError as error:
        raise InvalidRequest("is not the address of a proxy") from error
    if parts.scheme != "http":
        raise InvalidRequest(f"a proxy is spoken to by http, not by {parts.scheme}: its address begins with http://")
    if not host:
        raise InvalidRequest("names no host")
    return Proxy(host, port, unquote(parts.username or ""), unquote(parts.password or ""))


def proxy_for(url: str, configured: str | None, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy before this address: the configured one (``none``: no proxy), else the environment's.

    ``url`` is the tunnel's or the controller's. Raises InvalidRequest when that is no proxy's address.
    """
    if configured is not None:
        return None if configured == "none" else read_proxy(configured)
    host = urlsplit(url).hostname or ""
    lower = {name.lower(): value for name, value in environ.items() if value and name.lower().endswith("_proxy")}
    if passes_by(host, lower.get("no_proxy", "")):
        return None
    for name in _FAMILIES[urlsplit(url).scheme]:
        if name in lower:
            return read_proxy(lower[name])
    return None


def passes_by(host: str, no_proxy: str) -> bool:
    """Whether the environment's NO_PROXY names this host: itself, its domain, its network, or *."""
    return any(_names(entry.strip().lower(), host.lower()) for entry in no_proxy.split(",") if entry.strip())


def _names(entry: str, host: str) -> bool:
    if entry == "*":
        return True
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        domain = entry.removeprefix("*").lstrip(".")
        return host == domain or host.endswith(f".{domain}")


def connect_request(host: str, port: int, proxy: Proxy) -> bytes:
    """What is said to it."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", "User-Agent: simferry-edge"]
    if proxy.login:
        lines.append(f"Proxy-Authorization: {proxy.login}")
    return "\r\n".join([*lines, "", ""]).encode()


def read_answer(received: bytes) -> bool:
    """False: there is more to come. Raises TunnelDown unless the way is free."""
    head, end, rest = received.partition(b"\r\n\r\n")
    if not end:
        if len(received) > ANSWER_LIMIT:
            raise TunnelDown("the proxy's answer has no end")
        return False
    found = _STATUS.match(head)
    if found is None:
        raise TunnelDown("the proxy does not speak HTTP")
    status, reason = int(found[1]), (found[2] or b"").decode("latin-1").strip()
    if status == 407:
        raise TunnelDown("the proxy wants a user and a password, or others than these (407)")
    if not 200 <= status < 300:
        raise TunnelDown(f"the proxy answers {status} {reason}".rstrip())
    if rest:
        raise TunnelDown("the proxy speaks before its turn")
    return True
