"""The cloud's warning of its own certificate's end, with real certificates."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloud import app
from cloud.config import CloudConfig, TunnelConfig, WebConfig
from cloud.dashboard.present import view
from cloud.services.own_certificate import CODE, OwnCertificate, read_certificate
from cloud.store.records import WarningRecord
from telecore.errors import InvalidRequest
from telecore.x509 import not_after
from tests.cloud.tunnel.test_doorkeeper_tls import make_certificate
from tests.fakes.cloud_process import CloudProcess
from tests.fakes.store import store_url

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificates with openssl")


async def test_it_is_said_before_the_end_and_after_it_and_no_more_once_it_is_renewed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = await asyncio.to_thread(make_certificate, tmp_path, "own", 20)
    ends = not_after(await asyncio.to_thread(read_certificate, path))
    shown: list[tuple[WarningRecord, ...]] = []
    at = [ends - timedelta(days=14)]
    one = await asyncio.to_thread(lambda: OwnCertificate(path, shown.append, clock=lambda: at[0]))
    await one.look()
    assert (shown[-1], caplog.records) == ((), [])
    begun = at[0] = ends - timedelta(days=13)
    for _ in range(3):
        await one.look()
        at[0] += timedelta(hours=1)
    (found,) = shown[-1]
    assert (found.code, found.severity, found.subject, found.since) == (CODE, "warning", "this cloud", begun)
    assert "in 12 days: replace it" in found.text
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    at[0] = ends
    await one.look()
    (found,) = shown[-1]
    assert (found.severity, found.since) == ("error", begun)
    assert "no edge can connect" in found.text
    assert caplog.records[-1].levelno == logging.ERROR
    await asyncio.to_thread(lambda: shutil.copy(make_certificate(tmp_path, "next", 90), path))
    at[0] += timedelta(days=1)
    await one.look()
    assert "restart the controller" in shown[-1][0].text, "the tunnel still shows the old one"
    again = await asyncio.to_thread(lambda: OwnCertificate(path, shown.append, clock=lambda: at[0]))
    await again.look()
    assert shown[-1] == ()


async def test_the_operators_page_has_it(tmp_path: Path) -> None:
    path = await asyncio.to_thread(make_certificate, tmp_path, "own", 5)
    tunnel = TunnelConfig(port=0, certificate=str(path), key=f"{path}.key")
    config = CloudConfig(data_dir=tmp_path, web=WebConfig(port=0), tunnel=tunnel)
    config = replace(config, speech=replace(config.speech, program="none-such"))
    await asyncio.to_thread(store_url, tmp_path)
    stop = asyncio.Event()
    async with app.built(config) as parts:
        running = asyncio.create_task(app.run(parts, stop, environ={}))
        await asyncio.wait_for(parts.web.started.wait(), 20)
        async with asyncio.timeout(5):
            while not (rows := view(await parts.desk.fleet.snapshot()).warnings):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        stop.set()
        await asyncio.wait_for(running, 20)
    (row,) = rows
    assert (row.where, row.tone) == ("this cloud", "waiting")
    assert "the tunnel's certificate ends at" in row.text
    assert "Renew" in row.to_do
    assert abs(row.since - datetime.now(UTC).timestamp()) < 60


def test_a_real_controller_says_it_in_its_log(tmp_path: Path) -> None:
    path = make_certificate(tmp_path, "own", 5)
    os.chmod(path, 0o600)
    cloud = CloudProcess(tmp_path, tls=(path, Path(f"{path}.key")))
    cloud.start()
    try:
        began = time.monotonic()
        while "the tunnel's certificate ends at" not in cloud.log.read_text():
            assert time.monotonic() - began < 20
            time.sleep(0.02)
        assert cloud.stop() == 0
    finally:
        cloud.kill()


def test_a_file_that_holds_none_is_named(tmp_path: Path) -> None:
    for text in ("", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        (tmp_path / "own.pem").write_text(text)
        with pytest.raises(InvalidRequest, match=r"own\.pem cannot be read"):
            OwnCertificate(tmp_path / "own.pem", lambda found: None)
