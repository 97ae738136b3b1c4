"""What caps want done beside what is asked: calls end when their minutes are used up, and alerts when they are over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import datetime

from cloud.numbering import country_of
from cloud.services import cap_alerts
from cloud.services.caps import Bound, CapKeeper
from cloud.services.live_tasks import LiveTasks
from cloud.store import caps
from cloud.store.database import Connection, Database
from cloud.store.records import CallRecord
from cloud.store.rows import now as clock
from telecore.bursts import SHORT_S, Bursts
from telecore.errors import Refused, Transient
from telecore.ids import AccountSid
from telecore.model import Direction

log = logging.getLogger(__name__)

EVERY_S = 5.0
CAP = "cap"
"""What a refusal is counted as."""


class CapWatch:
    """``hang_up`` ends a call; ``tell_refused`` counts what was refused; ``changed``: there is something to show."""

    def __init__(
        self,
        db: Database,
        keeper: CapKeeper,
        hang_up: Callable[[AccountSid, str], Awaitable[object]],
        *,
        tell_refused: Callable[[str, str, str], None],
        changed: Callable[[], None],
        now: Callable[[], datetime] = clock,
    ) -> None:
        self._db = db
        self._keeper = keeper
        self._hang_up = hang_up
        self._tell_refused = tell_refused
        self._changed = changed
        self._now = now
        self._tasks = LiveTasks()
        self._bursts, self._trees = Bursts(), Bursts()

    async def run(self, every_s: float = EVERY_S) -> None:
        """Until cancelled."""
        try:
            while True:
                try:
                    await self.look()
                except Transient as error:
                    log.warning("caps cannot be looked at: %s", error)
                await asyncio.sleep(every_s)
        finally:
            await self._tasks.close()

    async def look(self) -> None:
        """Once."""
        refused: set[AccountSid] = set()
        while self._keeper.refused:
            account, why = self._keeper.refused.popleft()
            self._tell_refused(CAP, account, why)
            refused.add(account)
        if not refused and not await self._db.read(self._is_due):
            return
        for call in await self._db.write(lambda conn: self._look(conn, refused)):
            log.warning("%s ends: the minutes of account %s are used up", call.sid, call.account)
            try:
                await self._hang_up(call.account, call.sid)
            except Refused as error:
                log.info("%s has ended meanwhile: %s", call.sid, error)
        self._changed()

    def over(self, record: CallRecord) -> None:
        """A call has ended; this may be told twice."""
        if record.direction is Direction.INBOUND or record.ended_at is None:
            return
        rang_s = (record.ended_at - (record.started_at or record.created_at)).total_seconds()
        short = record.answered_at is None and record.started_at is not None and rang_s < SHORT_S
        at = self._now().timestamp()
        self._tasks.start(self._over(record, at, short=short), f"end of {record.sid}")

    async def _over(self, record: CallRecord, at: float, *, short: bool) -> None:
        """Whether it makes a burst, of its account or of what its owner has together."""
        top = await self._db.read(lambda conn: self._keeper.top(conn, record.account))
        prefix = self._bursts.over(record.account, record.called, at, short=short)
        if prefix is not None:
            await self._burst(record, record.account, prefix, tree=False)
        together = self._trees.over(top, record.called, at, short=short)
        if together is not None and (prefix is None or top != record.account):
            await self._burst(record, top, together, tree=True)

    async def _burst(self, record: CallRecord, account: AccountSid, prefix: str, *, tree: bool) -> None:
        whose = " of the account and its subaccounts" if tree else ""
        why = f"most calls{whose} there ring for seconds and are not answered"
        await self._db.write(lambda conn: self._keeper.burst(conn, account, record.called, prefix, why, tree=tree))

    def _is_due(self, conn: Connection) -> bool:
        """Whether there is anything to write; mostly there is not."""
        at = self._now()
        if caps.has_stale(conn, at) or cap_alerts.over(conn, at):
            return True
        accounts = {call.account for call in caps.live(conn)}
        return any(
            self._keeper.minutes(conn, b, at) for account in accounts for b in self._keeper.bounds(conn, account)
        )

    def _look(self, conn: Connection, refused: Collection[AccountSid] = ()) -> list[CallRecord]:
        """Calls that are to end. Tells of minutes; clears what is over."""
        at = self._now()
        caps.forget_targets(conn, at)
        caps.forget_blocks(conn, at)
        cap_alerts.settle(conn, at)
        for account in refused:
            self._tell_standing(conn, account, at)
        going_on = caps.live(conn)
        bounds = {bound.account: bound for call in going_on for bound in self._keeper.bounds(conn, call.account)}
        spent = [bound for bound in bounds.values() if self._is_spent(conn, bound, at)]
        return [call for call in going_on if any(self._ends(conn, bound, call) for bound in spent)]

    def _tell_standing(self, conn: Connection, account: AccountSid, at: datetime) -> None:
        """A cap that was set below what was used already is reached by no message."""
        for bound in self._keeper.bounds(conn, account):
            for step in self._keeper.used(conn, bound).values():
                cap_alerts.tell_step(conn, bound.account, replace(step, used=0), at)

    def _is_spent(self, conn: Connection, bound: Bound, at: datetime) -> bool:
        found = self._keeper.minutes(conn, bound, at)
        for step in found:
            cap_alerts.tell_step(conn, bound.account, replace(step, used=0), at)
        return any(step.refused for step in found)

    def _ends(self, conn: Connection, bound: Bound, call: CallRecord) -> bool:
        """A call at home may be a warning that is being heard: it has its end from its own time limit."""
        if call.account not in bound.accounts:
            return False
        home = self._keeper.home(conn, call.account)
        return bound.caps.warnings == "capped" or country_of(call.called) not in home
