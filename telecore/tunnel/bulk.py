"""Blobs across the tunnel, both ways, in pieces that never get in the way of sound.

``BlobSender`` answers what the peer wants, ``BlobReceiver`` wants. Both are told what arrives by plain calls and do
their disk work in one coroutine each, which the owner runs after ``wake``.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from telecore.errors import Busy, LocalProtocolError, NotFound, StorageFailed, TelecoreError, TunnelDown
from telecore.ids import Sha256
from telecore.notices import BlobMissing, BlobWanted, Notice
from telecore.tunnel.frames import Bulk, encode_bulk
from telecore.tunnel.streets import BlobStore

CHUNK = 1400
"""Bytes of data in a bulk frame: with all headers one TCP segment."""
READ = 16 * CHUNK
MOST_SERVED = 64
INBOX_HIGH = 512
"""Chunks waiting for the disk above which the line should not be read on."""

_SHA256 = re.compile(r"[0-9a-f]{64}")

Notify = Callable[[Notice], object]
Done = Callable[[TelecoreError | None], None]


@dataclass(slots=True, eq=False)
class _Serving:
    transfer: int
    sha256: Sha256
    offset: int
    size: int | None = None


class BlobSender:
    """Serves BlobWanted: 16 pieces of one blob, then 16 of the next. ``complain`` is for the log."""

    def __init__(
        self, store: BlobStore, notify: Notify, wake: Callable[[], None], complain: Callable[[str], None]
    ) -> None:
        self._store = store
        self._notify = notify
        self._wake = wake
        self._complain = complain
        self._wanted: deque[_Serving] = deque()
        self._ready: deque[bytes] = deque()
        self.may_send: Callable[[], bool] = _always
        """Asked before more is read: false holds transfers where they are, until ``Work.LOAD`` is signalled again."""

    def __bool__(self) -> bool:
        """Whether pieces are ready to go."""
        return bool(self._ready)

    def wanted(self, want: BlobWanted) -> None:
        """The peer asks. Above 64 transfers at once it is answered that there is no such blob: it will ask again.

        Who asks again for the same has given up the earlier transfer. What is not the name of a blob never reaches
        the store.
        """
        if not 0 <= want.transfer < 1 << 32:
            return
        self._wanted = deque(serving for serving in self._wanted if serving.sha256 != want.sha256)
        if len(self._wanted) >= MOST_SERVED or not _SHA256.fullmatch(want.sha256):
            self._notify(BlobMissing(want.transfer, want.sha256))
            return
        self._wanted.append(_Serving(want.transfer, want.sha256, max(want.offset, 0)))
        self._wake()

    def take(self) -> bytes | None:
        """The next bulk frame, if one is ready."""
        if not self._ready:
            return None
        chunk = self._ready.popleft()
        if len(self._ready) < READ // CHUNK // 2:
            self._wake()
        return chunk

    async def load(self) -> None:
        """Read ahead from the store, enough for the next passes."""
        while self._wanted and len(self._ready) < READ // CHUNK and self.may_send():
            serving = self._wanted[0]
            more = await self._load_some(serving)
            if serving in self._wanted:
                self._wanted.remove(serving)
                if more:
                    self._wanted.append(serving)

    async def _load_some(self, serving: _Serving) -> bool:
        """Queue the next pieces; whether more remain."""
        try:
            if serving.size is None:
                serving.size = await self._store.size(serving.sha256)
            data = b""
            if serving.size is not None and serving.offset < serving.size:
                data = await self._store.read(serving.sha256, serving.offset, READ)
        except NotFound:
            serving.size = None  # deleted since it was begun
        except (OSError, StorageFailed) as error:
            # It is not missing: no answer, and the peer asks again after its time.
            self._complain(f"blob {serving.sha256[:12]} cannot be read: {error}")
            return False
        if serving not in self._wanted:
            return False  # given up by the peer meanwhile
        if serving.size is None or (not data and serving.offset < serving.size):
            self._notify(BlobMissing(serving.transfer, serving.sha256))
            return False
        for at in range(0, max(len(data), 1), CHUNK):
            piece = data[at : at + CHUNK]
            offset = serving.offset + at
            self._ready.append(encode_bulk(Bulk(serving.transfer, offset, offset + len(piece) >= serving.size, piece)))
        serving.offset += len(data)
        return serving.offset < serving.size


def _always() -> bool:
    return True


@dataclass(slots=True)
class _Fetch:
    sha256: Sha256
    size: int
    transfer: int
    offset: int = 0
    wrong: int = 0
    waiters: dict[Done, int] = field(default_factory=dict)
    """Who waits, and how far it was when they came."""


class BlobReceiver:
    """Wants blobs and puts their pieces into the store. Those who want the same share one transfer."""

    def __init__(self, store: BlobStore, notify: Notify, wake: Callable[[], None]) -> None:
        self._store = store
        self._notify = notify
        self._wake = wake
        self._fetches: dict[Sha256, _Fetch] = {}
        self._transfers: dict[int, _Fetch] = {}
        self._numbers = count(1)
        self._begun: deque[_Fetch] = deque()
        self._inbox: deque[Bulk] = deque()

    @property
    def congested(self) -> bool:
        """The disk is slower than the line."""
        return len(self._inbox) >= INBOX_HIGH

    def want(self, sha256: Sha256, size: int, done: Done) -> None:
        """Bring ``sha256`` here whole, then call ``done(None)``, or with NotFound, Busy or TunnelDown."""
        fetch = self._fetches.get(sha256)
        if fetch is None:
            fetch = self._fetches[sha256] = _Fetch(sha256, size, next(self._numbers))
            self._transfers[fetch.transfer] = fetch
            self._begun.append(fetch)
            self._wake()
        fetch.waiters[done] = fetch.offset

    def give_up(self, sha256: Sha256, done: Done) -> None:
        """Wait no longer. A transfer that moves goes on by itself; one that does not is forgotten."""
        fetch = self._fetches.get(sha256)
        if fetch is None or done not in fetch.waiters:
            return
        if fetch.waiters.pop(done) == fetch.offset and not fetch.waiters:
            self._end(fetch, None)

    def stop(self, sha256: Sha256) -> None:
        """Also one that moves: who waits is told Busy, and the peer sends no more. What is here stays."""
        fetch = self._fetches.get(sha256)
        if fetch is not None:
            self._end(fetch, Busy(f"the transfer of blob {sha256[:12]} was stopped"))
            # Who asks again has given up the earlier transfer, and beyond the end there is nothing to send.
            self._notify(BlobWanted(next(self._numbers), sha256, fetch.size))

    def arrived(self, bulk: Bulk) -> None:
        """A piece. One of a transfer that is over is dropped."""
        if bulk.transfer in self._transfers:
            self._inbox.append(bulk)
            self._wake()

    def missing(self, notice: BlobMissing) -> None:
        """The peer has no such blob."""
        fetch = self._transfers.get(notice.transfer)
        if fetch is not None and fetch.sha256 == notice.sha256:
            self._end(fetch, NotFound(f"the other side has no blob {fetch.sha256[:12]}"))

    def cut(self) -> None:
        """The line is gone: every waiter is told. What is in the store stays and is gone on from."""
        for fetch in list(self._fetches.values()):
            self._end(fetch, TunnelDown("the tunnel was cut during a transfer"))
        self._inbox.clear()

    async def keep(self) -> None:
        """Begin what is new and write what has come."""
        while self._begun:
            await self._guard(self._begin, self._begun.popleft())
        while self._inbox:
            first = self._inbox.popleft()
            pieces = [first]
            while self._inbox and _follows(pieces[-1], self._inbox[0]):
                pieces.append(self._inbox.popleft())
            fetch = self._transfers.get(first.transfer)
            if fetch is not None:
                joined = Bulk(first.transfer, first.offset, pieces[-1].last, b"".join(piece.data for piece in pieces))
                await self._guard(partial(self._write, bulk=joined), fetch)

    async def _guard(self, step: Callable[[_Fetch], Awaitable[None]], fetch: _Fetch) -> None:
        try:
            await step(fetch)
        except (OSError, StorageFailed, LocalProtocolError) as error:  # the last: what had come was deleted meanwhile
            self._end(fetch, Busy(f"blob {fetch.sha256[:12]} cannot be kept: {error}"))

    async def _begin(self, fetch: _Fetch) -> None:
        if await self._store.size(fetch.sha256) is not None:
            self._end(fetch, None)
            return
        fetch.offset = await self._store.partial(fetch.sha256)
        if self._is_over(fetch):
            return
        if fetch.offset < fetch.size:
            self._ask(fetch)
        else:
            await self._finish(fetch)

    def _ask(self, fetch: _Fetch) -> None:
        """A number of its own for each asking, so that late pieces of an earlier one do not count."""
        self._transfers.pop(fetch.transfer, None)
        fetch.transfer = next(self._numbers)
        self._transfers[fetch.transfer] = fetch
        self._notify(BlobWanted(fetch.transfer, fetch.sha256, fetch.offset))

    async def _write(self, fetch: _Fetch, bulk: Bulk) -> None:
        end = bulk.offset + len(bulk.data)
        if bulk.offset != fetch.offset or end > fetch.size:
            why = f"bytes {bulk.offset}-{end} came where {fetch.offset} of {fetch.size} were due"
            self._again(fetch, fetch.offset, why)
            return
        if bulk.data:
            await self._store.write(fetch.sha256, bulk.offset, bulk.data)
        fetch.offset = end
        if bulk.last:
            await self._finish(fetch)

    async def _finish(self, fetch: _Fetch) -> None:
        if await self._store.complete(fetch.sha256):
            self._end(fetch, None)
        else:
            self._again(fetch, 0, "its bytes do not have its hash")

    def _again(self, fetch: _Fetch, offset: int, why: str) -> None:
        """Ask once more, and only once."""
        if self._is_over(fetch):
            return
        fetch.wrong += 1
        if fetch.wrong > 1:
            self._end(fetch, NotFound(f"blob {fetch.sha256[:12]} came wrong twice: {why}"))
            return
        fetch.offset = offset
        self._ask(fetch)

    def _is_over(self, fetch: _Fetch) -> bool:
        """Given up, stopped or answered, while the disk was waited for; the same may be wanted again since."""
        return self._fetches.get(fetch.sha256) is not fetch

    def _end(self, fetch: _Fetch, error: TelecoreError | None) -> None:
        if self._is_over(fetch):
            return
        del self._fetches[fetch.sha256]
        self._transfers.pop(fetch.transfer, None)
        for done in list(fetch.waiters):
            done(error)


def _follows(piece: Bulk, following: Bulk) -> bool:
    return (
        not piece.last and following.transfer == piece.transfer and following.offset == piece.offset + len(piece.data)
    )
