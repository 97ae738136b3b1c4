"""Which SIM is in which channel, what is known of each, and what of it outlives the process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from edge_agent.contracts import RadioStatus
from edge_agent.sims import quotas
from edge_agent.sims.record import SimRecord
from edge_agent.sims.thresholds import Thresholds
from edge_agent.spool import Spool
from edge_agent.spool.sims import Used
from telecore.errors import StorageFailed
from telecore.ids import ChannelId, Iccid
from telecore.model import Sim

log = logging.getLogger(__name__)

HOUR_S = 3600


class Roll:
    """Every SIM's record, by channel and by ICCID. ``wall`` is the time of day, ``clock`` the monotonic one."""

    def __init__(
        self, spool: Spool, numbers: Thresholds, wall: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        self._spool = spool
        self._numbers = numbers
        self._wall = wall
        self._clock = clock
        self._channels: dict[ChannelId, SimRecord] = {}
        self._by_iccid: dict[Iccid, SimRecord] = {}
        self._facts: Mapping[Iccid, Mapping[str, Any]] = {}
        self._unwritten: list[Used] = []
        self._dirty: set[Iccid] = set()
        self._tidied = 0

    async def load(self) -> None:
        """What is remembered of SIMs. Raises StorageFailed."""
        self._facts = await self._spool.sim_facts()
        for used in await self._spool.sim_usage(quotas.periods(self._wall()).month.start):
            self.of(used.iccid).book.add(used.kind, used.hour, used.tail, used.amount)

    def at(self, channel: ChannelId) -> SimRecord | None:
        """The SIM that is in this channel, or was last."""
        return self._channels.get(channel)

    def channels_of(self, record: SimRecord) -> list[ChannelId]:
        return [channel for channel, held in self._channels.items() if held is record]

    def items(self) -> list[tuple[ChannelId, SimRecord]]:
        return list(self._channels.items())

    def of(self, iccid: Iccid) -> SimRecord:
        """What is known of a SIM; one that was never seen begins here."""
        record = self._by_iccid.get(iccid)
        if record is None:
            now, wall = self._clock(), self._wall()
            record = self._by_iccid[iccid] = SimRecord(iccid, since=wall, radio_at=now, ill_at=now)
            kept = self._facts.get(iccid, {}).get("health")
            if kept is None:
                record.fresh = True
            else:
                self._restore(record, kept, now, wall)
        return record

    def _restore(self, record: SimRecord, kept: Mapping[str, Any], now: float, wall: float) -> None:
        """However wrong the clock was or is, it rests no longer than the longest rest."""
        try:
            left = min(max(0.0, kept.get("until", 0.0) - wall), self._numbers.cooldown_cap_s)
            record.restore(kept, now, left)
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            log.warning("what was kept of a SIM is not understood, so it begins anew: %s", error)
            record.fresh = True

    def hear(self, channel: ChannelId, status: RadioStatus) -> tuple[SimRecord, bool]:
        """The modem told how SIM and registration stand. Also whether the SIM has just come to this channel."""
        record, now = self._channels.get(channel), self._clock()
        iccid = name_of(channel, status.sim) if status.sim is not None else None
        came = iccid is not None and (record is None or record.iccid != iccid)
        if iccid is not None and came:
            record = self.of(iccid)
            record.radio_at = now
            self._channels = {name: held for name, held in self._channels.items() if held is not record}
            self._channels[channel] = record
        elif record is None:
            record = self._channels[channel] = SimRecord(since=self._wall(), radio_at=now)
        record.hear(status, now, self._numbers)
        return record, came

    def spend(self, record: SimRecord, kind: str, tail: str, amount: float) -> None:
        """It carried something; ``kind`` as in Book."""
        if record.iccid is None:
            return
        used = Used(record.iccid, kind, int(self._wall()) // HOUR_S, tail, amount)
        record.book.add(kind, used.hour, used.tail, amount)
        self._unwritten.append(used)

    def changed(self, record: SimRecord) -> None:
        """Something of it is to be kept."""
        if record.iccid is not None:
            self._dirty.add(record.iccid)

    async def write(self) -> None:
        """Keep what changed; what a failing disk does not take is kept for the next time."""
        self._forget()
        used, self._unwritten = self._unwritten, []
        dirty, self._dirty = self._dirty, set()
        try:
            while used:
                await self._spool.use_sim(used[0])
                used.pop(0)
            for iccid in tuple(dirty):
                record = self._by_iccid[iccid]
                await self._spool.put_sim_fact(iccid, "health", record.keep(self._clock(), self._wall()))
                dirty.discard(iccid)
        except StorageFailed as error:
            log.warning("what SIMs carried is not written down yet: %s", error)
            self._unwritten = used + self._unwritten
            self._dirty |= dirty

    def _forget(self) -> None:
        """What was carried before this month limits nothing any more. Looked at once an hour."""
        hour = int(self._wall()) // HOUR_S
        if hour == self._tidied:
            return
        self._tidied = hour
        for record in self._by_iccid.values():
            record.book.forget(quotas.periods(self._wall()).month.start)


_NAMELESS = "in "


def name_of(channel: ChannelId, sim: Sim) -> Iccid:
    """What a SIM is known by: its ICCID, or the channel it is in when that cannot be read."""
    return sim.iccid or Iccid(f"{_NAMELESS}{channel}")


def iccid_of(record: SimRecord) -> Iccid:
    """Its ICCID; empty when nobody could read it."""
    return Iccid("") if record.iccid is None or record.iccid.startswith(_NAMELESS) else record.iccid
