"""Free loopback ports, chosen once and kept: a restarted process comes back on the same ones."""

from __future__ import annotations

import json
import socket
from pathlib import Path


def choose(names: list[str], kept_in: Path) -> dict[str, int]:
    """A port for each name. Ports chosen by an earlier lab on the same data are used again when they are free."""
    known: dict[str, int] = json.loads(kept_in.read_text()) if kept_in.exists() else {}
    held: list[socket.socket] = []
    ports: dict[str, int] = {}
    try:
        for name in names:
            held.append(_bound(known.get(name, 0)))
            ports[name] = held[-1].getsockname()[1]
    finally:
        for one in held:
            one.close()
    kept_in.write_text(json.dumps(ports))
    return ports


def _bound(port: int) -> socket.socket:
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        one.bind(("127.0.0.1", port))
    except OSError:
        one.bind(("127.0.0.1", 0))
    return one
