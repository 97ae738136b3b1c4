"""A blind transfer of a call: REFER, and the NOTIFYs that tell what came of it (RFC 3515)."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from edge_agent.contracts import Referred
from edge_agent.drivers.sip.asking import ask
from edge_agent.drivers.sip.call_states import CallState
from edge_agent.drivers.sip.message import Request
from telecore.errors import Busy, DeviceRefused

if TYPE_CHECKING:
    from edge_agent.drivers.sip.call import SipCall

NOTIFIED_WITHIN_S = 60.0
"""How long the party that is referred may ring whom it is referred to."""
_STATUS = re.compile(rb"\s*SIP/2\.0\s+([1-6][0-9]{2})\b")


class Transfers:
    """One call's; one at a time."""

    def __init__(self, call: SipCall) -> None:
        self._call = call
        self._last: int | None = None
        self._done: asyncio.Event | None = None

    async def refer(self, uri: str) -> Referred:
        """Ask the party to call this URI instead of us. Raises DeviceRefused, Busy, TimedOut."""
        call, dialog = self._call, self._call.dialog
        if dialog is None or call.state is not CallState.ACTIVE:
            raise DeviceRefused("sip", 481, "the call is not connected")
        if self._done is not None:
            raise Busy("the call is being transferred already")
        self._last, self._done = None, asyncio.Event()

        def make() -> Request:
            by = ("referred-by", f"<{dialog.local.uri}>")
            return dialog.request("REFER", ("refer-to", f"<{uri}>"), by, ("contact", call.line.contact))

        try:
            response = await ask(call.line.stack, make, dialog.next_hop(), call.line.authorizer)
            if response.status < 300:
                await self._told(self._done)
            return Referred(response.status, self._last)
        finally:
            self._done = None

    def notified(self, request: Request) -> int:
        """What the party tells of it; our answer. 489: nobody asked (RFC 6665 §4.1.3)."""
        event = (request.headers.get("event") or "").partition(";")[0].strip().lower()
        if self._done is None or event != "refer":
            return 489
        found = _STATUS.match(request.body)
        if found is not None:
            self._last = int(found[1])
        ended = (request.headers.get("subscription-state") or "").strip().lower().startswith("terminated")
        if ended or (self._last is not None and self._last >= 200):
            self._done.set()
        return 200

    async def _told(self, done: asyncio.Event) -> None:
        """Until the last NOTIFY, or the party has gone: then it says no more."""
        waiting = [asyncio.ensure_future(done.wait()), asyncio.ensure_future(self._call.over.wait())]
        try:
            await asyncio.wait(waiting, timeout=NOTIFIED_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
