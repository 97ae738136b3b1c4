"""Status callbacks and other requests that must be made, whatever happens: a queue in the store.

They are queued in the transaction of what they tell of. Those about one SID go one after the other, in order; each is
tried again after a failure that may pass, a bounded number of times, with the same idempotency token. Each account and
each server has its own share of what may be under way, and no more is taken from the queue than can be begun at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import zip_longest

from cloud.services.debugger import Debugger
from cloud.services.documents import may_pass
from cloud.services.shares import Shares
from cloud.services.turns import Turns
from cloud.services.webhooks import FetchedDocument, WebhookClient, WebhookFailure, WebhookRequest
from cloud.store import accounts, callbacks, erasing
from cloud.store.callbacks import Lane
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord, CallbackRecord, Hook
from cloud.store.rows import now as utc_now
from telecore.errors import Transient

log = logging.getLogger(__name__)

DELAYS_S = (1.0, 5.0, 30.0, 120.0, 600.0)
"""Before each further attempt; after the last one the row stays as a dead letter."""
_POLL_S = 60.0
_STORE_PAUSE_S = 1.0
_LOOK_EVERY_S = 0.02
_PAUSE_S = 0.005
"""What ends within it makes one look of many: hundreds may end in a second, and each look asks for every lane."""

Work = Callable[[CallbackRecord, AccountRecord], Awaitable["WebhookFailure | None"]]
"""Does one request and marks the row done itself; a failure is what may be tried again."""


class Callbacks:
    """``works`` handles kinds of rows beyond plain callbacks."""

    def __init__(
        self,
        db: Database,
        client: WebhookClient,
        debugger: Debugger,
        *,
        works: Mapping[str, Work] | None = None,
        delays_s: tuple[float, ...] = DELAYS_S,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._client = client
        self._debugger = debugger
        self._works = dict(works or {})
        self._delays_s = delays_s
        self._now = now
        self._news = asyncio.Event()
        self._shares = Shares()
        self._turns = Turns()
        self._under_way: defaultdict[Lane, set[int]] = defaultdict(set)
        self._ended: set[int] = set()

    def handle(self, kind: str, work: Work) -> None:
        """From now on rows of this kind are done by ``work``."""
        self._works[kind] = work

    def wake(self) -> None:
        """A row was queued."""
        self._news.set()

    async def settled(self, within_s: float) -> None:
        """Wait until nothing is under way or due, or for so long: what is cut off is told again by the next process."""
        with suppress(TimeoutError, Transient):
            async with asyncio.timeout(within_s):
                while bool(self._under_way) or await self._db.read(self._due):  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_EVERY_S)

    def _due(self, conn: Connection) -> bool:
        return bool(callbacks.lanes_due(conn, self._now()))

    async def run(self) -> None:
        """Deliver, for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                try:
                    wait_s = await self._start(group)
                except Transient as error:
                    log.warning("the queue of callbacks cannot be read: %s", error)
                    wait_s = _STORE_PAUSE_S
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._news.wait()
                await asyncio.sleep(_PAUSE_S)

    async def _start(self, group: asyncio.TaskGroup) -> float:
        """Begin what is due and has room; seconds until more is due. Whatever ends makes us look again."""
        now = self._now()
        lanes, later = await self._db.read(
            lambda conn: (callbacks.lanes_due(conn, now), callbacks.next_moment(conn, after=now))
        )
        for row in await self._claimable(lanes, now):
            if row.id not in self._ended and self._shares.take(lane_of(row)):  # ended: while we read, so the row is old
                self._under_way[lane_of(row)].add(row.id)
                group.create_task(self._attempt(row))
        return _POLL_S if later is None else min(_POLL_S, (later - now).total_seconds())

    async def _claimable(self, lanes: Sequence[Lane], now: datetime) -> list[CallbackRecord]:
        """As many of each lane as it has room for, one of each in turn."""
        rooms = {lane: room for lane in lanes if (room := self._shares.room(lane))}
        begun = {lane: tuple(self._under_way.get(lane, ())) for lane in rooms}
        self._ended.clear()
        if not rooms:
            return []
        found = await self._db.read(
            lambda conn: [
                callbacks.next_due(conn, now, room, lane, without=begun[lane]) for lane, room in rooms.items()
            ]
        )
        return [row for turn in zip_longest(*found) for row in turn if row is not None]

    async def _attempt(self, row: CallbackRecord) -> None:
        try:
            account = await self._db.read(lambda conn: accounts.get(conn, row.account))
            if account is None:
                await self._db.write(lambda conn: callbacks.done(conn, row.id))
                return
            await self._turns.mine()
            failure = await self._works.get(row.kind, self._deliver)(row, account)
            if failure is not None:
                await self._failed(row, failure)
        except Transient as error:
            log.warning("%s: callback %d waits for the store: %s", row.subject, row.id, error)
            await asyncio.sleep(_STORE_PAUSE_S)
        finally:
            self._end(row)

    def _end(self, row: CallbackRecord) -> None:
        lane = lane_of(row)
        self._under_way[lane].discard(row.id)
        if not self._under_way[lane]:
            del self._under_way[lane]
        self._ended.add(row.id)
        self._shares.give_back(lane)
        self._news.set()

    async def _deliver(self, row: CallbackRecord, account: AccountRecord) -> WebhookFailure | None:
        answer = await self._client.fetch(request_of(row, account))
        if not isinstance(answer, FetchedDocument):
            return answer
        await self._db.write(lambda conn: callbacks.done(conn, row.id))
        return None

    async def _failed(self, row: CallbackRecord, failure: WebhookFailure) -> None:
        retry = may_pass(failure) and row.attempts < len(self._delays_s)
        at = self._now() + timedelta(seconds=self._delays_s[row.attempts]) if retry else None

        def write(conn: Connection) -> None:
            callbacks.failed(conn, row.id, at, f"{failure.code} {failure.text}")
            if at is None and erasing.is_erased(conn, row.subject, row.params.get("Body", "")):
                erasing.told(conn, row.subject)

        await self._db.write(write)
        if at is None:
            text = f"{failure.text}; given up after {row.attempts + 1} attempts"
            await self._debugger.note(row.account, row.subject, failure.code, text, Hook(row.url, row.method))
        else:
            log.info("%s: callback failed (%s), again at %s", row.subject, failure.text, at.isoformat())


def lane_of(row: CallbackRecord) -> Lane:
    """What it shares its room with."""
    return row.account, row.destination


def request_of(row: CallbackRecord, account: AccountRecord) -> WebhookRequest:
    """The row as a request signed with the account's token."""
    return WebhookRequest(
        row.url,
        row.account,
        method=row.method,
        params=row.params,
        secret=account.auth_token,
        token=row.token,
        lane="later",
        subject=row.subject,
    )
