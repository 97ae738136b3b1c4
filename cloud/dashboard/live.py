"""The page kept true: server-sent events that carry the sections which changed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from cloud.dashboard.looks import beyond, query
from cloud.dashboard.present import view
from cloud.dashboard.rendering import Pages
from cloud.fleet.snapshot import FleetView, Look, Snapshot
from telecore.errors import Transient

SECTIONS = ("warnings", "edges", "channels", "calls", "happened", "messages")
QUIET_S = 15.0
"""After so long without news a comment goes out: a reader that has left is noticed."""
AT_MOST_EVERY_S = 0.25
BEGIN = b"retry: 2000\n\n"
QUIET = b": still here\n\n"
BUSY = b": the store is busy\n\n"
AGAIN_S = 2.0


async def sections(fleet: FleetView, look: Look, pages: Pages) -> dict[str, str]:
    """The HTML of each section as things stand. Raises StoreFailed."""
    return await asyncio.to_thread(_html, await fleet.snapshot(look), look, pages)


def _html(snapshot: Snapshot, look: Look, pages: Pages) -> dict[str, str]:
    """Hundreds of rows take a tenth of a second: not on the loop."""
    shown = view(snapshot)
    more: dict[str, object] = {
        "totals": snapshot.totals,
        "look": look,
        "first": query(replace(look, after="")),
        "beyond": beyond(look, snapshot.beyond),
    }
    return {name: pages.html(f"{name}.html", rows=getattr(shown, name), **more) for name in SECTIONS}


async def events(fleet: FleetView, look: Look, pages: Pages, alive: Callable[[], bool]) -> AsyncIterator[bytes]:
    """All sections, then those that change, while the reader is still logged in.

    One that takes long to make is made so much rarer: it is being made for a tenth of the time at most. What the store
    could not tell is asked for again.
    """
    news = asyncio.Event()
    news.set()
    listener = asyncio.create_task(_listen(fleet, news))
    try:
        sent: dict[str, str] = {}
        yield BEGIN
        while alive() and not listener.done():
            if not await _within(QUIET_S, news):
                yield QUIET
                continue
            began = time.monotonic()
            told = await _changes(fleet, look, pages, sent)
            took_s = time.monotonic() - began
            yield told or BUSY
            if told is None:
                news.set()
            await asyncio.sleep(AGAIN_S if told is None else min(max(AT_MOST_EVERY_S, 9 * took_s), QUIET_S))
    finally:
        listener.cancel()


async def _within(seconds: float, news: asyncio.Event) -> bool:
    """Wait for news that long, and take them."""
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return False
    news.clear()
    return True


async def _changes(fleet: FleetView, look: Look, pages: Pages, sent: dict[str, str]) -> bytes | None:
    """None: the store cannot tell now."""
    try:
        now = await sections(fleet, look, pages)
    except Transient:
        return None
    changed = {name: html for name, html in now.items() if sent.get(name) != html}
    sent.update(changed)
    return _event({"now": time.time(), "sections": changed}) if changed else b": nothing new\n\n"


async def _listen(fleet: FleetView, news: asyncio.Event) -> None:
    async for _ in fleet.subscribe():
        news.set()


def _event(value: object) -> bytes:
    return f"event: fleet\ndata: {json.dumps(value)}\n\n".encode()
