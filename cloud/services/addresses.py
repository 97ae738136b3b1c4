"""Which network addresses a customer's URL may lead to: public ones, and those the operator allows."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from telecore.errors import InvalidRequest

_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: carries an IPv4 address in its last 32 bits


class AddressPolicy:
    """``allow`` holds networks or single addresses beyond the public ones: ``127.0.0.1``, ``10.1.0.0/16``.

    ``refused`` is told of each address that was refused.
    """

    def __init__(self, allow: Iterable[str] = (), refused: Callable[[str], None] = lambda address: None) -> None:
        self._refused = refused
        self._own_ports: frozenset[int] = frozenset()
        try:
            self._allowed = tuple(ip_network(entry, strict=False) for entry in allow)
        except ValueError as error:
            raise InvalidRequest(f"not a network: {error}", field="allow") from error

    def keep_out_of(self, ports: Iterable[int]) -> None:
        """Ports of this machine that are ours: no customer's URL leads there, whatever the address."""
        self._own_ports = frozenset(ports)

    def admits(self, address: str, port: int) -> bool:
        """Whether this numeric address and port may be connected to."""
        good = self.allows(address) and not (port in self._own_ports and _is_here(address))
        if not good:
            self._refused(address)
        return good

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

    def admits_literal(self, host: str, port: int) -> bool:
        """False only for a host that is itself a forbidden address; a name is judged when it is resolved."""
        try:
            ip_address(host.partition("%")[0])
        except ValueError:
            return True
        return self.admits(host, port)


def _is_here(address: str) -> bool:
    """Whether it is an address of this machine: nobody else's can be bound to."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 form of it really leads to."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address
