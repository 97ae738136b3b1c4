"""A small Internet for one process: a name server, an attacker at a public address, and what must not be reached.

Run in a network namespace of its own (``unshare -rmn``), it prints its figures as JSON. ``8.8.4.4`` is the attacker,
who sends everybody on to places inside; ``169.254.169.254``, ``10.0.0.1`` and loopback are inside.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from cloud.services.addresses import AddressPolicy
from cloud.services.exchanges import FetchedDocument, WebhookRequest
from cloud.services.stream_socket import StreamDoor, StreamFailed
from cloud.services.webhooks import Timeouts, WebhookClient
from telecore.ids import AccountSid

ATTACKER = "8.8.4.4"
INSIDE = ("127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.7.7", "100.64.0.9")
INSIDE_6 = ("::1", "fd00::7")
ALLOWED = "10.9.9.9"
OWN_PORT = 8080
PORT = 80

LITERALS = (
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0",
    "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[0:0:0:0:0:ffff:7f00:0001]",
    "169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "[::ffff:a9fe:a9fe]", "[fd00::7]",
    "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "10.0.0.1", "10.1", "167772161", "192.168.7.7",
    "100.64.0.9", "localhost", "LOCALHOST.", "127.0.0.1.", "\uff11\uff12\uff17.0.0.1", "\u2460\u2461\u2466.0.0.1",
    "127\u30020\u30020\u30021", "user:pw@127.0.0.1", "8.8.4.4@127.0.0.1", "127.0.0.1%2f.rebind.test",
)  # fmt: skip
NAMES = ("inside.test", "inside6.test", "metadata.test", "mapped.test")


class NameServer(asyncio.DatagramProtocol):
    """``rebind.test`` is public and inside by turns; ``mixed.test`` both at once."""

    def __init__(self) -> None:
        self.turn = 0

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name, end = _name(data)
        kind = int.from_bytes(data[end : end + 2], "big")
        addresses = [ipaddress.ip_address(one) for one in self._of(name, kind)]
        fits = [one for one in addresses if one.version == (4 if kind == 1 else 6)] if kind in (1, 28) else []
        rows = b"".join(
            b"\xc0\x0c" + data[end : end + 4] + bytes(4) + len(one.packed).to_bytes(2, "big") + one.packed
            for one in fits
        )
        head = data[:2] + b"\x81\x80\x00\x01" + len(fits).to_bytes(2, "big") + bytes(4)
        self.transport.sendto(head + data[12 : end + 4] + rows, addr)

    def _of(self, name: str, kind: int) -> tuple[str, ...]:
        if name == "rebind.test" and kind == 1:
            self.turn += 1
            return ((ATTACKER, "127.0.0.1")[self.turn % 2],)
        return {
            "attacker.test": (ATTACKER,),
            "inside.test": ("10.0.0.1",),
            "inside6.test": ("fd00::7",),
            "metadata.test": ("169.254.169.254",),
            "mixed.test": (ATTACKER, "127.0.0.1", "10.0.0.1"),
            "mapped.test": ("::ffff:10.0.0.1",),
            "allowed.test": (ALLOWED,),
        }.get(name, ())


def _name(data: bytes) -> tuple[str, int]:
    place, labels = 12, []
    while data[place]:
        labels.append(data[place + 1 : place + 1 + data[place]].decode("latin-1"))
        place += 1 + data[place]
    return ".".join(labels).lower(), place + 1


class Site:
    """Something that answers HTTP and counts who came."""

    def __init__(self, location: list[str]) -> None:
        self.hits = 0
        self.location = location

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.hits += 1
        try:
            async with asyncio.timeout(5):
                await reader.readuntil(b"\r\n\r\n")
            if self.location:
                where = self.location[0].encode("utf-8", "surrogateescape")
                writer.write(b"HTTP/1.1 307 Go\r\nLocation: " + where + b"\r\nContent-Length: 0\r\n\r\n")
            else:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 11\r\n\r\n<Response/>")
            await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def _prepare() -> None:
    for command in (
        "link set lo up",
        *(f"addr add {address}/32 dev lo" for address in (ATTACKER, ALLOWED, *INSIDE[1:])),
        "-6 addr add fd00::7/128 dev lo nodad",
    ):
        subprocess.run(["/usr/sbin/ip", *command.split()], check=False, capture_output=True)
    resolv = Path(tempfile.mkdtemp()) / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\noptions timeout:2 attempts:2\n")
    subprocess.run(["mount", "--bind", str(resolv), "/etc/resolv.conf"], check=True)


async def _world(rounds: int, seed: int) -> dict[str, int]:
    chance, loop = random.Random(seed), asyncio.get_running_loop()
    _, names = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 53))
    assert isinstance(names, NameServer)
    location: list[str] = []
    inside, attacker, allowed = Site([]), Site(location), Site([])
    for address in (*INSIDE, *INSIDE_6):
        await asyncio.start_server(inside, address, PORT)
    await asyncio.start_server(attacker, ATTACKER, PORT)
    own = Site([])
    for address in (ATTACKER, ALLOWED):
        await asyncio.start_server(own, address, OWN_PORT)
    await asyncio.start_server(allowed, ALLOWED, PORT)
    refused: list[str] = []
    policy = AddressPolicy([ALLOWED], refused.append)
    policy.keep_out_of({OWN_PORT})
    client, door = WebhookClient(policy, Timeouts(2, 4)), StreamDoor(policy)

    async def fetched(url: str) -> bool:
        answer = await client.fetch(WebhookRequest(url=url, account=AccountSid("AC1")))
        return isinstance(answer, FetchedDocument)

    async def streamed(url: str) -> bool:
        try:
            await door.open(url, {})
        except StreamFailed:
            return False
        return True

    tried = got = 0
    for host in (*LITERALS, *NAMES):
        for url in (f"http://{host}/", f"http://{host}:80/latest/meta-data"):
            tried += 1
            got += await fetched(url)
            location[:] = [url]
            tried += 1
            got += await fetched("http://attacker.test/")
            location.clear()
        tried += 1
        got += await streamed(f"ws://{host}/")
    rebound = 0
    for _ in range(4):
        tried += 1
        await fetched("http://mixed.test/")
    for _ in range(rounds):
        tried += 1
        rebound += 1
        if chance.random() < 0.5:
            location[:] = ["http://rebind.test/"] if chance.random() < 0.8 else []
        await fetched(chance.choice(["http://rebind.test/", "http://attacker.test/"]))
        location.clear()
    for url in (f"http://{ATTACKER}:{OWN_PORT}/", f"http://allowed.test:{OWN_PORT}/"):
        tried += 1
        got += await fetched(url)
    welcome = await fetched("http://allowed.test/") + await fetched("http://attacker.test/")
    await client.close()
    return {
        "tried": tried,
        "rebinding": rebound,
        "lookups_of_the_rebound": names.turn,
        "reached_inside": inside.hits,
        "reached_own_ports": own.hits,
        "answers_let_through": got,
        "public_and_allowed_served": int(welcome),
        "refused_addresses_counted": len(refused),
    }


if __name__ == "__main__":
    _prepare()
    print(json.dumps(asyncio.run(_world(int(sys.argv[1]), int(sys.argv[2])))))
