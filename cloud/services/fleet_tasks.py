"""What people ask of channels: a command to the edge, and a task that tells how it went."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from cloud.store import accounts, channels, outbox, tasks
from cloud.store.database import Connection, Database
from cloud.store.records import ChannelRecord, TaskRecord
from cloud.tunnel import channel_steps, site_steps
from cloud.tunnel.heard import utc_now
from telecore.commands import (
    CancelUssd,
    Command,
    ReadBalance,
    RequestUssd,
    RestartChannel,
    RunSelfTest,
    SetSimHealth,
    TopUp,
)
from telecore.errors import NotFound, Transient
from telecore.ids import AccountSid, CommandId, EdgeId, new_sid

log = logging.getLogger(__name__)

Ask = RequestUssd | CancelUssd | RestartChannel | SetSimHealth | ReadBalance | TopUp | RunSelfTest
SOON = timedelta(minutes=2)
LATER = timedelta(days=7)
"""A person's verdict on a SIM counts whenever the edge hears of it."""
_POLL_S = 5.0
_TIDY_EVERY_S = 3600.0


class FleetTasks:
    """``wake`` tells the tunnel that an edge's outbox has news."""

    def __init__(
        self,
        db: Database,
        *,
        wake: Callable[[EdgeId], None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._wake = wake
        self._now = now

    async def ask(self, ask: Ask, *, within: AccountSid | None, by: str) -> TaskRecord:
        """When it returns, task and command are on the disk. ``within``: only channels that this account may see.

        Raises NotFound for a channel that is not there, or is somebody else's, StoreFailed.
        """
        record = await self._db.write(lambda conn: self._write(conn, ask, within, by))
        log.info("%s asked %s of %s: %s", by, ask.kind, ask.channel, record.sid)
        self._wake(record.edge)
        return record

    async def run(self) -> None:
        """End what nobody answers; forget what ended long ago."""
        clock, tidied = asyncio.get_running_loop().time, float("-inf")
        while True:
            try:
                await self.expire()
                if clock() - tidied >= _TIDY_EVERY_S:
                    await self._db.write(lambda conn: tasks.tidy(conn, self._now()))
                    tidied = clock()
            except Transient as error:
                log.warning("tasks wait for the store: %s", error)
            await asyncio.sleep(_POLL_S)

    async def expire(self) -> int:
        """Fail the tasks whose time is over, and take their commands back; how many."""
        now = self._now()

        def write(conn: Connection) -> int:
            late = tasks.overdue(conn, now, 1000)
            return sum(site_steps.give_up(conn, task, now) is not None for task in late)

        if not await self._db.read(lambda conn: tasks.overdue(conn, now, 1)):
            return 0
        return await self._db.write(write)

    def _write(self, conn: Connection, ask: Ask, within: AccountSid | None, by: str) -> TaskRecord:
        channel = visible(conn, ask.channel, within)
        if isinstance(ask, RunSelfTest):
            visible(conn, ask.receiver, within)
        now, sid = self._now(), CommandId(new_sid("TK"))
        not_after = now + (LATER if isinstance(ask, SetSimHealth) else SOON)
        command: Command = replace(ask, id=sid, not_after=not_after)
        outbox.append(conn, channel.edge, command)
        record = TaskRecord(
            sid=sid,
            account=channel_steps.account_of(conn, channel.channel, channel.edge),
            edge=channel.edge,
            channel=channel.channel,
            kind=ask.kind,
            created_at=now,
            updated_at=now,
            not_after=not_after,
            by=by[:64],
        )
        return tasks.insert(conn, record)


def visible(conn: Connection, channel: str, within: AccountSid | None) -> ChannelRecord:
    """The channel, if there is one and it is the account's or a subaccount's. Raises NotFound either way."""
    record = channels.get(conn, channel)
    if record is not None and (within is None or within in _opened_by(conn, record)):
        return record
    raise NotFound(f"There is no channel {channel[:200]}")


def _opened_by(conn: Connection, channel: ChannelRecord) -> tuple[AccountSid | None, ...]:
    """Whose credentials open this channel: those of whose SIM it is, and of his owner."""
    owner = accounts.get(conn, channel_steps.account_of(conn, channel.channel, channel.edge))
    return (owner.sid, owner.owner) if owner is not None else ()
