"""systemd's watchdog, fed only while the event loop turns and the store answers (sd_notify(3), by its datagram)."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping

log = logging.getLogger(__name__)

Notify = Callable[[str], None]


def notifier(environ: Mapping[str, str]) -> Notify:
    """What tells systemd; does nothing when this process is no service of Type=notify."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return lambda text: None
    try:
        from systemd.daemon import notify as systemd_notify
    except ImportError:
        return _datagrams(address)

    def told(text: str) -> None:
        try:
            systemd_notify(text)
        except OSError as error:
            log.warning("systemd could not be told: %s", error)

    return told


def _datagrams(address: str) -> Notify:
    """systemd-python is an extra; the protocol is one datagram (sd_notify(3))."""
    # '@' begins an abstract address, which the kernel spells with a NUL (unix(7)).
    target = "\0" + address[1:] if address.startswith("@") else address

    def notify(text: str) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as door:
                door.sendto(text.encode(), target)
        except OSError as error:
            log.warning("systemd could not be told: %s", error)

    return notify


def period_s(environ: Mapping[str, str]) -> float | None:
    """A third of what systemd allows between two signs; None when it does not watch (sd_watchdog_enabled(3))."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        allowed_s = int(environ["WATCHDOG_USEC"]) / 1e6
    except (KeyError, ValueError):
        return None
    return allowed_s / 3 if allowed_s > 0 else None


async def feed(notify: Notify, period: float | None, answers: Callable[[], Awaitable[bool]]) -> None:
    """Pass on a sign of life each period, as long as ``answers`` comes back in time, whatever it says."""
    while period is not None:
        try:
            async with asyncio.timeout(period):
                good = await answers()
            notify(f"WATCHDOG=1\nSTATUS={'serving' if good else 'the store refuses to answer'}")
        except TimeoutError:
            log.error("the store did not answer within %.1f s; the watchdog is not fed", period)  # noqa: TRY400
        await asyncio.sleep(period)
