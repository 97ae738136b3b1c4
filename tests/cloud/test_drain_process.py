"""A process that is told to drain, and one that is told to stop while a call is live."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import replace
from pathlib import Path

from cloud import app
from cloud.config import CloudConfig, StopConfig, TunnelConfig, WebConfig
from tests.fakes.cloud_process import API, CloudProcess
from tests.fakes.store import store_url


def test_drained_by_command_it_refuses_new_work_until_it_is_stopped(tmp_path: Path) -> None:
    cloud = CloudProcess(tmp_path)
    cloud.create_account()
    assert "no controller is running" in cloud.command("drain", status=1)
    cloud.start()
    try:
        assert cloud.post(f"{API}.json", FriendlyName="x").status == 201
        assert str(cloud.pid) in cloud.command("drain")
        assert f"| drain | process {cloud.pid} |" in cloud.command("audit", "show")
        while cloud.get("/readyz").status == 200:
            time.sleep(0.02)
        ready = cloud.get("/readyz")
        assert (ready.status, ready.body["checks"]["accepting"]) == (503, "failing")
        assert cloud.get("/healthz").status == 200
        refused = cloud.post(f"{API}.json", FriendlyName="x")
        assert (refused.status, refused.body["code"], refused.headers["Retry-After"]) == (503, 20503, "5")
        assert cloud.get(f"{API}.json").status == 200
        assert cloud.stop() == 0
    finally:
        cloud.kill()


async def test_told_to_stop_it_asks_systemd_for_the_time_that_its_calls_may_take(tmp_path: Path) -> None:
    config = CloudConfig(
        data_dir=tmp_path, web=WebConfig(port=0), tunnel=TunnelConfig(port=0), stop=StopConfig(calls_s=90)
    )
    config = replace(config, speech=replace(config.speech, program="none-such"))
    store_url(tmp_path)
    told: list[str] = []
    stop = asyncio.Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        async with app.built(config) as parts:
            live = [1]
            parts.drain._live = lambda: live[0]
            environ = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
            running = asyncio.create_task(app.run(parts, stop, drain_s=config.stop.calls_s, environ=environ))
            await asyncio.wait_for(parts.web.started.wait(), 20)
            stop.set()
            await asyncio.sleep(0.5)
            assert not running.done()
            live[0] = 0
            await asyncio.wait_for(running, 20)
        while True:
            try:
                told.append(systemd.recv(4096).decode())
            except BlockingIOError:
                break
    assert told[0] == "READY=1"
    assert f"STOPPING=1\nEXTEND_TIMEOUT_USEC={round((90 + app.STOPS_S) * 1e6)}" in told
