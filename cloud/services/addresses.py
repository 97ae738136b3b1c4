"""Which network addresses a customer's URL may lead to: public ones, and those the operator allows."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from telecore.errors import InvalidRequest

_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: carries an IPv4 address in its last 32 bits


class AddressPolicy:
    """``allow`` holds networks or single addresses beyond the public ones: ``127.0.0.1``, ``10.1.0.0/16``."""

    def __init__(self, allow: Iterable[str] = ()) -> None:
        try:
            self._allowed = tuple(ip_network(entry, strict=False) for entry in allow)
        except ValueError as error:
            raise InvalidRequest(f"not a network: {error}", field="allow") from error

    def allows(self, address: str) -> bool:
        """Whether a connection to this numeric address may be made. What is not numeric may not."""
        try:
            found = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        inner = _embedded(found)
        return self.lists(address) or inner.is_global and not inner.is_multicast

    def lists(self, address: str) -> bool:
        """Whether the operator named this numeric address: it is in a network of his own."""
        try:
            inner = _embedded(ip_address(address.partition("%")[0]))
        except ValueError:
            return False
        return any(inner in network for network in self._allowed)

    def allows_literal(self, host: str) -> bool:
        """False only for a host that is itself a forbidden address; a name is judged when it is resolved."""
        try:
            ip_address(host.partition("%")[0])
        except ValueError:
            return True
        return self.allows(host)


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 form of it really leads to."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address
