"""Hears when addresses and routes of this machine change, so that a dead line is not waited for.

By netlink (rtnetlink(7)), which tells nobody's secrets and needs no privilege. Where it cannot be opened the address
from which the cloud would be reached is looked at now and then.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable
from contextlib import suppress

_LOG = logging.getLogger(__name__)
_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400  # RTMGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE
_SETTLE_S = 0.3
"""Changes come in flocks."""
_REST_S = 2.0
"""An interface that comes and goes does not make a storm of attempts."""
_LOOK_EVERY_S = 3.0
_ANYWHERE = ("192.0.2.1", 9)  # RFC 5737: nothing is sent there


async def watch_network(changed: Callable[[], None]) -> None:
    """Call ``changed`` after each flock of changes, until cancelled."""
    try:
        door = _open()
    except OSError as error:
        _LOG.info("the kernel tells no changes of the network (%s): they are looked for", error)
        await _look(changed)
        return
    with door:
        loop = asyncio.get_running_loop()
        while True:
            with suppress(OSError):  # ENOBUFS: some were missed, which is a change as well
                await loop.sock_recv(door, 65536)
            await asyncio.sleep(_SETTLE_S)
            _drain(door)
            changed()
            await asyncio.sleep(_REST_S)


def _open() -> socket.socket:
    if sys.platform != "linux":
        raise OSError("this is not Linux")
    door = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    try:
        door.setblocking(False)
        door.bind((0, _GROUPS))
    except OSError:
        door.close()
        raise
    return door


def _drain(door: socket.socket) -> None:
    with suppress(OSError):
        while door.recv(65536):
            pass


async def _look(changed: Callable[[], None]) -> None:
    before = source_address()
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        now = source_address()
        if now != before:
            before = now
            changed()


def source_address() -> str | None:
    """From which address this machine would speak to the Internet; None: it has no route there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ANYWHERE)
        except OSError:
            return None
        return str(probe.getsockname()[0])


def is_ours(address: str) -> bool:
    """Whether this machine still has this address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True
