"""The parts of a device fall together: half a modem is no modem, and half a tongue none."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from telecore.errors import DeviceLost


async def together(*parts: Coroutine[None, None, None]) -> None:
    """Run all until one is lost: its DeviceLost. Any other exception is a bug, and comes as a group."""
    lost: DeviceLost | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            for part in parts:
                tasks.create_task(part)
    except* DeviceLost as group:
        lost = _first(group)
    if lost is not None:
        raise lost


def _first(group: BaseExceptionGroup[DeviceLost]) -> DeviceLost:
    error = group.exceptions[0]
    return error if isinstance(error, DeviceLost) else _first(error)
