"""From a handset's dialling to the first sound of a cached prompt, beyond the network's own set-up time.

Runs a whole lab: simulator, edge and cloud as processes, the application's web hook on loopback. Wall time, so the
figure is for an idle machine; the goal of the issue is 250 ms.
"""

from __future__ import annotations

import array
import asyncio
import statistics
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from benchmarks.dtmf_line import hook_all
from scripts.labkit.lab import lab
from scripts.labkit.options import Options
from telecore.audio.wav import read_wav

CALLS = 10
SPEED = 50.0
SET_UP_S = 0.8 / SPEED
LOUD = 500
TWIML = "<Response><Say>The river is low today.</Say></Response>"


async def main(calls: int) -> None:
    logs = Path(tempfile.mkdtemp(prefix="simferry-bench-logs-"))
    async with lab(Options(speed=SPEED, log_dir=logs)) as one, aiohttp.ClientSession() as http:
        about = one.description
        await hook_all(about, http, await _application())
        waits = [await _first_sound(about, http) for _ in range(calls + 1)]
    print(f"{'first call, prompt rendered':<44}{waits[0] * 1000:>8.0f} ms")
    cached = sorted(waits[1:])
    print(f"{'cached prompt, median of ' + str(calls):<44}{statistics.median(cached) * 1000:>8.0f} ms   goal 250 ms")
    print(f"{'cached prompt, slowest':<44}{cached[-1] * 1000:>8.0f} ms")


async def _application() -> str:
    async def voice(request: web.Request) -> web.Response:
        return web.Response(text=TWIML, content_type="text/xml")

    app = web.Application()
    app.router.add_post("/voice", voice)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}/voice"


async def _first_sound(about: dict[str, Any], http: aiohttp.ClientSession) -> float:
    """Seconds from dialling to the first loud sample, less the network's set-up."""
    simulator, handset = about["simulator_url"], about["handsets"]["free"][0]
    async with http.post(f"{simulator}/subscribers/{handset}/calls", json={"to": about["numbers"][0]}) as answer:
        call = (await answer.json())["id"]
    while True:
        async with http.get(f"{simulator}/calls/{call}") as answer:
            state = await answer.json()
        if state["state"] == "ended":
            break
        await asyncio.sleep(0.1)
    async with http.get(f"{simulator}/calls/{call}/heard.wav") as answer:
        heard = array.array("h", read_wav(await answer.read()).samples)
    onset = next(n for n, value in enumerate(heard) if abs(value) > LOUD) / 8000
    answered = (_at(state["answered_at"]) - _at(state["started_at"])).total_seconds()
    return answered + onset - SET_UP_S


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else CALLS))
