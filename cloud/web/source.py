"""Whose address a request comes from, behind proxies or without them."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from telecore.errors import InvalidRequest


class Proxies:
    """Those that are believed when they say for whom they ask (``X-Forwarded-For``)."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        try:
            self._trusted = tuple(ip_network(entry, strict=False) for entry in trusted)
        except ValueError as error:
            raise InvalidRequest(f"not a network: {error}", field="trusted_proxies") from error

    def trusts(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._trusted)

    def source(self, peer: str, forwarded: str) -> str:
        """The last address that no trusted proxy has; whatever stands before it, the client may have written."""
        source = peer
        for hop in reversed(forwarded.split(",")):
            if not self.trusts(source):
                return source
            try:
                source = str(ip_address(hop.strip()))
            except ValueError:
                return source
        return source
