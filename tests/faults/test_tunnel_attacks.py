"""Strangers, and an edge gone bad, at the tunnel of a real cloud: refused, told once, counted, felt by nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sqlite3
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from edge_agent import signing
from edge_agent.enrolment import enrol
from telecore import codec
from telecore.errors import NotAllowed, TunnelDown
from telecore.events import CallEnded, ChannelChanged, MessageDelivered, MessageReceived
from telecore.ids import Address, CallSid, ChannelId, MessageSid, new_sid
from telecore.model import ChannelState, ChannelStatus
from tests.faults.attackers import Insider, Victim, dribble, proof_of
from tests.faults.conftest import Report, times

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def victim(tmp_path: Path) -> AsyncIterator[Victim]:
    made = Victim(tmp_path)
    async with made.serving():
        yield made


def unharmed(victim: Victim, memory_before: float, most_mb: float = 60.0) -> dict[str, int | float]:
    """What others felt; the site's tunnel was never cut and memory is where it was, nearly."""
    grown = round(victim.memory_mb() - memory_before, 1)
    assert victim.downs == 0
    assert grown < most_mb
    worst = victim.worst_ms()
    assert worst < 2000
    return {"grown_mb": grown, "worst_api_ms": worst, "tunnels_cut": victim.downs}


async def _credentials(victim: Victim, report: Report, chance: random.Random) -> None:
    rounds = times(5, 200)
    other = await victim.enrolled("site-2")
    used = (await victim.command("enrol-edge", "site-3"))["token"]
    gone = await enrol(victim.url, used)
    expired = (await victim.command("enrol-edge", "site-4"))["token"]
    with contextlib.closing(sqlite3.connect(victim.folder / "data" / "cloud.db", timeout=10)) as store, store:
        store.execute("UPDATE edges SET token_expires_at = 1 WHERE edge = 'site-4'")
    await victim.command("revoke-edge", "site-3")
    memory, refused = victim.memory_mb(), 0
    recorded = ""
    for number in range(rounds):
        async with victim.knocking(other, "ab" * 32) as (connection, nonce):
            words = recorded or proof_of(other, connection, nonce, signing.new_seed())
            if number == 0:
                recorded = proof_of(other, connection, nonce)  # overheard, and never used by its owner
            await connection.send(words)
            assert json.loads(await connection.recv())["code"] == "refused"
            refused += 1
        with pytest.raises(InvalidStatus):
            async with victim.knocking(gone):
                pass
        refused += 1
    for token in (used, expired, *(chance.randbytes(32).hex() for _ in range(rounds))):
        with pytest.raises((NotAllowed, TunnelDown)):
            await enrol(victim.url, token)
        refused += 1
    said = victim.log.read_text()
    assert said.count("two devices") == 0
    figures = unharmed(victim, memory)
    assert victim.lines() < 12
    assert recorded not in said
    report("credentials forged, replayed, expired, used, guessed, revoked", tried=refused, let_in=0,
           log_lines=victim.lines(), **figures)  # fmt: skip


async def _frames(victim: Victim, insider: Insider, report: Report) -> None:
    memory, sent = victim.memory_mb(), 0
    deep = "[" * 100_000
    squeezed = zlib.compress(b"\0" * 10_000_000)
    part = (1 << 20).to_bytes(8, "big") + b"\0\0\0\0" + b"a" * (1 << 20)
    bombs: tuple[tuple[str, bytes], ...] = (
        ("100 MB frame", b"\x81\xff" + (100_000_000).to_bytes(8, "big") + b"mask"),
        ("fragments without end", b"\x01\xff" + part + b"\x00\xff" + part),
        ("compressed", b"\xc1\xfe" + len(squeezed).to_bytes(2, "big") + b"\0\0\0\0" + squeezed),
    )
    for _ in range(times(1, 50)):
        for _, bomb in bombs:
            async with insider.greeted() as connection:
                connection.transport.write(bomb)
                with contextlib.suppress(ConnectionClosed):
                    async with asyncio.timeout(10):
                        while True:
                            await connection.recv()
                assert connection.close_code in (1002, 1009)
                sent += 1
            async with victim.knocking(insider.edge) as (stranger, _nonce):
                stranger.transport.write(bomb)
                with contextlib.suppress(ConnectionClosed):
                    async with asyncio.timeout(10):
                        while True:
                            await stranger.recv()
                sent += 1
        for text in (
            deep,
            '{"type":"notice","payload":' + '{"a":' * 50_000,
            '{"type":"item","seq":1,"payload":{"kind":1}}x',
        ):
            async with insider.greeted() as connection:
                await connection.send(text)
                async with asyncio.timeout(10):
                    while (said := json.loads(await connection.recv()))["type"] != "bye":
                        pass
                assert said["code"] == "fault"
                sent += 1
    assert "refused tunnel_broke_rules" in victim.log.read_text()
    report("frame bombs: 100 MB, fragments, compressed, deep JSON", sent=sent, crashed=0, log_lines=victim.lines(),
           **unharmed(victim, memory))  # fmt: skip


