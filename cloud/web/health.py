"""``/healthz``: the process answers. ``/readyz``: each of its parts does, by name."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from cloud.web.http import Request, Response, Route, json_response
from telecore.errors import TelecoreError

Check = Callable[[], Awaitable[bool]]

WITHIN_S = 2.0
LEAST_ROOM = 1024 * 1024
"""Bytes below which a disk counts as full: a store that must grow would be refused any moment."""


def routes(checks: Mapping[str, Check]) -> list[Route]:
    async def alive(_: Request) -> Response:
        return json_response({"status": "ok"})

    async def ready(_: Request) -> Response:
        results = {name: await _passes(check) for name, check in checks.items()}
        good = all(results.values())
        parts = {name: "ok" if passed else "failing" for name, passed in results.items()}
        return json_response({"status": "ok" if good else "failing", "checks": parts}, 200 if good else 503)

    return [Route("GET", "/healthz", alive), Route("GET", "/readyz", ready)]


def room(directory: Path) -> Check:
    """Whether the disk of this directory still takes something."""

    async def has_room() -> bool:
        usage = await asyncio.to_thread(shutil.disk_usage, directory)
        return usage.free >= LEAST_ROOM

    return has_room


async def _passes(check: Check) -> bool:
    try:
        async with asyncio.timeout(WITHIN_S):
            return await check()
    except (TelecoreError, TimeoutError, OSError):
        return False
