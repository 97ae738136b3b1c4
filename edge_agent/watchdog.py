"""systemd's watchdog, fed only while the event loop turns and the spool's thread answers (sd_notify(3))."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping

from telecore.errors import StorageFailed

log = logging.getLogger(__name__)

_PERIOD_S = 15.0
"""How often the spool is asked when systemd does not watch."""

Notify = Callable[[str], None]


def notifier(environ: Mapping[str, str]) -> Notify:
    """What tells systemd; does nothing when this process is no service of Type=notify."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return _nobody
    try:
        from systemd.daemon import notify
    except ImportError:
        log.info("systemd-python is not installed; systemd is told by a datagram of our own")
        return _Datagrams(address).send
    return lambda text: _quietly(lambda: notify(text))


def period_s(environ: Mapping[str, str]) -> float:
    """Half of what systemd allows between two signs of life (sd_watchdog_enabled(3))."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return _PERIOD_S
    try:
        allowed_s = int(environ["WATCHDOG_USEC"]) / 1e6
    except (KeyError, ValueError):
        return _PERIOD_S
    return allowed_s / 2 if allowed_s > 0 else _PERIOD_S


class Watchdog:
    """Asks the spool for a sign of life each period, and passes it on.

    A spool that answers with an error (disk full, read-only) has answered: a restart would cure nothing and cost the
    live calls. ``on_error`` gets the error, None when it is over. A spool that does not answer is not fed for.
    """

    def __init__(
        self,
        notify: Notify,
        probe: Callable[[], Awaitable[None]],
        *,
        period_s: float,
        status: Callable[[], str],
        on_error: Callable[[str | None], None],
    ) -> None:
        self._notify = notify
        self._probe = probe
        self._period_s = period_s
        self._status = status
        self._on_error = on_error

    def ready(self) -> None:
        self._notify("READY=1")

    def stopping(self) -> None:
        self._notify("STOPPING=1")

    async def run(self) -> None:
        """Feed until cancelled."""
        while True:
            if await self._answers():
                self._notify(f"WATCHDOG=1\nSTATUS={self._status()}")
            await asyncio.sleep(self._period_s)

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(self._period_s):
                await self._probe()
        except TimeoutError:
            log.error("the spool did not answer within %.1f s; the watchdog is not fed", self._period_s)  # noqa: TRY400
            return False
        except StorageFailed as error:
            log.error("the spool cannot keep anything: %s", error)  # noqa: TRY400
            self._on_error(str(error))
        else:
            self._on_error(None)
        return True


class _Datagrams:
    def __init__(self, address: str) -> None:
        # '@' begins an abstract address, which the kernel spells with a NUL (unix(7)).
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def send(self, text: str) -> None:
        _quietly(lambda: self._send(text))

    def _send(self, text: str) -> None:
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        with socket.socket(socket.AF_UNIX, kind) as door:
            door.sendto(text.encode(), self._address)


def _nobody(text: str) -> None:
    return


def _quietly(send: Callable[[], object]) -> None:
    """systemd that does not listen is no reason to fall."""
    try:
        send()
    except OSError as error:
        log.warning("systemd could not be told: %s", error)
