"""Stopping takes two stages, each of them bounded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

from telecore.errors import StorageFailed

log = logging.getLogger(__name__)

STAGE_S = 10.0
"""How long each of the two stages of a stop may take."""


async def bounded(what: str, work: Awaitable[object]) -> None:
    """Await the end of a part, but not for ever; what goes wrong with it is logged."""
    try:
        async with asyncio.timeout(STAGE_S):
            await work
    except TimeoutError:
        log.warning("%s did not stop within %.0f s", what, STAGE_S)
    except StorageFailed as error:
        log.warning("%s did not stop cleanly: %s", what, error)
