"""A proxy in the way of Somleng's: two Record-Routes of its own, each for one side, and a load balancer before it.

Stateless (RFC 3261 §16.11): it adds its Via, takes off its Routes, and sends on; responses go back by the Vias. The
``inner`` socket faces us, the ``outer`` one the far end; what comes through the balancer comes from a third address.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.fakes.sip_site import RawFarEnd, far_end, header

_HOST_PORT = re.compile(r"@?((?:\d+\.){3}\d+):(\d+)")


class RoutingProxy:
    """``ours``: where a request without a Route goes from outside; ``theirs``: from inside."""

    def __init__(self, inner: RawFarEnd, outer: RawFarEnd, ours: int, theirs: int) -> None:
        self.inner = inner
        self.outer = outer
        self._ours = ours
        self._theirs = theirs
        self.passed: list[str] = []

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pump(self.inner, self.outer, self._theirs))
            tasks.create_task(self._pump(self.outer, self.inner, self._ours))

    async def _pump(self, here: RawFarEnd, there: RawFarEnd, usual: int) -> None:
        while True:
            text = await here.inbox.get()
            self.passed.append(text.split("\r\n")[0])
            if text.startswith("SIP/2.0"):
                self._back(text, there)
            else:
                self._on(text, here, there, usual)

    def _on(self, text: str, here: RawFarEnd, there: RawFarEnd, usual: int) -> None:
        lines = text.split("\r\n")
        branch = f"z9hG4bKp{zlib.crc32(next(line for line in lines if line.startswith('Via:')).encode()):x}"
        mine = (f"127.0.0.1:{here.port}", f"127.0.0.1:{there.port}")
        routes = [route for line in lines if line.startswith("Route:") for route in line[6:].split(",")]
        left = [route for route in routes if not any(name in route for name in mine)]
        kept = [line for line in lines[1:] if not line.startswith("Route:")]
        head = [lines[0], f"Via: SIP/2.0/UDP 127.0.0.1:{there.port};branch={branch}"]
        if lines[0].startswith("INVITE") and ";tag=" not in header(text, "To"):
            head += [f"Record-Route: <sip:{name};r2=on;lr=on>" for name in reversed(mine)]
        head += [f"Route:{route}" for route in left]
        found = _HOST_PORT.search(left[0] if left else lines[0])
        there.send("\r\n".join([*head, *kept]), int(found[2]) if found else usual)

    def _back(self, text: str, there: RawFarEnd) -> None:
        lines = text.split("\r\n")
        vias = [at for at, line in enumerate(lines) if line.startswith("Via:")]
        del lines[vias[0]]
        via = lines[vias[1] - 1]
        rport = re.search(r"rport=(\d+)", via)
        found = _HOST_PORT.search(via)
        assert found is not None
        there.send("\r\n".join(lines), int(rport[1] if rport else found[2]))


@asynccontextmanager
async def proxy(ours: int, theirs: int) -> AsyncIterator[RoutingProxy]:
    async with far_end() as inner, far_end() as outer:
        made = RoutingProxy(inner, outer, ours, theirs)
        running = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            running.cancel()
            await asyncio.wait({running})
