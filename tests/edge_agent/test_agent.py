"""The whole agent: against a real hub over a real WebSocket, with and without modems of the simulator."""

import asyncio
import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.agent import Agent, prepared
from edge_agent.blobs import EdgeBlobs
from edge_agent.config import load_config
from edge_agent.spool import Spool
from telecore.commands import PlaceCall, RequestUssd, SendMessage
from telecore.errors import Busy, InvalidRequest, StorageFailed
from telecore.events import CallAnswered, CallOffered
from telecore.ids import CallSid, ChannelId, MessageSid
from telecore.notices import BlobHeld
from tests.fakes.hub_cloud import cloud, write_site
from tests.fakes.tunnel import KEY, until
from tests.simulator.rig import Rig

ROOT = Path(__file__).parents[2]
CHANNEL = ChannelId("site-1/modem1")


@contextlib.asynccontextmanager
async def edge(folder: Path, port: int, devices="[]"):
    """An agent in this process, stopped as SIGTERM does."""
    with contextlib.ExitStack() as held:
        config, site = await asyncio.to_thread(prepare, folder, port, devices, held)
        spool = await Spool.open(config.data_dir / "spool.db")
        blobs = await EdgeBlobs.open(config.data_dir / "blobs", clips_bytes=1 << 20)
        agent = Agent(config, site, spool, blobs)
        stop = asyncio.Event()
        task = asyncio.create_task(agent.run(stop))
        try:
            yield agent, spool
        finally:
            stop.set()
            await asyncio.wait_for(task, 15)
            await blobs.close()
            await spool.close()


def prepare(folder: Path, port: int, devices: str, held: contextlib.ExitStack):
    config = load_config(write_site(folder, port, devices))
    return config, held.enter_context(prepared(config))


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    rig = Rig(tmp_path_factory.mktemp("lab"))
    rig.registered()
    yield rig
    assert rig.stop() == 0


def modem(rig, index=1):
    line = rig.line["modems"][index - 1]
    return json.dumps([{"id": f"modem{index}", "port": line["at"], "audio": line["pcm"], "number": line["number"]}])


async def test_without_devices_it_starts_greets_and_stops(tmp_path):
    async with cloud() as c, edge(tmp_path, c.hub.port) as (agent, spool):
        await until(lambda: c.told.of("edge.started") and c.heartbeat())
        (started,) = c.told.of("edge.started")
        assert started["instance"] == agent.instance == c.heartbeat().instance
        assert any(isinstance(notice, BlobHeld) for notice in c.notices)
        await until(lambda: spool.depth == 0)
        status = agent.status()
        assert status["edge"] == "site-1"
        assert status["tunnel"]["connected"]
        assert (status["channels"], status["calls"]) == ([], [])
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_happened_while_the_cloud_was_away_is_told_after_it(tmp_path):
    (tmp_path / "data").mkdir()
    spool = await Spool.open(tmp_path / "data" / "spool.db")
    await spool.append(CallOffered(call=CallSid("CA1"), channel=CHANNEL, caller=None, called=None))
    await spool.append(CallAnswered(call=CallSid("CA1")))
    await spool.close()
    async with cloud() as c, edge(tmp_path, c.hub.port):
        await until(lambda: c.told.of("call.ended"))
        assert [event["kind"] for event in c.told.values] == [
            "call.offered", "call.answered", "edge.started", "call.ended",
        ]  # fmt: skip
        (ended,) = c.told.of("call.ended")
        assert (ended["by"], ended["cause"]) == ("restart", 41)


async def test_commands_for_channels_it_does_not_have_are_rejected(tmp_path):
    async with cloud() as c, edge(tmp_path, c.hub.port):
        c.wish(PlaceCall(call=CallSid("CA1"), channel=CHANNEL, to="+85512000001"))
        await until(lambda: c.told.of("command.rejected"))
        assert c.told.of("command.rejected")[0]["subject"] == "CA1"


async def test_a_device_that_is_not_there_is_told_and_does_not_stop_it(tmp_path):
    devices = '[{id: modem1, port: "/dev/nothing-here", number: +85510000001}]'
    async with cloud() as c, edge(tmp_path, c.hub.port, devices) as (agent, _):
        await until(lambda: c.told.of("channel.changed"))
        (status,) = agent.status()["channels"]
        assert status["state"] == "absent"
        assert "no such port" in status["reason"]


async def test_with_devices_auto_it_looks_for_modems_and_takes_what_the_cloud_sends_for_them(tmp_path):
    async with cloud() as c, edge(tmp_path, c.hub.port, "auto") as (agent, spool):
        c.wish(SendMessage(message=MessageSid("SM1"), channel=CHANNEL, to="+85512000001", body="x"))
        await until(lambda: c.heartbeat() and c.down.rows == [])
        assert [sms.command.message for sms in await spool.queued_sms()] == ["SM1"]
        assert c.told.of("command.rejected") == []


