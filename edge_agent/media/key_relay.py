"""Keys pressed on one of two joined legs reach the other, also where the sound does not carry them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from edge_agent.contracts import KeysApart
from edge_agent.media.leg import Ear, Leg
from edge_agent.media.press import press
from telecore.errors import TelecoreError

log = logging.getLogger(__name__)

_WAITING = 32
"""Whoever presses faster than a line can press is not waited for."""


@asynccontextmanager
async def keys_relayed(one: Leg, other: Leg) -> AsyncIterator[None]:
    """Press on each what is pressed on the other, while this lasts. In-band keys go with the sound by themselves."""
    carrying = {asyncio.create_task(_carry(a, b)) for a, b in ((one, other), (other, one)) if _apart(a)}
    try:
        yield
    finally:
        for task in carrying:
            task.cancel()
        if carrying:
            await asyncio.wait(carrying)


def _apart(leg: Leg) -> bool:
    return isinstance(leg.voice, KeysApart) and leg.voice.keys_apart


async def _carry(source: Leg, to: Leg) -> None:
    keys: asyncio.Queue[str] = asyncio.Queue(_WAITING)
    with source.attached(_Pressed(keys)):
        while True:
            key = await keys.get()
            if to.voice is None:
                return
            try:
                await press(to, to.voice, key)
            except TelecoreError as error:
                log.info("a key was not carried to the other leg: %s", error)


class _Pressed(Ear):
    wants_keys = True

    def __init__(self, keys: asyncio.Queue[str]) -> None:
        self._keys = keys

    def press(self, key: str) -> None:
        if not self._keys.full():
            self._keys.put_nowait(key)
