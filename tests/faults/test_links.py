"""The tunnel is cut, silent, slow, lossy, flapping and elsewhere, under mixed traffic; live calls outlive it.

Real processes: ``scripts/lab`` behind its tunnel proxy. The line of the lab is without TLS; what a line that spoils
bits does is tried beside TLS in ``tests/faults/test_noisy_line.py``.
"""

from __future__ import annotations

import array
import asyncio
import itertools
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from random import Random

import aiohttp
import pytest
from twilio.rest.api.v2010.account.call import CallInstance

from telecore.audio.tone import tone
from telecore.audio.wav import read_wav, write_wav
from tests.fakes.customer_app import CustomerApp, Reply, twiml
from tests.faults.conftest import LONG, Progress, Report, times
from tests.faults.links import Mixed, Tunnel
from tests.flows.conftest import FINAL, LabProcess, World

pytestmark = pytest.mark.timeout(14_400 if LONG else 150)

FRAME = 160


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    lab = LabProcess(tmp_path_factory.mktemp("links"), "--speed", "20", "--tunnel-proxy")
    yield lab
    assert lab.stop()[0] == 0


@pytest.fixture
async def world(lab: LabProcess) -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as http, CustomerApp() as app:
        one = World(lab, http, app)
        one._free = itertools.cycle(lab.about["handsets"]["free"])
        yield one


def _a_fault(chance: Random) -> tuple[str, float, dict[str, float]]:
    """Kind, seconds, options. A change of address is noticed by silence, so it is rare."""
    kind = chance.choices(
        (
            "tunnel_cut",
            "tunnel_blackhole",
            "tunnel_slow",
            "tunnel_delay",
            "tunnel_loss",
            "tunnel_flap",
            "tunnel_address",
        ),
        (50, 20, 8, 4, 8, 8, 2 if LONG else 0),
    )[0]
    options: dict[str, dict[str, float]] = {
        "tunnel_slow": {"kbit_s": chance.choice((16, 32))},
        "tunnel_delay": {"ms": 700, "jitter_ms": 50},
        "tunnel_loss": {"percent": chance.uniform(1, 10), "rtt_ms": 200},
        "tunnel_flap": {"every_s": 0.3, "most_s": 1.0},
    }
    return kind, chance.uniform(0.1, 1.0), options.get(kind, {})


async def test_nothing_is_lost_or_doubled_over_a_bad_line(
    world: World, chance: Random, report: Report, progress: Progress
) -> None:
    """Each fault begins while items are under way; order is kept by SIM.

    The lab's network gives up ringing after 12 s: a call that came while a line was dead without a word may ring out.
    One that was answered is seen through.
    """
    tried = times(8, 1000)
    tunnel, mixed = Tunnel(world), Mixed(world, chance, every_s=times(20, 100) / 100)
    await mixed.prepare()
    traffic = asyncio.create_task(mixed.run())
    kinds: Counter[str] = Counter()
    for done in range(tried):
        progress(done, tried, "faults")
        kind, for_s, options = _a_fault(chance)
        kinds[kind] += 1
        await tunnel.fault(kind, for_s, **options)
        await tunnel.resumed()
        assert not traffic.done(), traffic.exception()
    mixed.stop()
    await traffic
    found = await mixed.account(within_s=120)
    data = (await tunnel.status())["data"]
    assert data["traffic"]["up"]["events"] > 100 * mixed.received
    assert data["traffic"]["down"]["overhead"] > 0
    report("tunnel cut, silent, slow, lossy, flapping, elsewhere", tried=tried, **found, **tunnel.figures(), **kinds)
    assert (found["lost"], found["doubled"], found["out_of_order"], found["calls_not_seen_through"]) == (0, 0, 0, 0)
    assert found["calls_rung_out"] <= kinds["tunnel_address"]


@pytest.mark.alone
@pytest.mark.parametrize("kind", ["tunnel_cut", "tunnel_blackhole", "tunnel_address"])
async def test_live_calls_outlive_a_fallen_tunnel(world: World, chance: Random, report: Report, kind: str) -> None:
    """<Play>, <Gather> and <Dial> at one edge; the tunnel is down for 20 s, in the short form for two."""
    if kind != "tunnel_cut" and not LONG:
        pytest.skip("only in the long form")
    away_s, tunnel = float(times(2, 20)), Tunnel(world)
    rounds = times(1, 5)
    gaps = 0
    for _ in range(rounds):
        played, gathered, dialled = await _three_calls(world, away_s)
        down = asyncio.create_task(tunnel.fault(kind, away_s))
        await asyncio.sleep(away_s / 2)
        await world.network("POST", f"/calls/{gathered}/digits", {"digits": "7"})
        await down
        await tunnel.resumed()
        (menu,) = (await world.app.wait_for("/menu", within_s=45))[-1:]
        assert menu.params["Digits"] == "7"
        await world.app.wait_for("/played", within_s=45)
        await world.network("POST", f"/calls/{dialled}/hangup", {})
        (joined,) = (await world.app.wait_for("/dialled", within_s=45))[-1:]
        assert joined.params["DialCallStatus"] == "completed"
        assert int(joined.params["DialCallDuration"]) >= away_s
        gaps = max(gaps, _longest_gap(await world.heard(played), away_s))
        world.app.received.clear()
        await world.until(lambda: _none_live(world), 30)
    calls = await world.until(lambda: _all_over(world), 30)
    ended_wrong = sum(call.status != "completed" for call in calls)
    report(f"live calls, {kind}", away_s=away_s, rounds=rounds, calls=3 * rounds, ended_wrong=ended_wrong,
           longest_gap_ms=gaps * 20, **tunnel.figures())  # fmt: skip
    assert ended_wrong == 0
    assert gaps <= 5


