"""SMS of every kind through the simulated network's modems and their faults, into a real spool."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request

import pytest

from edge_agent.contracts import OutboundSms
from edge_agent.devices.profiles import load_profiles
from edge_agent.drivers.at_modem.modem import AtModem, ModemSettings
from edge_agent.spool import Spool
from telecore.errors import TelecoreError
from telecore.events import DataReceived, MessageReceived
from telecore.model import ChannelState

PROFILES = load_profiles()
CHANNEL = "site-1/modem1"


@pytest.fixture(params=["sim7600", "huawei", "sim800"])
async def lab(request, tmp_path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator", "--device-dir", str(tmp_path), "--modems", "1"),
        *("--profile", request.param, "--speed", "10"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
def ask(lab):
    def do(path, body, method="POST"):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(lab["url"] + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read() or "null")

    async def run(path, body, method="POST"):
        return await asyncio.to_thread(do, path, body, method)

    return run


@pytest.fixture
async def received(core, tmp_path):
    """What the agent would tell of, as its spool sees it."""
    spool = await Spool.open(tmp_path / "spool.db")
    events = []

    async def keep(part):
        event = await spool.store_part(part, None)
        if event is not None:
            events.append(event)

    core.part = keep
    yield events
    await spool.close()


@pytest.fixture
async def channel(lab, core, received, until):
    modem = AtModem(ModemSettings("modem1", CHANNEL, lab["modems"][0]["at"]), PROFILES.choose)
    await modem.open()
    running = asyncio.ensure_future(modem.run(core))
    await until(lambda: core.radios and core.radios[-1].state is ChannelState.REGISTERED, 15)
    yield modem.channels[0]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await modem.close()


async def test_flash_ports_and_data(lab, ask, channel, received, until):
    number, free = lab["modems"][0]["number"], lab["handsets"]["free"][0]
    path = f"/subscribers/{free}/messages"
    await ask(path, {"to": number, "body": "leave now", "class": 0})
    await ask(path, {"to": number, "body": "long " * 60, "wide_reference": True, "backwards": True, "copies": 2})
    await ask(path, {"to": number, "data": "00ff80", "port": 2948})
    await ask(path, {"to": number, "body": "for a program", "port": 16000})
    await until(lambda: len(received) >= 4, 20)
    texts = {event.body: event for event in received if isinstance(event, MessageReceived)}
    assert texts["leave now"].flash
    assert not texts["long " * 60].flash
    data = {event.port: bytes.fromhex(event.data) for event in received if isinstance(event, DataReceived)}
    assert data == {2948: b"\x00\xff\x80", 16000: b"for a program"}


FAULTS = [
    {"kind": "sms_shuffled"},
    {"kind": "sms_duplicated"},
    {"kind": "urc_inside_answers"},
    {"kind": "urc_flood"},
    {"kind": "split_writes", "gap_ms": 20, "for_s": 1},
    {"kind": "modem_garbage"},
]


@pytest.mark.flow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["kind"])
async def test_nothing_is_lost_or_told_twice(lab, ask, channel, received, until, fault):
    number, free = lab["modems"][0]["number"], lab["handsets"]["free"][0]
    await ask("/faults", {"for_s": 20, **fault, "target": lab["modems"][0]["name"]})
    bodies = [f"short {index}" for index in range(3)] + ["long \u1797 " * 20, "x" * 400]
    for body in bodies:
        await ask(f"/subscribers/{free}/messages", {"to": number, "body": body})
    out = []

    async def note(ref):
        out.append(ref)

    try:
        await channel.sms.submit(OutboundSms(free, "through it all " * 12), 0, note)
    except TelecoreError as error:
        pytest.fail(f"not sent: {error!r}")
    assert len(out) == 2
    await until(lambda: len(received) >= len(bodies), 30)
    await asyncio.sleep(0.2)
    assert sorted(event.body for event in received) == sorted(bodies)
    [heard] = await ask(f"/subscribers/{free}/messages", None, "GET")
    assert heard["body"] == "through it all " * 12