async def test_messages_both_ways_through_a_modem(tmp_path, rig):
    own, free = rig.line["numbers"][0], rig.line["handsets"]["free"][0]
    async with cloud() as c, edge(tmp_path, c.hub.port, modem(rig)) as (agent, spool):
        await until(lambda: agent.inventory.registered(CHANNEL), 15)
        await asyncio.to_thread(rig.api.post, f"/subscribers/{free}/messages", {"to": own, "body": "សួស្តី 🙂 " * 20})
        await until(lambda: c.told.of("message.received"), 15)
        (received,) = c.told.of("message.received")
        assert (received["sender"], received["recipient"], received["body"]) == (free, own, "សួស្តី 🙂 " * 20)
        assert received["parts"] > 1
        c.wish(SendMessage(message=MessageSid("SM1"), channel=CHANNEL, to=free, body="x" * 200))
        await until(lambda: c.told.of("message.delivered"), 15)
        assert c.told.of("message.submitted")[0]["segments"] == 2
        (heard,) = await asyncio.to_thread(rig.api.messages, free)
        assert heard["body"] == "x" * 200
        await until(lambda: agent.inventory.statuses()[0].sent_today == 2)
        c.wish(RequestUssd(channel=CHANNEL, code="*100#"))
        await until(lambda: c.told.of("ussd.replied"), 15)
        assert c.told.of("ussd.replied")[0]["text"]
        await until(lambda: spool.depth == 0)
        heartbeat = c.heartbeat()
        assert heartbeat.channels[0].channel == CHANNEL


async def test_a_full_disk_leaves_received_messages_on_the_sim_and_the_modem_in_service(tmp_path, rig, monkeypatch):
    own, free = rig.line["numbers"][1], rig.line["handsets"]["free"][1]
    channel = ChannelId("site-1/modem2")
    async with cloud() as c, edge(tmp_path, c.hub.port, modem(rig, 2)) as (agent, spool):
        await until(lambda: agent.inventory.registered(channel), 15)
        refused = []

        async def full(part, recipient):
            refused.append(part)
            raise StorageFailed("the disk is full")

        with monkeypatch.context() as disk:
            disk.setattr(spool, "store_part", full)
            await asyncio.to_thread(rig.api.post, f"/subscribers/{free}/messages", {"to": own, "body": "first"})
            await until(lambda: refused, 15)
        assert agent.inventory.registered(channel)
        opened = agent.inventory.channel(channel)
        await asyncio.to_thread(rig.api.post, f"/subscribers/{free}/messages", {"to": own, "body": "second"})
        await until(lambda: len(c.told.of("message.received")) == 2, 15)
        assert {event["body"] for event in c.told.of("message.received")} == {"first", "second"}
        assert agent.inventory.channel(channel) is opened, "the modem was not opened again"


def test_two_agents_do_not_share_a_folder(tmp_path):
    config = load_config(write_site(tmp_path, 1))
    with prepared(config):
        with pytest.raises(Busy, match="another edge-agent"), prepared(config):
            pass
        assert run_in_another_process(tmp_path).returncode == 1
    with prepared(config):
        pass


def run_in_another_process(folder: Path):
    command = [sys.executable, "-m", "edge_agent", "run", "--config", str(folder / "agent.yaml")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=20, check=False)


def test_an_edge_without_identity_says_what_to_do(tmp_path):
    (tmp_path / "agent.yaml").write_text("data_dir: data\n")
    with pytest.raises(InvalidRequest, match="run edge-agent enrol"), prepared(load_config(tmp_path / "agent.yaml")):
        pass
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


async def test_as_a_service_it_tells_systemd_and_ends_with_sigterm(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        async with cloud() as c:
            path = await asyncio.to_thread(write_site, tmp_path, c.hub.port)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "edge_agent", "run", "--config", str(path),
                cwd=ROOT, stderr=asyncio.subprocess.PIPE, env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")},
            )  # fmt: skip
            await until(c.heartbeat, 15)
            process.terminate()
            _, errors = await asyncio.wait_for(process.communicate(), 15)
        texts = []
        with contextlib.suppress(BlockingIOError):
            while True:
                texts.append(listener.recv(4096).decode())
    assert process.returncode == 0
    assert texts[0] == "READY=1"
    assert texts[-1] == "STOPPING=1"
    assert any(text.startswith("WATCHDOG=1\nSTATUS=0 of 0 channels") for text in texts)
    assert KEY.encode() not in errors
    assert b"Traceback" not in errors


async def test_a_part_that_falls_as_it_stops_does_not_hold_it(tmp_path):
    """Nothing is waited for: a part that is begun again is given ten seconds."""

    begun = []

    async def falls():
        begun.append("devices")
        try:
            await asyncio.Event().wait()
        finally:
            if len(begun) == 1:
                raise OSError("in the moment of its end")

    loop = asyncio.get_running_loop()
    async with cloud() as c:
        async with edge(tmp_path, c.hub.port) as (agent, _):
            agent._devices.run = falls
            await until(c.heartbeat)
            began = loop.time()
        assert loop.time() - began < 5