async def _three_calls(world: World, away_s: float) -> tuple[str, str, str]:
    """The names of a handset's calls: one that hears a tone, one in a menu, one joined with another handset."""
    sound = Reply(write_wav(tone((440.0,), round(1000 * away_s + 4000))), content_type="audio/wav")
    for path, verbs in (("/played", "<Hangup/>"), ("/menu", "<Hangup/>"), ("/dialled", "<Hangup/>")):
        world.app.answer(path, twiml(verbs))
    tune, hold = world.app.answer("/tune.wav", sound), world.app.answer("/hold.wav", sound)
    first, second, third, callee = (world.free_handset() for _ in range(4))
    voices = {
        world.numbers[0]: f"<Play>{tune}</Play><Redirect>{world.app.url('/played')}</Redirect>",
        world.numbers[
            1
        ]: f'<Gather numDigits="1" timeout="60" action="{world.app.url("/menu")}"><Play>{hold}</Play></Gather>',
        world.numbers[2]: f'<Dial action="{world.app.url("/dialled")}"><Number>{callee}</Number></Dial>',
    }
    names = []
    for number, verbs in voices.items():
        path = f"/voice{number[1:]}"
        await world.hook(number, voice_url=world.app.answer(path, twiml(verbs)))
    for number, handset in zip(voices, (first, second, third), strict=True):
        made = await world.network("POST", f"/subscribers/{handset}/calls", {"to": number})
        names.append(made["id"])
        if number != world.numbers[2]:  # else the SIM that <Dial> takes might be one that rings just now
            await world.until(lambda name=made["id"]: _is_answered(world, name), 20)  # type: ignore[misc]
    there = await world.until(lambda: _answered_at(world, callee), 20)
    for name in names:
        await world.until(lambda name=name: _is_answered(world, name), 20)  # type: ignore[misc]
    await asyncio.sleep(1.0)
    return names[0], names[1], there


async def _answered_at(world: World, handset: str) -> str:
    """The name of this handset's call, once it is answered."""
    calls = await world.network("GET", "/calls")
    return next((str(call["id"]) for call in calls if call["to"] == handset and call["state"] == "answered"), "")


async def _is_answered(world: World, call: str) -> bool:
    return bool((await world.network("GET", f"/calls/{call}"))["state"] == "answered")


async def _none_live(world: World) -> bool:
    return all(call["state"] == "ended" for call in await world.network("GET", "/calls"))


async def _all_over(world: World) -> list[CallInstance]:
    """The cloud's calls, once it was told how the last of them ended: that may take longer than the network's end."""
    calls = await asyncio.to_thread(lambda: world.client.calls.list(page_size=1000))
    return calls if all(call.status in FINAL for call in calls) else []


def _longest_gap(wav: bytes, least_s: float) -> int:
    """Frames of silence in a row within the tone; the tone was heard for as long as it lasts."""
    samples = array.array("h", read_wav(wav).samples)
    loud = [max(map(abs, samples[at : at + FRAME]), default=0) > 200 for at in range(0, len(samples) - FRAME, FRAME)]
    assert sum(loud) * 0.02 >= least_s + 3.5
    begin, end = loud.index(True), len(loud) - loud[::-1].index(True)
    longest = run = 0
    for there in loud[begin:end]:
        run = 0 if there else run + 1
        longest = max(longest, run)
    return longest


@pytest.mark.skipif(not LONG, reason="silence is noticed in some twenty seconds")
@pytest.mark.parametrize("kind", ["tunnel_blackhole", "tunnel_address"])
async def test_half_open_is_noticed_within_30_s_on_both_sides(world: World, report: Report, kind: str) -> None:
    tunnel = Tunnel(world)
    loop = asyncio.get_running_loop()
    body = {"kind": kind, "target": tunnel.edge, **({"for_s": 45} if kind == "tunnel_blackhole" else {})}
    began = loop.time()
    await world.network("POST", "/faults", body)
    await world.until(lambda: _down(tunnel), 45)
    noticed = loop.time() - began
    await tunnel.resumed(within_s=90)
    back = loop.time() - began
    report(f"half open, {kind}", edge_noticed_s=round(noticed, 1), back_s=round(back, 1))
    assert noticed <= 30


@pytest.mark.skipif(not LONG, reason="the account is written once a minute")
async def test_the_account_of_data_survives_kill_9(world: World, report: Report) -> None:
    tunnel = Tunnel(world)
    before = await world.until(lambda: _counted(tunnel), 90)
    await asyncio.sleep(75)
    at_the_end = await _counted(tunnel)
    os.kill(world.about["edges"][0]["pid"], signal.SIGKILL)
    await asyncio.sleep(0.3)
    world.about["edges"][0]["pid"] = (await world.network("POST", f"/processes/{tunnel.edge}/restart"))["pid"]
    await world.until(lambda: _is_back(tunnel), 30)
    after = await _counted(tunnel)
    report("account of data, kill -9", forgotten_bytes=max(0, at_the_end - after), counted_bytes=at_the_end)
    assert after >= before > 0


async def _counted(tunnel: Tunnel) -> int:
    traffic = (await tunnel.status())["data"]["traffic"]
    return sum(count for way in traffic.values() for count in way.values())


async def _is_back(tunnel: Tunnel) -> bool:
    try:
        return await tunnel.up()
    except aiohttp.ClientError:
        return False


async def _down(tunnel: Tunnel) -> bool:
    return not await tunnel.up()
