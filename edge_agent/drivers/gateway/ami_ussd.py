"""USSD by a command that returns when the network has answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

from edge_agent.contracts import UssdReply, UssdState
from edge_agent.drivers.gateway.ami_sms import Handover
from edge_agent.drivers.gateway.ussd_answers import check_code
from telecore.errors import Busy

log = logging.getLogger(__name__)

Ask = Callable[[str, Handover], Coroutine[None, None, UssdReply]]


class AmiUssd:
    """A UssdService. ``ask`` runs the command, bounded in time. The box has no word for ending a session."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._asking: asyncio.Task[UssdReply] | None = None
        self._cancelled = asyncio.Event()

    async def request(self, code: str) -> UssdReply:
        """Send a code, or the reply to a menu; once, for a voucher must not be used twice.

        Raises Busy, InvalidRequest, DeviceRefused, DeviceLost, TimedOut.
        """
        check_code(code)
        if self._asking is not None and not self._asking.done():
            raise Busy("a USSD request is under way")
        self._cancelled.clear()
        handover = Handover()
        asking = self._asking = asyncio.create_task(self._ask(code, handover), name="ussd")
        asking.add_done_callback(_look)
        stopped = asyncio.ensure_future(self._cancelled.wait())
        try:
            await asyncio.wait({asking, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            if not handover.begun:
                asking.cancel()
        if not handover.begun:
            await asyncio.wait({asking})
        return UssdReply(UssdState.RELEASED, "") if asking.cancelled() or not asking.done() else asking.result()

    async def cancel(self) -> None:
        """Who waits for an answer gets ``released``, and what the box has not is not said any more. With a code that it
        has the line is free again when the box has given up."""
        self._cancelled.set()


def _look(asking: asyncio.Task[UssdReply]) -> None:
    if not asking.cancelled() and (error := asking.exception()):
        log.debug("ussd: %s", error)
