"""Every request to customers' applications and its answer, for them to look at: a log, not a fact.

It is written in batches beside what must be written; what comes faster than the disk takes it is dropped and counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from cloud.services.exchanges import Exchange, WebhookRequest
from cloud.services.urls import shown_url
from cloud.services.webhooks import WebhookClient
from cloud.store import accounts, webhook_log
from cloud.store.database import Conflict, Connection, Database
from cloud.store.records import AccountRecord, WebhookLogRecord
from cloud.store.records.accounts import LEVELS
from cloud.tunnel.heard import utc_now
from cloud.tunnel.message_steps import storable
from telecore.errors import Transient
from telecore.ids import AccountSid, new_sid

log = logging.getLogger(__name__)

FULL, _, OFF = LEVELS
WAITING, BATCH = 1000, 50
_GATHER_S = 0.2
_TIDY_EVERY_S = 3600.0
_HIDDEN = "…"

_SENT = frozenset({"content-type", "user-agent", "i-twilio-idempotency-token", "x-simferry-replay"})
_GOT = frozenset(
    {"content-type", "content-length", "location", "server", "date", "retry-after", "cache-control", "x-request-id"}
)
"""The headers that matter. Signatures, cookies and credentials are not among them."""


class WebhookLog:
    """``take`` never waits. ``dropped`` counts what was not kept since the cloud began."""

    def __init__(self, db: Database, client: WebhookClient, *, now: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._client = client
        self._now = now
        self._waiting: deque[Exchange] = deque()
        self._news = asyncio.Event()
        self._writing = asyncio.Lock()
        self.dropped = 0
        self._said = 0

    def take(self, exchange: Exchange) -> None:
        """Keep it, if there is room."""
        if len(self._waiting) >= WAITING:
            self._drop(1)
            return
        self._waiting.append(exchange)
        self._news.set()

    async def run(self) -> None:
        """Write what was taken; forget what is too old."""
        clock, tidied = asyncio.get_running_loop().time, float("-inf")
        while True:
            if clock() - tidied >= _TIDY_EVERY_S:
                await self._tidy()
                tidied = clock()
            await self._news.wait()
            await asyncio.sleep(_GATHER_S)
            self._news.clear()
            await self.flush()
            self._say_dropped()

    async def flush(self) -> None:
        """Write all that waits."""
        async with self._writing:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                try:
                    await self._db.write(lambda conn, batch=batch: _write(conn, batch))  # type: ignore[misc]
                except Transient as error:
                    log.warning("webhooks are not logged: %s", error)
                    self._drop(len(batch))

    async def replay(self, record: WebhookLogRecord) -> WebhookLogRecord:
        """Ask again, signed anew, marked as a replay; nothing is done with the answer. The new row.

        Raises Conflict for one that was not kept whole.
        """
        if not record.whole:
            raise Conflict("What was asked has not been kept, so it cannot be asked again")
        account = await self._db.read(lambda conn: accounts.get(conn, record.account))
        ask = WebhookRequest(
            record.url,
            record.account,
            method=record.method,
            params=record.params,
            secret=account.auth_token if account is not None else "",
            lane="replay",
            subject=record.subject,
            replay=record.sid,
        )
        await self._client.fetch(ask)
        await self.flush()
        made = await self._db.read(lambda conn: webhook_log.last_replay(conn, record.sid))
        if made is None:
            raise Transient("It was asked again, but what came of it could not be kept")
        return made

    async def _tidy(self) -> None:
        """In pieces, between which others write, and so do we."""
        try:
            for account in await self._db.read(accounts.all_):
                before = self._now() - timedelta(days=account.webhook_log_days)
                while await self._db.write(partial(webhook_log.tidy, account=account.sid, before=before)):
                    await self.flush()
        except Transient as error:
            log.warning("old webhooks are not forgotten yet: %s", error)

    def _drop(self, count: int) -> None:
        self.dropped += count

    def _say_dropped(self) -> None:
        if self.dropped != self._said:
            log.warning("%d webhooks could not be logged since the start", self.dropped)
            self._said = self.dropped


def _write(conn: Connection, batch: list[Exchange]) -> None:
    kept: dict[AccountSid, AccountRecord | None] = {}
    for exchange in batch:
        if exchange.ask.account not in kept:
            kept[exchange.ask.account] = accounts.get(conn, exchange.ask.account)
    made = [(exchange, kept[exchange.ask.account]) for exchange in batch]
    webhook_log.add(conn, [row for one, account in made if account and (row := row_of(one, account.webhook_log))])


def row_of(exchange: Exchange, level: str) -> WebhookLogRecord | None:
    """What of it is kept. A replay is kept in any case, for somebody has asked for it just now."""
    ask, full = exchange.ask, level == FULL
    if level == OFF and not ask.replay:
        return None
    return WebhookLogRecord(
        sid=new_sid("WH"),
        account=ask.account,
        subject=ask.subject[:64],
        url=shown_url(ask.url, whole=full),
        method=ask.method,
        params={storable(name): storable(value) if full else _HIDDEN for name, value in ask.params.items()},
        whole=full and not ask.headers,
        sent=_some(exchange.sent, _SENT),
        status=exchange.status,
        code=exchange.code,
        fault=exchange.fault[:500],
        got=_some(exchange.got, _GOT),
        body=_text(exchange) if full else "",
        size=exchange.size,
        duration_ms=exchange.duration_ms,
        at=exchange.at,
        replay_of=ask.replay,
    )


def _some(headers: Mapping[str, str], wanted: frozenset[str]) -> dict[str, str]:
    return {name: storable(value[:300]) for name, value in headers.items() if name.lower() in wanted}


def _text(exchange: Exchange) -> str:
    """The answer as far as it is text; NUL, which no database takes, is left out."""
    kind = next((value for name, value in exchange.got.items() if name.lower() == "content-type"), "")
    if kind.startswith(("audio/", "image/", "video/", "application/octet-stream")):
        return ""
    return exchange.body.decode("utf-8", "replace").replace("\x00", "")
