"""A NAT for datagrams: it gives whoever is inside an address and port of its own, and lets answers back in.

The kernel here translates nothing, so this relay does: ``inside`` is where the inner ends send (as if it were the outer
address), and each inner end and outer address gets a port of its own outside, as a symmetric NAT gives. Only the
outer address that was sent to may answer (address- and port-dependent filtering, RFC 4787 §5).
"""

from __future__ import annotations

import asyncio
import socket
from typing import Self

Place = tuple[str, int]


class Nat:
    """Stands before ``outside``: what reaches ``inside`` goes there from ``address``, another than the sender's."""

    def __init__(self, outside: Place, *, address: str = "127.0.0.9", inner: str = "127.0.0.1") -> None:
        self._outside = outside
        self._address = address
        self._door = _bound(inner)
        self.inside: Place = self._door.getsockname()
        """What the inner ends believe to be the outer one."""
        self._mapped: dict[Place, socket.socket] = {}
        self.turned_away = 0
        """Datagrams from outside that nobody asked for."""
        asyncio.get_running_loop().add_reader(self._door, self._from_inside)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def outer(self) -> list[Place]:
        """The addresses it gave, in order."""
        return [mapped.getsockname() for mapped in self._mapped.values()]

    def forget(self) -> None:
        """The bindings ran out: the next packet from inside gets a new port."""
        loop = asyncio.get_running_loop()
        for mapped in self._mapped.values():
            loop.remove_reader(mapped)
            mapped.close()
        self._mapped.clear()

    def close(self) -> None:
        self.forget()
        asyncio.get_running_loop().remove_reader(self._door)
        self._door.close()

    def _from_inside(self) -> None:
        data, source = self._door.recvfrom(65536)
        if source not in self._mapped:
            mapped = self._mapped[source] = _bound(self._address)
            asyncio.get_running_loop().add_reader(mapped, self._from_outside, mapped, source)
        self._mapped[source].sendto(data, self._outside)

    def _from_outside(self, mapped: socket.socket, inner: Place) -> None:
        data, source = mapped.recvfrom(65536)
        if source == self._outside:
            self._door.sendto(data, inner)
        else:
            self.turned_away += 1


def _bound(address: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind((address, 0))
    return made
