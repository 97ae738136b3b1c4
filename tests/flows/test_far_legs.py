"""A <Dial> whose parties are at two sites, each with one SIM: their sound goes over both tunnels."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import aiohttp

from telecore.audio.tone import tone
from telecore.audio.wav import read_wav, write_wav
from tests.fakes.customer_app import CustomerApp, twiml
from tests.flows.conftest import LabProcess, World


def share_of(samples: bytes, frequency: float) -> float:
    """How much of the energy of some sound is at this frequency, of 1."""
    import array
    import cmath
    import math

    heard = array.array("h", samples)
    total = sum(value * value for value in heard) or 1
    wave = sum(value * cmath.exp(-2j * math.pi * frequency * n / 8000) for n, value in enumerate(heard))
    return 2 * abs(wave) ** 2 / (total * len(heard))


async def test_dial_joins_handsets_at_two_sites(tmp_path: Path) -> None:
    lab = LabProcess(tmp_path, "--speed", "5", "--modems", "2", "--edges", "2")
    try:
        async with aiohttp.ClientSession() as http, CustomerApp() as app:
            await _story(World(lab, http, app))
    finally:
        status, _, rest = lab.stop()
    assert (status, rest) == (0, "")


async def _story(world: World) -> None:
    caller, callee = world.free_handset(), world.free_handset()
    voice = world.app.answer("/dial", twiml(f'<Dial action="/dialled" timeout="20"><Number>{callee}</Number></Dial>'))
    world.app.answer("/dialled", twiml("<Hangup/>"))
    await world.hook(world.numbers[0], voice_url=voice)
    spoken = base64.b64encode(write_wav(tone((700.0,), 8000))).decode()
    await world.network("PUT", f"/subscribers/{callee}", {"answer_after_s": 0.5, "hangup_after_s": 5.0})
    await world.network(
        "POST", f"/subscribers/{caller}/calls", {"to": world.numbers[0], "press": [], "speak_wav": spoken}
    )
    (after,) = await world.app.wait_for("/dialled", within_s=40)
    assert (after.params["DialCallStatus"], after.params["DialBridged"]) == ("completed", "true")
    child = await asyncio.to_thread(world.client.calls(after.params["DialCallSid"]).fetch)
    assert child.parent_call_sid == after.params["CallSid"]
    assert (child.direction, child.status, child._from) == ("outbound-dial", "completed", world.numbers[1])
    there = await world.call_of(callee)
    samples = read_wav(await world.heard(there["id"])).samples
    middle = samples[len(samples) // 2 - 8000 : len(samples) // 2 + 8000]
    assert share_of(middle, 700.0) > 0.8
