"""Asterisk 22 as the gateway: calls both ways, early media, keys, and why calls end."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from edge_agent.contracts import VoiceEvent, VoiceEventKind
from edge_agent.drivers.sip.peer import SipPeer
from edge_agent.drivers.sip.settings import LineSettings, PeerSettings, SipQuirks, SipSettings
from edge_agent.drivers.sip.stack import SipStack
from telecore.ids import ChannelId, DeviceId
from tests.fakes.sip_site import Heard, Told
from tests.fakes.sip_talk import talking
from tests.fakes.sipp import needs_sipp, start_sipp
from tests.peers.asterisk_switch import Asterisk, asterisk, find_asterisk

INSTALLED = find_asterisk()
LINE = ChannelId("site-1/asterisk")
DIRECTIONS = ("a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive")
pytestmark = pytest.mark.skipif(
    INSTALLED is None, reason="no Asterisk: run `scripts/peers sid` as root, or name a Debian in SIMFERRY_PEERS_ROOT"
)


class Bench:
    def __init__(self, switch: Asterisk, peer: SipPeer, told: Told) -> None:
        self.switch = switch
        self.peer = peer
        self.told = told

    async def dial(self, to: str) -> tuple[object, Heard]:
        heard = Heard()
        call = await self.peer.voice(LINE).dial(to, heard)
        return call, heard

    async def ends(self, to: str) -> VoiceEvent:
        _, heard = await self.dial(to)
        return await heard.until("ended")

    async def called(self, user: str, extension: str):
        await asyncio.to_thread(self.switch.call, user, extension)
        async with asyncio.timeout(5):
            return await self.told.calls.get()


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    """Below those that Linux gives to others meanwhile."""
    found: list[int] = []
    while len(found) < 2:
        with socket.socket(type=socket.SOCK_DGRAM) as one, suppress(OSError):
            one.bind(("127.0.0.1", secrets.choice(range(20_000, 32_000))))
            found.append(one.getsockname()[1])
    return found[0], found[1]


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory, ports: tuple[int, int]):
    assert INSTALLED is not None
    with asterisk(INSTALLED, tmp_path_factory.mktemp("asterisk"), *ports) as running:
        yield running


@asynccontextmanager
async def site(switch: Asterisk, own_port: int, **quirks: object) -> AsyncIterator[Bench]:
    stack = SipStack(SipSettings(port=own_port, rtp_low=18000, rtp_high=18199))
    settings = PeerSettings(
        DeviceId("asterisk"),
        "127.0.0.1",
        switch.port,
        lines=(LineSettings(LINE, "agent"),),
        quirks=SipQuirks(to_line="user", options_every_s=1.0, **quirks),
    )
    peer, told = SipPeer(stack, settings), Told()
    await peer.open()
    running = asyncio.create_task(peer.run(told))
    try:
        await told.until(LINE, up=True)
        yield Bench(switch, peer, told)
    finally:
        running.cancel()
        await asyncio.wait({running})
        await peer.close()


@pytest.fixture
async def bench(switch: Asterisk, ports: tuple[int, int]) -> AsyncIterator[Bench]:
    async with site(switch, ports[1]) as one:
        yield one


async def test_a_call_out_carries_sound_both_ways(bench: Bench) -> None:
    call, heard = await bench.dial("9196")
    await heard.until("answered")
    async with talking(call, 1000, play=1000) as (_, hearing):
        await hearing.until(1000)
    await call.hang_up()
    assert (await heard.until("ended")).cause == 16
    stats = call.pcm.stats()
    assert (stats.lost, stats.codec) == (0, "PCMA")
    assert "0 active calls" in await asyncio.to_thread(bench.switch.cli, "core show calls")


async def test_early_media_is_heard_before_the_answer(bench: Bench) -> None:
    call, heard = await bench.dial("9000")
    async with asyncio.timeout(5):
        while call.pcm is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    async with talking(call, 700, 1000, play=1000) as (_, hearing):
        await hearing.until(700)
        assert "answered" not in heard.kinds
        await heard.until("answered", 5)
        await hearing.until(1000)
    await call.hang_up()
    await heard.until("ended")


async def test_keys_from_it_are_told_once(bench: Bench) -> None:
    call, heard = await bench.dial("9001")
    await heard.until("answered")
    async with talking(call), asyncio.timeout(8):
        while heard.digits != "12#":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await call.hang_up()
    assert heard.digits == "12#"


async def test_keys_to_it_are_understood(bench: Bench) -> None:
    call, heard = await bench.dial("9002")
    await heard.until("answered")
    async with talking(call):
        await asyncio.sleep(0.3)
        await call.send_digits("40*9")
        ended = await heard.until("ended", 10)
    assert ended.cause == 16
    assert "KEYS=40*9" in bench.switch.log


@pytest.mark.parametrize(("number", "cause"), [("9017", 17), ("9019", 19), ("9001001", 1), ("9021", 21)])
async def test_why_it_did_not_answer(bench: Bench, number: str, cause: int) -> None:
    assert (await bench.ends(number)).cause == cause


async def test_a_number_it_has_not(bench: Bench) -> None:
    assert (await bench.ends("123")).cause in (1, 3)


async def test_it_rings_and_we_give_up(bench: Bench) -> None:
    call, heard = await bench.dial("9999")
    await heard.until("ringing")
    await call.hang_up()
    await heard.until("ended")
    assert "0 active calls" in await asyncio.to_thread(bench.switch.cli, "core show calls")


async def test_a_call_in_carries_sound_both_ways(bench: Bench) -> None:
    incoming = await bench.called("agent", "echo")
    assert (incoming.channel, incoming.caller) == (LINE, "+85512000001")
    heard = Heard()
    incoming.voice.on_event = heard
    await incoming.voice.answer()
    async with talking(incoming.voice, 1000, play=1000) as (_, hearing):
        await hearing.until(1000)
    await incoming.voice.hang_up()
    await heard.until("ended")


async def test_it_ends_its_own_call_and_presses_keys_in_it(bench: Bench) -> None:
    incoming = await bench.called("agent", "keys")
    heard = Heard()
    incoming.voice.on_event = heard
    await incoming.voice.answer()
    async with talking(incoming.voice), asyncio.timeout(8):
        while heard.digits != "42#":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await incoming.voice.hang_up()
    brief = await bench.called("agent", "brief")
    heard = Heard()
    brief.voice.on_event = heard
    await brief.voice.answer()
    async with talking(brief.voice):
        assert (await heard.until("ended", 6)).cause == 16


async def test_a_call_we_refuse(bench: Bench) -> None:
    incoming = await bench.called("agent", "echo")
    await incoming.voice.hang_up(17)
    async with asyncio.timeout(5):
        while "is busy" not in bench.switch.log:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@needs_sipp
async def test_a_phone_behind_it_holds_the_call_and_takes_it_back(bench: Bench, tmp_path: Path) -> None:
    phone = await start_sipp("uac_hold_through", tmp_path, to=bench.switch.port)
    async with asyncio.timeout(5):
        incoming = await bench.told.calls.get()
    heard = Heard()
    incoming.voice.on_event = heard
    await incoming.voice.answer()
    async with talking(incoming.voice, play=1000):
        assert (await heard.until("ended", 15)).cause == 16
    await phone.passed()
    ours = [text for text in bench.peer.stack.trace("127.0.0.1") if " > SIP/2.0 200" in text]
    directions = [line for text in ours for line in text.splitlines() if line in DIRECTIONS]
    assert (directions[0], directions[-1]) == ("a=sendrecv", "a=sendrecv")
    assert {"a=recvonly", "a=inactive"} & set(directions), directions


async def test_session_timers_are_refreshed_with_it(switch: Asterisk, ports: tuple[int, int]) -> None:
    async with site(switch, ports[1], session_timer=True, session_expires_s=90) as bench:
        call, heard = await bench.dial("9196")
        await heard.until("answered")
        assert VoiceEventKind.ENDED not in heard.kinds
        await call.hang_up()
        await heard.until("ended")
