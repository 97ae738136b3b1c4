"""Ports for far ends that are told theirs before they bind it."""

from __future__ import annotations

import random
import socket
from contextlib import suppress


def free_port() -> int:
    """One that nobody has now, by UDP or TCP, and that the kernel hands to nobody before it is bound."""
    while True:
        port = random.randrange(10_000, 15_000)
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream,
            suppress(OSError),
        ):
            datagrams.bind(("127.0.0.1", port))
            stream.bind(("127.0.0.1", port))
            return port
