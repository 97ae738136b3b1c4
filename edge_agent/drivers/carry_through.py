"""An SMS that is being handed over is handed over, and told, even when its caller is given up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

log = logging.getLogger(__name__)


async def carry_through(submit: Coroutine[None, None, None], begun: Callable[[], bool]) -> None:
    """Await ``submit``. When cancelled: end it at once if it has not ``begun``, else only when it is over.

    What is begun must be bounded in time by itself.
    """
    submitting = asyncio.ensure_future(submit)
    try:
        await asyncio.shield(submitting)
    except asyncio.CancelledError:
        if not begun():
            submitting.cancel()
        await _over(submitting)
        raise


async def _over(submitting: asyncio.Future[None]) -> None:
    # A second cancellation is not let in either: the message is out.
    while not submitting.done():
        try:
            await asyncio.wait({submitting})
        except asyncio.CancelledError:
            continue
    if not submitting.cancelled() and (error := submitting.exception()):
        log.warning("a submit that was being given up ended with: %s", error)
