"""A TCP connection to the cloud by a chosen uplink, through a proxy where there is one.

An uplink is bound by its source address, and by SO_BINDTODEVICE where the kernel lets us (Linux 5.7 and later let
anybody bind a socket that is not bound yet). Where it does not, the source address alone decides: then the machine's
routing must send what comes from that address out by that interface.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import sys
from contextlib import ExitStack

from edge_agent.config.cloud import UplinkConfig
from edge_agent.uplink.proxy import ANSWER_LIMIT, Proxy, connect_request, read_answer
from telecore.errors import TunnelDown

if sys.platform == "linux":
    import fcntl

_LOG = logging.getLogger(__name__)
_SO_BINDTODEVICE = 25
_SIOCGIFADDR = 0x8915
_LEAST_S = 2.0
_MOST_ADDRESSES = 4


async def reach(host: str, port: int, uplink: UplinkConfig, proxy: Proxy | None, within_s: float) -> socket.socket:
    """Connected to ``host``, as if directly. Raises TunnelDown with the cause, which names the uplink or proxy."""
    name, service = (host, port) if proxy is None else (proxy.host, proxy.port)
    with ExitStack() as stack:
        try:
            async with asyncio.timeout(within_s):
                sock = await _connect(name, service, uplink, within_s)
                stack.callback(sock.close)
                if proxy is not None:
                    await _ask(sock, connect_request(host, port, proxy))
        except TimeoutError as error:
            raise TunnelDown(f"{_what(uplink, proxy)} does not answer within {within_s:g} s") from error
        except OSError as error:
            raise TunnelDown(f"{_what(uplink, proxy)} cannot be reached: {error}") from error
        stack.pop_all()
    return sock


async def _connect(host: str, port: int, uplink: UplinkConfig, within_s: float) -> socket.socket:
    """Try the addresses of a name one after the other. Raises the last one's OSError or TimeoutError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    source = uplink.address or (address_of(uplink.interface) if uplink.interface else None)
    if source is not None:
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        found = [entry for entry in found if entry[0] == family]
    found = found[:_MOST_ADDRESSES]
    error: OSError = OSError(f"{host} has no address that this uplink could reach")
    for number, (family, kind, protocol, _, address) in enumerate(found):
        share = None if number == len(found) - 1 else max(_LEAST_S, within_s / len(found))
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _bind(sock, uplink, source)
            async with asyncio.timeout(share):
                await loop.sock_connect(sock, address)
        except TimeoutError:
            sock.close()
            if share is None:
                raise
            error = TimeoutError(f"{address[0]} does not answer")
        except OSError as problem:
            sock.close()
            error = problem
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise error


def _bind(sock: socket.socket, uplink: UplinkConfig, source: str | None) -> None:
    if uplink.interface:
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, uplink.interface.encode() + b"\0")
        except PermissionError:
            _LOG.debug("%s cannot be bound by name here; its address decides", uplink.interface)
    if source is not None:
        sock.bind((source, 0))


def address_of(interface: str) -> str:
    """The IPv4 address of an interface. Raises OSError: it is not there, or has none."""
    if sys.platform != "linux":
        raise OSError(f"{interface}: name the uplink by its address here")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, struct.pack("256s", interface.encode()[:15]))
        except OSError as error:
            raise OSError(f"interface {interface} is not there or has no address") from error
    return socket.inet_ntoa(answer[20:24])


async def _ask(sock: socket.socket, request: bytes) -> None:
    """Say CONNECT, and wait until the proxy has made the way free."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, request)
    received = b""
    while not read_answer(received):
        data = await loop.sock_recv(sock, ANSWER_LIMIT)
        if not data:
            raise TunnelDown("the proxy ends the connection")
        received += data


def _what(uplink: UplinkConfig, proxy: Proxy | None) -> str:
    way = "it" if proxy is None else f"the proxy {proxy.host}:{proxy.port}"
    return way if uplink.name == "" else f"{way} by {uplink.name}"


_HEADERS = {socket.AF_INET: 52, socket.AF_INET6: 72}
"""IP, and TCP with timestamps."""
_TCP_INFO_LEAST = 208


def carried(sock: socket.socket) -> tuple[int, int] | None:
    """Bytes that this connection put on the line and took from it, headers and repetitions included; None: unknown.

    struct tcp_info of linux/tcp.h: bytes_received at 128, segs_out and segs_in at 136, bytes_sent at 200 (Linux 4.19).
    """
    if sys.platform != "linux" or sock.fileno() < 0:
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    except OSError:
        return None
    if len(info) < _TCP_INFO_LEAST:
        return None
    received, segments_out, segments_in = struct.unpack_from("=QII", info, 128)
    (sent,) = struct.unpack_from("=Q", info, 200)
    header = _HEADERS.get(sock.family, 52)
    return sent + segments_out * header, received + segments_in * header
