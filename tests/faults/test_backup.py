"""A backup of a controller that is busy, put back: all that was answered before it began is there, and whole."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cloud.store.backup import making, restoring
from tests.fakes.cloud_process import API, CloudProcess
from tests.faults.conftest import LONG, Report, times


class _Traffic:
    """Subaccounts made as fast as they are answered: each is a row that was promised."""

    def __init__(self, cloud: CloudProcess, workers: int) -> None:
        self.made: list[str] = []
        self.refused = 0
        self._cloud = cloud
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(workers)
        for _ in range(workers):
            self._pool.submit(self._run)

    def _run(self) -> None:
        while not self._over.is_set():
            answer = self._cloud.post(f"{API}.json", FriendlyName="x")
            if answer.status == 201:
                self.made.append(answer.body["sid"])
            else:
                self.refused += 1

    def close(self) -> None:
        self._over.set()
        self._pool.shutdown()


def _sids(cloud: CloudProcess) -> set[str]:
    found: set[str] = set()
    page = f"{API}.json?PageSize=1000"
    while page:
        answer = cloud.get(page)
        assert answer.status == 200
        found |= {row["sid"] for row in answer.body["accounts"]}
        page = answer.body["next_page_uri"]
    return found


def _kept(data: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(data / "cloud.db")) as conn:
        return {sid for (sid,) in conn.execute("SELECT sid FROM accounts")}


def test_backups_under_traffic(tmp_path: Path, chance: random.Random, report: Report) -> None:
    turns = times(1, 20)
    (tmp_path / "one").mkdir()
    cloud = CloudProcess(tmp_path / "one")
    cloud.create_account()
    cloud.start()
    taken: list[tuple[Path, set[str]]] = []
    slowest = 0.0
    traffic = _Traffic(cloud, 4)
    try:
        for turn in range(turns):
            time.sleep(chance.uniform(0.3, 1.0))
            before = set(traffic.made)
            target = tmp_path / f"backup-{turn}{chance.choice(['', '.tar'])}"
            began = time.monotonic()
            assert cloud.result("backup", str(target))["missing_files"] == "0"
            slowest = max(slowest, time.monotonic() - began)
            taken.append((target, before))
        refused = cloud.command("restore", str(taken[0][0]), "--replace", status=1)
        assert "a controller is running" in refused
    finally:
        traffic.close()
        cloud.kill()
    assert traffic.refused == 0
    lost = 0
    for turn, (target, before) in enumerate(taken):
        making.verify(target)
        data = tmp_path / f"again-{turn}" / "data"
        restoring.restore(target, data)
        lost += len(before - _kept(data))
    if LONG:
        other = CloudProcess(tmp_path / "again-0")
        other.account, other.token = cloud.account, cloud.token
        other.start()
        assert _sids(other) == _kept(other.data)
        other.kill()
    ahead = cloud.command("restore", str(taken[0][0]), "--replace")
    assert "moved_aside" in ahead
    assert lost == 0
    rows = len(traffic.made)
    report("backup of a busy controller", backups=turns, rows=rows, lost=lost, longest_s=round(slowest, 2))
