"""The month's account of data: what each uplink carried, kept in the spool, and what follows for the rest of it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Protocol

from edge_agent.config.cloud import CloudConfig
from edge_agent.uplink.budget import MEGABYTE, Verdict, judge, month_after, release_waits
from telecore.errors import InvalidRequest, StorageFailed
from telecore.events import Event, SoundChecked
from telecore.notices import DataUsed, Detail, UplinkUsed
from telecore.schema import dump, read
from telecore.tunnel.meter import Traffic

_LOG = logging.getLogger(__name__)
_NOTE = "data"
_LOOK_S = 10.0
_SAVE_S = 60.0
_SAVE_BYTES = 256_000
"""A crash forgets at most so much, or what passed in a minute."""


class Notes(Protocol):
    """The spool, as the account needs it."""

    async def noted(self, name: str) -> str | None: ...
    async def note(self, name: str, value: str) -> None: ...


class Counted(Protocol):
    """The uplink, as the account needs it."""

    @property
    def by(self) -> str: ...
    def count(self) -> None: ...
    def release_bulk(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Account:
    """``month``: the ISO date it began, empty before the first count. ``releases``: bytes of updates in all of it."""

    month: str = ""
    uplinks: dict[str, Traffic] = field(default_factory=dict)
    releases: int = 0

    @property
    def traffic(self) -> Traffic:
        return sum(self.uplinks.values(), Traffic())

    def with_(self, uplink: str, traffic: Traffic) -> Account:
        before = self.uplinks.get(uplink, Traffic())
        return replace(self, uplinks={**self.uplinks, uplink: before + traffic})


class Spending:
    """``now`` is this machine's clock in its own zone. ``uplink`` is built after this, and asks it."""

    def __init__(
        self,
        cloud: CloudConfig,
        notes: Notes,
        *,
        uplink: Callable[[], Counted],
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._cloud = cloud
        self._notes = notes
        self._uplink = uplink
        self._now = now
        self.account = Account()
        self.verdict = Verdict()
        self._unsaved = 0
        self._loaded = False

    def carried(self, uplink: str, traffic: Traffic) -> None:
        """So much passed by this uplink."""
        self.account = self.account.with_(uplink, traffic)
        self._unsaved += traffic.total

    def released(self, count: int) -> None:
        """So many bytes of updates have come; ``carried`` counts them too."""
        self.account = replace(self.account, releases=self.account.releases + count)
        self._unsaved += count

    def release_waits(self, needs: int) -> str:
        """Why an update of which so many bytes are to come is not fetched now; empty: it is."""
        return release_waits(self._cloud.budget, self.account.traffic.total, needs, self._now())

    def may_send_bulk(self) -> bool:
        return self.verdict.bulk

    def saves(self) -> bool:
        """Whether there is hardly any data left."""
        return self.verdict.detail is Detail.ESSENTIAL

    def spent(self) -> Collection[str]:
        """The uplinks whose own budget is used up."""
        return {name for name, (used, budget) in self._by_uplink().items() if budget is not None and used >= budget}

    def tells(self, event: Event) -> bool:
        """Whether this event is worth its bytes now. What is not told is not missed by anybody's books."""
        if not isinstance(event, SoundChecked) or self.verdict.detail is Detail.FULL:
            return True
        return self.verdict.detail is Detail.LESS and event.verdict != "good"

    def warnings(self) -> tuple[tuple[str, int, float], ...]:
        """Of the site (empty name) and of uplinks: the highest threshold they have passed, in percent; the share."""
        shares = {name: used / budget for name, (used, budget) in self._by_uplink().items() if name and budget}
        if self.verdict.share is not None:
            shares[""] = self.verdict.share
        passed = (
            (name, max((at for at in self._cloud.budget.warn_at if share * 100 >= at), default=0), share)
            for name, share in shares.items()
        )
        return tuple(found for found in passed if found[1])

    def report(self) -> DataUsed:
        """For the heartbeat and the status page."""
        budget = self._cloud.budget.monthly_mb
        return DataUsed(
            month=self.account.month,
            traffic=self.account.traffic,
            budget=None if budget is None else round(budget * MEGABYTE),
            detail=self.verdict.detail,
            waits=self.verdict.waits,
            by=self._uplink().by,
            uplinks=tuple(UplinkUsed(name, used, limit) for name, (used, limit) in self._by_uplink().items()),
            releases=self.account.releases,
        )

    async def load(self) -> None:
        """What an earlier process counted. A note that cannot be read is begun anew, and that is logged."""
        if self._loaded:
            return
        text = await self._notes.noted(_NOTE)
        try:
            kept = read(Account, json.loads(text), strict=False) if text else Account()
        except (ValueError, InvalidRequest) as error:
            _LOG.error("the account of data was damaged, it begins anew: %s", error)
            kept = Account()
        for name, traffic in self.account.uplinks.items():
            kept = kept.with_(name, traffic)
        kept = replace(kept, releases=kept.releases + self.account.releases)
        self.account, self._loaded = kept, True
        self.look()

    def look(self) -> None:
        """Count, turn the month's page, and judge."""
        self._uplink().count()
        now = self._now()
        kept = date.fromisoformat(self.account.month) if self.account.month else None
        month = month_after(self._cloud.budget, kept, now.date())
        if month != kept:
            over = kept is not None and month > kept
            self.account = Account(month.isoformat()) if over else replace(self.account, month=month.isoformat())
        before, self.verdict = (
            self.verdict,
            judge(self._cloud.budget, self._cloud.budget.monthly_mb, self.account.traffic.total, now),
        )
        if self.verdict.detail is not before.detail:
            _LOG.warning("telemetry is %s now, by the data that is left", self.verdict.detail)
        if self.verdict.bulk and not before.bulk:
            self._uplink().release_bulk()

    async def save(self) -> None:
        """Note the account; what a full disk refuses is noted later."""
        if not self._loaded:
            return
        try:
            await self._notes.note(_NOTE, json.dumps(dump(self.account), separators=(",", ":")))
        except StorageFailed as error:
            _LOG.warning("the account of data is not kept: %s", error)
        else:
            self._unsaved = 0

    async def run(self) -> None:
        """Look now and then, and note what was counted; once more at the end."""
        loop = asyncio.get_running_loop()
        await self.load()
        saved = loop.time()
        try:
            while True:
                await asyncio.sleep(_LOOK_S)
                self.look()
                if self._unsaved >= _SAVE_BYTES or (self._unsaved and loop.time() - saved >= _SAVE_S):
                    await self.save()
                    saved = loop.time()
        finally:
            self._uplink().count()
            await self.save()

    def _by_uplink(self) -> dict[str, tuple[int, int | None]]:
        """Of those configured and those that carried something: bytes used, and the limit."""
        limits = {uplink.name: uplink.monthly_mb for uplink in self._cloud.uplinks}
        found: dict[str, tuple[int, int | None]] = {}
        for name in dict.fromkeys([*limits, *self.account.uplinks]):
            limit = limits.get(name)
            used = self.account.uplinks.get(name, Traffic()).total
            found[name] = used, None if limit is None else round(limit * MEGABYTE)
        return found
