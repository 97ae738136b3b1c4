"""Kannel 1.4 as a customer of the simulated SMSC, and its test server with our device as the customer."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import urllib.parse
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from simulator.smpp.link import Manners
from tests.fakes.smpp_site import HANDSET, NUMBERS, smsc, until
from tests.peers import program

ROOT = Path(__file__).parents[2]
pytestmark = program.needs("bearerbox", "smsbox")

CONF = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = x
smsbox-port = {box}
smsbox-interface = 127.0.0.1
log-level = 0
dlr-storage = internal

{links}

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {box}
sendsms-port = {send}
sendsms-interface = 127.0.0.1
log-level = 0

group = sendsms-user
username = me
password = me
max-messages = 10
concatenation = true

group = sms-service
keyword = default
catch-all = true
concatenation = true
max-messages = 5
get-url = "http://127.0.0.1:{web}/mo?from=%p&to=%P&text=%b&coding=%c"
"""


def free_ports(count):
    """Different ones: each is held until all are found."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


LINK = """
group = smsc
smsc = smpp
smsc-id = ours
host = 127.0.0.1
{how}
smsc-username = simferry
smsc-password = ferry123
system-type = ""
interface-version = 34
enquire-link-interval = 1
reconnect-delay = 1
source-addr-autodetect = yes
dest-addr-ton = 1
dest-addr-npi = 1
{more}
"""


class Web:
    """Whom Kannel tells what came, and how what was sent fared."""

    def __init__(self):
        self.asked = []

    async def serve(self, reader, writer):
        line = (await reader.readuntil(b"\r\n")).decode()
        await reader.readuntil(b"\r\n\r\n")
        path = line.split()[1]
        self.asked.append((urllib.parse.urlsplit(path).path, urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)))
        body = b"pong" if path.startswith("/mo") else b""
        writer.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
            % len(body)
            + body
        )
        await writer.drain()
        writer.close()

    def of(self, path):
        return [query for asked, query in self.asked if asked == path]


class Kannel:
    def __init__(self, send, web_port, web):
        self.send_port, self.web_port, self.web = send, web_port, web

    async def send(self, text, to=HANDSET, sender=NUMBERS[0]):
        query = {
            "username": "me", "password": "me", "from": sender, "to": to, "text": text, "charset": "utf-8",
            "dlr-mask": "31", "dlr-url": f"http://127.0.0.1:{self.web_port}/dlr?stat=%d&text={len(self.web.asked)}",
        }  # fmt: skip
        if not text.isascii():
            query["coding"] = "2"
        reader, writer = await asyncio.open_connection("127.0.0.1", self.send_port)
        path = "/cgi-bin/sendsms?" + urllib.parse.urlencode(query)
        writer.write(f"GET {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        writer.close()
        assert " 202 " in answer, answer


@contextmanager
def killed(command, log):
    """Kannel takes ten seconds to leave, and without a store it has nothing to save."""
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()
            print(log.read_text(errors="replace")[-6000:])


async def listens(port):
    async with asyncio.timeout(15):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return


@asynccontextmanager
async def kannel(folder, port, *, transceiver=True, more=""):
    ports = dict(zip(("admin", "box", "send"), free_ports(3), strict=True))
    web = Web()
    server = await asyncio.start_server(web.serve, "127.0.0.1", 0)
    ports["web"] = server.sockets[0].getsockname()[1]
    hows = [f"port = {port}\ntransceiver-mode = true"] if transceiver else [f"port = {port}", f"receive-port = {port}"]
    conf = folder / "kannel.conf"
    conf.write_text(CONF.format(links="".join(LINK.format(how=how, more=more) for how in hows), **ports))
    async with server:
        with killed([program.path_of("bearerbox"), str(conf)], folder / "bearerbox.log"):
            await listens(ports["box"])
            with killed([program.path_of("smsbox"), str(conf)], folder / "smsbox.log"):
                await listens(ports["send"])
                yield Kannel(ports["send"], ports["web"], web)


@pytest.mark.parametrize(
    ("transceiver", "manners", "more"),
    [
        (False, Manners(deliver_by_sar=True), ""),
        (True, Manners(response_id="{:X}", receipt_id="{:010d}"), "msg-id-type = 0x02"),
    ],
)
async def test_kannel_as_a_customer_of_our_smsc(tmp_path, transceiver, manners, more):
    async with AsyncExitStack() as stack:
        s = await stack.enter_async_context(smsc(manners))
        # Kannel forgets a receipt that overtakes the answer to its submit, which on two connections it easily does.
        s.fault("late_delivery_report", delay_s=0.3)
        k = await stack.enter_async_context(kannel(tmp_path, s.server.port, transceiver=transceiver, more=more))
        await until(lambda: s.link.receivers and len(s.server.sessions) == (1 if transceiver else 2), 20)
        await k.send("hello @ and {curly}")
        await k.send("The quick brown fox. " * 15)
        await k.send("សួស្តី 😀")
        await until(lambda: len(s.texts()) == 3, 20)
        assert s.texts() == ["hello @ and {curly}", "The quick brown fox. " * 15, "សួស្តី 😀"]
        await until(lambda: [query["stat"] for query in k.web.of("/dlr")].count(["1"]) >= 3, 20)
        s.handset().send(NUMBERS[0], "ping €")
        await until(lambda: "pong" in s.texts(), 20)
        (mo,) = k.web.of("/mo")
        assert mo["from"] == [HANDSET]
        assert mo["to"][0].lstrip("+") == NUMBERS[0][1:]
        assert "ping" in mo["text"][0]
        assert s.link.counters.refused == 0


DRIVE_SMPP = Path("/usr/lib/kannel/test/drive_smpp")

CLIENT = """
import asyncio, json
from telecore.errors import DeviceLost
from tests.fakes.smpp_site import running, until

async def main():
    while True:
        try:
            await serve()
            return
        except DeviceLost:  # it does not listen yet
            await asyncio.sleep(0.1)

async def serve():
    async with running(2345, bind="pair", system_id="foo", password="bar", system_type="VMA", numbers=()) as r:
        refs = await r.submit("hello")
        await until(lambda: len(r.core.parts) == 5)
        print(json.dumps({"refs": len(refs), "bodies": [part.body for part in r.core.parts]}))

asyncio.run(main())
"""


@pytest.mark.skipif(not DRIVE_SMPP.exists(), reason="not installed: drive_smpp (apt-get install kannel-extras)")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a network of its own, and drive_smpp serves any")
async def test_our_transmitter_and_receiver_at_kannels_drive_smpp(tmp_path):
    """It knows no transceivers, and binds one transmitter and one receiver before it ends."""
    log = tmp_path / "drive_smpp.log"
    script = f'ip link set lo up; {DRIVE_SMPP} -p 2345 -m 5 >{log} 2>&1 & "$0" -c "$1"; rc=$?; kill -9 $!; exit $rc'
    process = await asyncio.create_subprocess_exec(
        "unshare", "--net", "bash", "-c", script, sys.executable, CLIENT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, log.read_text(errors="replace")[-4000:]
    assert json.loads(output) == {"refs": 1, "bodies": ["1", "2", "3", "4", "5"]}
