"""Processes of a lab that are killed or stopped, and how long they take to serve again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from typing import Any

from tests.faults.traffic import AWAY, Site

READY_S = 60.0
POLL_S = 0.1


class Victims:
    """The first edge and the cloud of a lab."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.edge: dict[str, Any] = site.about["edges"][0]
        self.cloud: dict[str, Any] = {"name": "cloud", **site.about["cloud"][0]}
        self.back_s: dict[str, list[float]] = {self.edge["name"]: [], "cloud": []}
        """Seconds from each start until it served."""

    def signal(self, entry: dict[str, Any], sign: signal.Signals) -> None:
        os.kill(entry["pid"], sign)

    async def kill(self, *entries: dict[str, Any], down_s: float = 0.0) -> None:
        """SIGKILL, and start again after a while."""
        for entry in entries:
            os.kill(entry["pid"], signal.SIGKILL)
        await asyncio.sleep(down_s)
        for entry in entries:
            await self._start(entry)

    async def replace(self, entry: dict[str, Any]) -> None:
        """Start it again, whether it runs or has ended by itself."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(entry["pid"], signal.SIGKILL)
        await self._start(entry)

    async def _start(self, entry: dict[str, Any]) -> None:
        entry["pid"] = (await self._site.network("POST", f"/processes/{entry['name']}/restart"))["pid"]

    async def serve_again(self, *entries: dict[str, Any]) -> None:
        """Until they serve: a cloud that is ready, an edge whose modems are registered and whose tunnel is up."""
        began = time.monotonic()
        for entry in entries:
            ready = self.edge_serves if entry is self.edge else self.cloud_serves
            while not await ready():
                if time.monotonic() - began > READY_S:
                    raise TimeoutError(f"{entry['name']} did not serve again within {READY_S:g} s")
                await asyncio.sleep(POLL_S)
            self.back_s[entry["name"]].append(time.monotonic() - began)

    async def edge_serves(self) -> bool:
        status = await self._site.status()
        if status is None or not status["channels"]:
            return False
        return status["tunnel"]["connected"] and all(c["state"] == "registered" for c in status["channels"])

    async def cloud_serves(self) -> bool:
        try:
            async with asyncio.timeout(5), self._site.http.get(self._site.about["base_url"] + "/readyz") as answer:
                return answer.status == 200
        except AWAY:
            return False

    def slowest_s(self, name: str) -> float:
        return round(max(self.back_s[name], default=0.0), 2)

    def median_s(self, name: str) -> float:
        waits = sorted(self.back_s[name])
        return round(waits[len(waits) // 2], 2) if waits else 0.0