async def _foreign(victim: Victim, insider: Insider, report: Report) -> None:
    memory = victim.memory_mb()
    foreign = ChannelId("site-1/modem1")
    status = ChannelStatus(channel=foreign, state=ChannelState.REGISTERED, since=1.0)
    lies = [
        ChannelChanged(status=status),
        MessageReceived(message=MessageSid(new_sid("SM")), channel=foreign, sender=Address("+1"), recipient=None,
                        body="lie", parts=1, sent_at=None),
        MessageDelivered(message=MessageSid(new_sid("SM"))),
        CallEnded(call=CallSid(new_sid("CA")), cause=16, by="caller"),
    ]  # fmt: skip
    async with insider.greeted() as connection:
        for number, lie in enumerate(lies, 1):
            await connection.send(json.dumps({"type": "item", "seq": number, "payload": codec.encode(lie)}))
        async with asyncio.timeout(10):
            while json.loads(await connection.recv()).get("applied") != len(lies):
                pass
    with contextlib.closing(sqlite3.connect(victim.folder / "data" / "cloud.db")) as store:
        kept = {
            table: store.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("channels", "messages", "calls")
        }
    assert kept == {"channels": 0, "messages": 0, "calls": 0}
    assert victim.log.read_text().count("site-5") >= len(lies) - 1
    report("an edge's events about another's", told=len(lies), believed=0, **unharmed(victim, memory))


async def _sockets(victim: Victim, report: Report, chance: random.Random) -> None:
    memory, files, lines = victim.memory_mb(), victim.descriptors(), victim.lines()
    idle = times(1000, 10_000)
    ended, slow = await asyncio.gather(
        dribble(victim.tunnel, idle, b"", 25.0, chance),
        dribble(victim.tunnel, times(200, 2000), b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 100, 25.0, chance),
    )
    peak = victim.memory_mb()
    assert (ended, slow) == (idle, times(200, 2000))
    for flood in (b"GET /" + b"a" * 100_000, b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 10_000 + b"\r\n"):
        for _ in range(times(5, 100)):
            reader, writer = await asyncio.open_connection("127.0.0.1", victim.tunnel)
            with contextlib.suppress(OSError):
                writer.write(flood)
                await writer.drain()
                await asyncio.wait_for(reader.read(), 5)
            writer.transport.abort()
    async with asyncio.timeout(10):
        while victim.descriptors() > files + 5:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert victim.lines() - lines < 20
    assert "refused tunnel_no_request" in victim.log.read_text()
    report("idle sockets, slowloris, header floods at the tunnel", idle=idle, slow=slow, ended_within_s=25,
           peak_mb=round(peak, 1), log_lines=victim.lines() - lines, **unharmed(victim, memory, 150.0))  # fmt: skip


async def test_attackers_of_the_tunnel(victim: Victim, report: Report, chance: random.Random) -> None:
    """One after the other at one cloud, which has to be as it was after each."""
    insider = Insider(victim, await victim.enrolled("site-5"))  # before this address has guessed too much
    await _credentials(victim, report, chance)
    await _foreign(victim, insider, report)
    await _frames(victim, insider, report)
    await _sockets(victim, report, chance)
