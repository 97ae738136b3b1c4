"""Free loopback ports, chosen once and kept: a restarted process comes back on the same ones."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Set
from contextlib import suppress
from pathlib import Path

from scripts.labkit.kept import keep, kept

LISTENERS = range(20_000, 32_768)
"""Below those that Linux gives to outgoing connections (ip_local_port_range): one of these could take the port of a
process that is down for a moment, and it could not come back."""
_TRIES = 200


def choose(names: list[str], kept_in: Path) -> dict[str, int]:
    """A port for each name. Ports chosen by an earlier lab on the same data are used again when they are free."""
    known: dict[str, int] = kept(kept_in) or {}
    held: list[socket.socket] = []
    ports: dict[str, int] = {}
    try:
        for name in names:
            held.append(_bound(known.get(name), {*known.values(), *ports.values()}))
            ports[name] = held[-1].getsockname()[1]
    finally:
        for one in held:
            one.close()
    keep(kept_in, ports)
    return ports


def _bound(wanted: int | None, taken: Set[int]) -> socket.socket:
    """A socket on the port wanted or on another free one, at last on any that the kernel has.

    Never one of ``taken``: with SO_REUSEADDR the kernel binds a port twice as long as neither listens.
    """
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    others = [port for port in (secrets.choice(LISTENERS) for _ in range(_TRIES)) if port not in taken]
    for port in [*([wanted] if wanted else []), *others, 0]:
        with suppress(OSError):
            one.bind(("127.0.0.1", port))
            return one
    one.close()
    raise OSError("no loopback port is free")
