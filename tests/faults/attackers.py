"""A real cloud in a process of its own, a site that it serves, and the means of those who attack it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
from websockets.asyncio.client import ClientConnection, connect

from edge_agent import signing
from edge_agent.enrolment import Enrolled, enrol
from edge_agent.joining import Joining
from edge_agent.uplink import Uplink, UplinkTimes
from telecore.tunnel.frames import Hello, Side, encode
from telecore.tunnel.proof import NONCE, PINNED, Proof, encode_proof, read_cloud_side
from tests.fakes.streets import Blobs, In, Out
from tests.fakes.tunnel import running, until

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Victim:
    """``simferry-cloud serve``, and site-1, whose tunnel has to go on."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "cloud.log"
        self.web, self.tunnel = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.web}"
        self.config = folder / "cloud.yaml"
        self.process: subprocess.Popen[bytes] | None = None
        self.latencies: list[float] = []
        self.uplink: Uplink | None = None
        self.downs = 0

    async def command(self, *words: str) -> dict[str, str]:
        done = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cloud", words[0], "--config", str(self.config), "--json", *words[1:],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        out, _ = await done.communicate()
        assert done.returncode == 0, words
        return dict(json.loads(out))

    async def enrolled(self, name: str) -> Enrolled:
        token = (await self.command("enrol-edge", name))["token"]
        return await enrol(self.url, token)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        ports = (
            f"web: {{port: {self.web}}}\ntunnel: {{port: {self.tunnel}, public_url: 'ws://127.0.0.1:{self.tunnel}'}}\n"
        )
        self.config.write_text(f"data_dir: data\n{ports}log: {{level: warning}}\n")
        await self.command("create-account", "Clinic")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220
                [sys.executable, "-m", "cloud", "serve", "--config", str(self.config)], cwd=ROOT, stderr=log
            )
        try:
            async with aiohttp.ClientSession() as http:
                await self._until_ready(http)
                site = await self.enrolled("site-1")
                device = self.folder / "site-1"
                device.mkdir()
                await asyncio.to_thread(site.save, device)
                self.uplink = Uplink(
                    site.identity.url, Joining(site.identity, device, site.states), Out("up"), In(), Blobs(),
                    on_notice=lambda notice: None, greeting=list, on_link=self._linked, times=UplinkTimes(),
                )  # fmt: skip
                async with running(self.uplink.run(), self._ask(http)):
                    await until(lambda: self.uplink is not None and self.uplink.connected)
                    yield
        finally:
            self.process.terminate()
            await asyncio.to_thread(self.process.wait, 40)

    def _linked(self, up: bool) -> None:
        self.downs += not up

    async def _until_ready(self, http: aiohttp.ClientSession) -> None:
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with http.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.1)

    async def _ask(self, http: aiohttp.ClientSession) -> None:
        """What others feel meanwhile."""
        while True:
            began = time.monotonic()
            async with http.get(f"{self.url}/readyz", timeout=aiohttp.ClientTimeout(total=30)) as answer:
                await answer.read()
            self.latencies.append(time.monotonic() - began)
            await asyncio.sleep(0.05)

    def memory_mb(self) -> float:
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def descriptors(self) -> int:
        assert self.process is not None
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def lines(self) -> int:
        return len(self.log.read_bytes().splitlines())

    def worst_ms(self) -> int:
        worst, self.latencies = max(self.latencies, default=0.0), []
        return round(worst * 1000)

    @contextlib.asynccontextmanager
    async def knocking(self, edge: Enrolled, nonce: str = "") -> AsyncIterator[tuple[ClientConnection, str]]:
        """A WebSocket whose proof is not given yet, and the nonce it came with."""
        nonce = nonce or os.urandom(32).hex()
        who = edge.identity
        headers = {"Authorization": f"Proof {who.edge}", NONCE: nonce, PINNED: ",".join(who.cloud_keys)}
        async with connect(who.url, additional_headers=headers, compression=None, max_size=None) as socket_:
            yield socket_, nonce


def proof_of(edge: Enrolled, connection: ClientConnection, nonce: str, seed: str = "") -> str:
    assert connection.response is not None
    side, _ = read_cloud_side(edge.identity.edge, nonce, connection.response.headers)
    seed = seed or edge.identity.seed
    proof = Proof(signing.public_of(seed), "", edge.states.states, "")
    return encode_proof(replace(proof, signature=signing.sign(seed, proof.signed(side))))


class Insider:
    """Another edge of the same cloud that has gone bad; its proofs are good."""

    def __init__(self, victim: Victim, edge: Enrolled) -> None:
        self.victim, self.edge = victim, edge

    @contextlib.asynccontextmanager
    async def greeted(self) -> AsyncIterator[ClientConnection]:
        async with self.victim.knocking(self.edge) as (connection, nonce):
            hello = encode(Hello(Side.EDGE, self.edge.identity.edge, "bad", "bad-street", 0))
            await connection.send(proof_of(self.edge, connection, nonce))
            await connection.send(hello)
            state = json.loads(await connection.recv())["state"]
            self.edge = replace(self.edge, states=replace(self.edge.states, states=(state,)))
            stream = json.loads(await connection.recv())["stream"]
            await connection.send(json.dumps({"type": "resume", "stream": stream, "applied": 0}))
            await asyncio.sleep(0.1)
            yield connection


async def dribble(port: int, count: int, words: bytes, for_s: float, chance: random.Random) -> int:
    """Hold ``count`` connections open, saying a byte now and then; how many the other side has ended."""
    pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    ends = [asyncio.create_task(_ended(reader)) for reader, _ in pairs]
    until_ = time.monotonic() + for_s
    at = 0
    while time.monotonic() < until_ and not all(end.done() for end in ends):
        if at < len(words):
            for _, writer in pairs:
                with contextlib.suppress(OSError):
                    writer.write(words[at : at + 1])
        at += 1
        await asyncio.sleep(0.2 + 0.2 * chance.random())
    ended = sum(end.done() for end in ends)
    for end in ends:
        end.cancel()
    await asyncio.gather(*ends, return_exceptions=True)
    for _, writer in pairs:
        writer.transport.abort()
    return ended


async def _ended(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(1000):
            pass
