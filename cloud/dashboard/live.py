"""The page kept true: server-sent events that carry the sections which changed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable

from cloud.dashboard.present import view
from cloud.dashboard.rendering import Pages
from cloud.fleet.snapshot import FleetView
from telecore.errors import Transient

SECTIONS = ("warnings", "edges", "channels", "calls", "happened", "messages")
QUIET_S = 15.0
"""After so long without news a comment goes out: a reader that has left is noticed."""
AT_MOST_EVERY_S = 0.25
BEGIN = b"retry: 2000\n\n"


async def sections(fleet: FleetView, pages: Pages) -> dict[str, str]:
    """The HTML of each section as things stand. Raises StoreFailed."""
    shown = view(await fleet.snapshot())
    return {name: pages.html(f"{name}.html", rows=getattr(shown, name)) for name in SECTIONS}


async def events(fleet: FleetView, pages: Pages, alive: Callable[[], bool]) -> AsyncIterator[bytes]:
    """All sections, then those that change, while the reader is still logged in."""
    news = asyncio.Event()
    news.set()
    listener = asyncio.create_task(_listen(fleet, news))
    try:
        sent: dict[str, str] = {}
        yield BEGIN
        while alive() and not listener.done():
            yield await _next(fleet, pages, news, sent)
            await asyncio.sleep(AT_MOST_EVERY_S)
    finally:
        listener.cancel()


async def _next(fleet: FleetView, pages: Pages, news: asyncio.Event, sent: dict[str, str]) -> bytes:
    try:
        async with asyncio.timeout(QUIET_S):
            await news.wait()
    except TimeoutError:
        return b": still here\n\n"
    news.clear()
    try:
        now = await sections(fleet, pages)
    except Transient:
        return b": the store is busy\n\n"
    changed = {name: html for name, html in now.items() if sent.get(name) != html}
    sent.update(changed)
    return _event({"now": time.time(), "sections": changed}) if changed else b": nothing new\n\n"


async def _listen(fleet: FleetView, news: asyncio.Event) -> None:
    async for _ in fleet.subscribe():
        news.set()


def _event(value: object) -> bytes:
    return f"event: fleet\ndata: {json.dumps(value)}\n\n".encode()
