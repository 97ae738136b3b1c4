"""Names to addresses. A look-up blocks a thread until the name server answers or the system gives up, some 10 to 30 s.

So nobody shares threads: each look-up has its own, an account has a few at a time, and a name whose server said nothing
is left alone for a while. A customer's dead name server then costs nobody else anything. Who waited for room, or for a
process that was busy, has no answer in time either; for that no name server is blamed.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PER_ACCOUNT = 8
ALTOGETHER = 256
"""Look-ups under way, those included that nobody waits for any more."""
QUIET_S = 10.0
"""How long a name is left alone whose server did not answer."""
_MOST_QUIET = 4096

Found = list[tuple[Any, ...]]
"""As getaddrinfo's."""
Look = Callable[[str, int, int], Found]
_Key = tuple[str, str, int, int]


def system(host: str, port: int, family: int) -> Found:
    """Blocks."""
    return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)


@dataclass(slots=True)
class _Lookup:
    """One that is under way. Its thread writes ``began``, and then what it ended with, before it tells the loop."""

    future: asyncio.Future[Found]
    began: float | None = None
    found: Found | None = None
    error: OSError | None = None

    def answer(self) -> Found | None:
        """What the name server said, also where the loop has not heard of it yet. Raises OSError: there is no such."""
        if self.error is not None:
            raise self.error
        return self.found

    def lasts(self, seconds: float) -> bool:
        return self.began is not None and time.monotonic() - self.began >= seconds


class Lookups:
    """``look`` blocks; it runs in a thread that dies with the process."""

    def __init__(self, look: Look = system, *, per_account: int = PER_ACCOUNT, altogether: int = ALTOGETHER) -> None:
        self._look = look
        self._per_account = per_account
        self._altogether = altogether
        self._under_way: dict[_Key, _Lookup] = {}
        self._running: Counter[str] = Counter()
        self._quiet: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._room = asyncio.Condition()

    async def find(self, account: str, host: str, port: int, family: int, within_s: float) -> Found:
        """Raises OSError: no such name, or no answer in time."""
        loop = asyncio.get_running_loop()
        lookup: _Lookup | None = None
        if self._quiet.get((account, host), 0.0) > loop.time():
            raise OSError(errno.ETIMEDOUT, "the name server did not answer a moment ago")
        try:
            async with asyncio.timeout(within_s):
                lookup = await self._begun((account, host, port, family))
                return await asyncio.shield(lookup.future)
        except TimeoutError as error:
            if lookup is None:
                raise OSError(errno.ETIMEDOUT, "too many names were being looked up") from error
            if (found := lookup.answer()) is not None:
                return found
            if lookup.lasts(within_s / 2):  # it had most of the time, and not the wait for room
                self._leave_alone(account, host, loop.time() + QUIET_S)
            raise OSError(errno.ETIMEDOUT, "the name server did not answer") from error

    async def _begun(self, key: _Key) -> _Lookup:
        """The look-up of this, which may be under way already; else when there is room for it."""
        account = key[0]
        async with self._room:
            await self._room.wait_for(lambda: key in self._under_way or self._has_room(account))
            if key not in self._under_way:
                self._start(key)
            return self._under_way[key]

    def _has_room(self, account: str) -> bool:
        return self._running[account] < self._per_account and self._running.total() < self._altogether

    def _start(self, key: _Key) -> None:
        loop = asyncio.get_running_loop()
        lookup = self._under_way[key] = _Lookup(loop.create_future())
        self._running[key[0]] += 1

        def told() -> None:
            loop.create_task(self._over(key, lookup))

        def run() -> None:
            lookup.began = time.monotonic()
            try:
                lookup.found = self._look(*key[1:])
            except (OSError, UnicodeError) as error:
                lookup.error = error if isinstance(error, OSError) else OSError(errno.EINVAL, "this cannot be a name")
            try:
                loop.call_soon_threadsafe(told)
            except RuntimeError:
                return  # the loop has ended, and with it whoever waited

        threading.Thread(target=run, name="look-up", daemon=True).start()

    async def _over(self, key: _Key, lookup: _Lookup) -> None:
        if lookup.error is None:
            lookup.future.set_result(lookup.found or [])
        else:
            lookup.future.set_exception(lookup.error)
            lookup.future.exception()  # nobody may wait for it any more
        async with self._room:
            del self._under_way[key]
            self._running[key[0]] -= 1
            if not self._running[key[0]]:
                del self._running[key[0]]
            self._room.notify_all()

    def _leave_alone(self, account: str, host: str, until: float) -> None:
        self._quiet[(account, host)] = until
        self._quiet.move_to_end((account, host))
        while len(self._quiet) > _MOST_QUIET:
            self._quiet.popitem(last=False)
