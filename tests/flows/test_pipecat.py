"""A pipecat bot, its Twilio serializer and transport unmodified, talks with a handset through a SIM of the lab."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from telecore.audio.tone import tone
from telecore.audio.wav import read_wav, write_wav
from tests.fakes.ports import free_port
from tests.flows.conftest import ROOT, World
from tests.flows.test_streams import LOUD, last_loud_s, loudness
from tests.peers.program import running

PYTHON = ROOT / ".peers" / "pipecat" / "bin" / "python"
BOT = ROOT / "tests" / "peers" / "pipecat_bot.py"

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="not installed: pipecat (scripts/peers pipecat)")


async def answers(port: int) -> None:
    """Importing pipecat takes a while."""
    async with asyncio.timeout(90), aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(f"http://127.0.0.1:{port}/"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.2)


async def until_logged(world: World, log: Path, text: str) -> None:
    await world.until(lambda: text in log.read_text(errors="replace"), within_s=15)


async def test_it_hears_speaks_is_interrupted_and_hangs_up(world: World, tmp_path: Path) -> None:
    port, log, handset = free_port(), tmp_path / "bot.log", world.free_handset()
    command = [str(PYTHON), str(BOT), str(port), world.about["base_url"], world.token]
    with running(command, log):
        await answers(port)
        await world.network("PUT", f"/subscribers/{handset}", {"on_call": "answer", "answer_after_s": 0.2})
        account = f'<Parameter name="account" value="{world.about["account_sid"]}"/>'
        page = f'<Response><Connect><Stream url="ws://127.0.0.1:{port}/media">{account}</Stream></Connect></Response>'
        made = await asyncio.to_thread(world.client.calls.create, to=handset, from_=world.numbers[0], twiml=page)
        call = (await world.call_of(handset))["id"]
        await until_logged(world, log, "call twilio MZ")
        assert made.sid in log.read_text()

        async def heard() -> tuple[bytes, float]:
            return read_wav(await world.heard(call)).samples, time.monotonic()

        async def press(key: str) -> None:
            await world.network("POST", f"/calls/{call}/digits", {"digits": key})
            await until_logged(world, log, f"key {key}")

        async with world._http.post(
            f"{world.about['simulator_url']}/calls/{call}/speak",
            data=write_wav(tone((440.0,), 2000)),
            headers={"Content-Type": "audio/wav"},
        ) as answer:
            assert answer.status < 400
        await world.until(lambda: _loud(heard), within_s=15)

        await press("5")
        await asyncio.sleep(1.5)
        await press("9")
        interrupted = time.monotonic()
        await asyncio.sleep(3)
        sound, at = await heard()
        assert loudness(sound[-16000:]) < LOUD
        silent_at = at - len(sound) / 16000 + last_loud_s(sound)
        print(f"silent {silent_at - interrupted:.2f} s after the interruption")
        assert silent_at - interrupted < 2.0, "the rest of the key's own tone is said back too"

        await press("#")
        assert (await world.call_final(made.sid, within_s=20)).status == "completed"
        await until_logged(world, log, f"Successfully terminated Twilio call {made.sid}")


async def _loud(heard) -> bool:  # type: ignore[no-untyped-def]
    sound, _ = await heard()
    return loudness(sound[-16000:]) > LOUD
