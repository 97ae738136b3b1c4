"""AT over TCP or Telnet, for gateways that hand a module's port to the network; used like a SerialPort.

``telnet://192.168.0.100/module1``, ``telnet://host:2323/module2``, ``socket://host:7000``.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from edge_agent.drivers.at_modem.profile import LoginStep
from edge_agent.drivers.at_modem.serial_port import UNSENT_LIMIT, SerialPort
from edge_agent.drivers.at_modem.telnet import Telnet
from telecore.errors import DeviceLost, InvalidRequest

log = logging.getLogger(__name__)

CONNECT_S = 10.0
STEP_S = 10.0
HEARD_LIMIT = 4096
_TELNET_PORT = 23
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
_USER_TIMEOUT_MS = 30_000


@dataclass(frozen=True, slots=True)
class Login:
    """``steps`` come before AT; ``{user}``, ``{password}`` are filled in, and the URL's path as ``{module}``."""

    steps: Sequence[LoginStep] = ()
    leave: str = ""
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class NetAddress:
    scheme: str
    host: str
    port: int
    module: str

    @classmethod
    def of(cls, url: str) -> NetAddress:
        """Raises InvalidRequest, and says what is wrong."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise InvalidRequest(f"{url}: {error}") from error
        if parts.scheme not in ("telnet", "socket"):
            raise InvalidRequest(f"{url}: must begin with telnet:// or socket://")
        if parts.username is not None or parts.password is not None:
            raise InvalidRequest("a user or password does not belong in the address of a port: use logins")
        if not parts.hostname:
            raise InvalidRequest(f"{url}: names no host")
        if port is None and parts.scheme == "socket":
            raise InvalidRequest(f"{url}: names no port")
        return cls(parts.scheme, parts.hostname, port or _TELNET_PORT, parts.path.strip("/") or "module1")


def is_net(port: str) -> bool:
    """Whether this is no path of a device file."""
    return "://" in port


class NetPort:
    """One connection. See ``SerialPort`` for what ``on_data`` and ``on_lost`` are told."""

    def __init__(
        self,
        url: str,
        login: Login | None = None,
        *,
        connect_s: float = CONNECT_S,
        step_s: float = STEP_S,
        unsent_limit: int = UNSENT_LIMIT,
    ) -> None:
        self.path = url
        self.on_data: Callable[[bytes], None] = lambda data: None
        self.on_lost: Callable[[DeviceLost], None] = lambda error: None
        self.lost: DeviceLost | None = None
        self._address = NetAddress.of(url)
        self._login = login or Login()
        self._connect_s, self._step_s, self._limit = connect_s, step_s, unsent_limit
        self._transport: asyncio.Transport | None = None
        self._telnet: Telnet | None = None
        self._heard = bytearray()
        self._more = asyncio.Event()
        self._in_login = False

    async def open(self) -> None:
        """Connect and log in. Raises DeviceLost: not there, in use, or it does not ask what the profile expects."""
        at = self._address
        self.lost = None
        self._telnet = Telnet() if at.scheme == "telnet" else None
        try:
            async with asyncio.timeout(self._connect_s):
                transport, _ = await asyncio.get_running_loop().create_connection(
                    lambda: _Protocol(self._came, self._lose), at.host, at.port
                )
        except TimeoutError:
            raise DeviceLost(f"{self.path}: the gateway is gone or not there (no answer)") from None
        except OSError as error:
            raise DeviceLost(f"{self.path}: the gateway is gone or not there ({error.strerror or error})") from error
        self._transport = transport
        _watch(transport.get_extra_info("socket"))
        if self._login.steps:
            await self._log_in()

    def write(self, data: bytes) -> bool:
        """As ``SerialPort.write``."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        if transport.get_write_buffer_size() + len(data) > self._limit:
            return False
        transport.write(Telnet.escaped(data) if self._telnet is not None else data)
        return True

    def close(self) -> None:
        """Take leave and let go; nothing more is called."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        if self._login.leave and not transport.is_closing():
            transport.write(self._login.leave.encode("latin-1"))
        transport.close()

    async def _log_in(self) -> None:
        self._heard.clear()
        self._in_login = True
        try:
            for number, step in enumerate(self._login.steps, 1):
                await self._step(number, step)
        except DeviceLost:
            self.close()
            raise
        finally:
            self._in_login = False

    async def _step(self, number: int, step: LoginStep) -> None:
        wanted = re.compile(step.expect.encode())
        try:
            async with asyncio.timeout(self._step_s):
                while wanted.search(self._heard) is None:
                    self._more.clear()
                    await self._more.wait()
                    if self.lost is not None:
                        raise DeviceLost(*self.lost.args)
        except TimeoutError:
            raise DeviceLost(f"{self.path}: the login does not go on: step {number} expects {step.expect}") from None
        self._heard.clear()
        login = self._login
        text = step.send.format(user=login.user, password=login.password, module=self._address.module)
        self.write(f"{text}\r".encode("latin-1", "replace"))

    def _came(self, data: bytes) -> None:
        if self._telnet is not None:
            data, answer = self._telnet.feed(data)
            if answer and self._transport is not None:
                self._transport.write(answer)
        if self._in_login:
            self._heard = (self._heard + data)[-HEARD_LIMIT:]
            self._more.set()
        elif data and self._transport is not None:
            self.on_data(data)

    def _lose(self, error: Exception | None) -> None:
        wanted = self._transport is None and not self._in_login
        self._transport = None
        if wanted or self.lost is not None:
            return
        self.lost = DeviceLost(f"{self.path}: {error or 'the far end is gone'}")
        self._more.set()
        if not self._in_login:
            self.on_lost(self.lost)


class _Protocol(asyncio.Protocol):
    def __init__(self, came: Callable[[bytes], None], lose: Callable[[Exception | None], None]) -> None:
        self._came, self._lose = came, lose

    def data_received(self, data: bytes) -> None:
        self._came(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(exc)


def _watch(connection: socket.socket) -> None:
    """Let the kernel find out that the far end is gone without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)


Port = SerialPort | NetPort


def make_port(path: str, *, baud: int, login: Login | None = None) -> Port:
    """The port of this name, not open."""
    return NetPort(path, login) if is_net(path) else SerialPort(path, baud=baud)


async def open_port(port: Port) -> None:
    """Open it, whatever it is. Raises DeviceLost."""
    if isinstance(port, NetPort):
        await port.open()
    else:
        port.open()
