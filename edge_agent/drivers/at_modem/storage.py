"""The places where a modem keeps SMS: selected, listed, read, emptied (27.005 §3.2.2, §4)."""

from __future__ import annotations

import logging
import re

from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority, Talk
from edge_agent.drivers.at_modem.profile import AtProfile
from edge_agent.drivers.at_modem.replies import Stored, parse_cmgl, parse_cmgr, parse_cpms
from telecore.errors import DeviceRefused, RemoteProtocolError, TimedOut
from telecore.ids import ChannelId
from telecore.sim_health import StoreLevel

log = logging.getLogger(__name__)

REPORT_STORE = "SR"
MAX_PLACES = 256
"""Read one by one at most, whatever a modem says of its size."""
_FOR_NOW = frozenset({10, 11, 13, 14, *range(310, 320), 515})
"""Codes of a SIM that is away, locked or busy: that says nothing of which storages there are."""


class Storage:
    """The storages of one modem. Each operation is a transaction of its own, so a call never waits for a long list.

    ``levels``: how full each is, as of its last listing and what was deleted since. ``hold``: where messages to be sent
    are written; empty where there is no such place.
    """

    def __init__(self, dialogue: Dialogue, profile: AtProfile, channel: ChannelId) -> None:
        self.names: list[str] = []
        self.levels: dict[str, StoreLevel] = {}
        self.hold = ""
        self._dialogue = dialogue
        self._profile = profile
        self._channel = channel
        self._selected: str | None = None
        self._unlisted: set[str] = set()

    async def prepare(self, talk: Talk) -> None:
        """Where messages arrive; all storages are looked for anew. Raises TimedOut."""
        arrivals = self._profile.sms.arrivals
        self.names = [*self._profile.sms.stores, REPORT_STORE]
        self._selected = None
        self.hold = ""
        wanted = self._profile.sms.send_from
        if wanted and await self._can_hold(talk, wanted):
            told = await talk.attempt(self._profile.command(f'AT+CPMS="{arrivals}","{wanted}","{arrivals}"'))
            if told is not None:
                self._selected, self.hold = arrivals, wanted
                return
        if await talk.attempt(self._profile.command(f'AT+CPMS="{arrivals}","{arrivals}","{arrivals}"')) is not None:
            self._selected = arrivals

    async def _can_hold(self, talk: Talk, store: str) -> bool:
        """Whether it is among those that +CPMS offers for mem2; where nothing is told, trying tells."""
        offered = await talk.attempt(self._profile.command("AT+CPMS=?"))
        groups = re.findall(r"\(([^)]*)\)", offered[-1]) if offered else []
        return len(groups) < 2 or f'"{store}"' in groups[1]

    def forget(self) -> None:
        """Something went wrong: which storage is selected is not known any more."""
        self._selected = None

    async def list(self, store: str) -> tuple[Stored, ...]:
        """Everything in it, each with its index. Nothing of a storage that this SIM or modem does not have.

        Where +CMGL hangs the places are read one by one. Raises DeviceRefused, TimedOut.
        """
        if store not in self._unlisted:
            try:
                return await self._list_at_once(store)
            except TimedOut:
                log.warning("%s: +CMGL of %s hangs; its places are read one by one", self._channel, store)
                self._selected = None
                self._unlisted.add(store)
        return await self._one_by_one(store)

    async def read(self, store: str, index: int) -> Stored | None:
        """None: the place is empty. Raises DeviceRefused, TimedOut."""
        async with self._dialogue.transaction(Priority.SMS) as talk:
            await self.select(talk, store)
            return parse_cmgr(await talk.command(self._profile.command(f"AT+CMGR={index}")))

    async def delete(self, store: str, index: int, stored: Stored) -> bool:
        """Delete this message, if it still lies there. False: the modem refuses. Raises DeviceRefused, TimedOut."""
        async with self._dialogue.transaction(Priority.SMS) as talk:
            await self.select(talk, store)
            # Between reading and now the place may have been emptied under an alias and filled again.
            now = parse_cmgr(await talk.attempt(self._profile.command(f"AT+CMGR={index}")) or ())
            if now is None or now.pdu != stored.pdu:
                return True
            if await talk.attempt(self._profile.command(f"AT+CMGD={index}")) is None:
                return False
        level = self.levels.get(store)
        if level is not None:
            self.levels[store] = StoreLevel(store, max(0, level.used - 1), level.total)
        return True

    def fullest(self) -> StoreLevel | None:
        """Of those in which messages arrive; None as long as nothing is known."""
        known = [level for level in self.levels.values() if level.total > 0 and level.store != REPORT_STORE]
        return max(known, key=lambda level: level.used / level.total, default=None)

    async def _list_at_once(self, store: str) -> tuple[Stored, ...]:
        async with self._dialogue.transaction(Priority.SMS) as talk:
            if not await self._count(talk, store):
                return ()
            return parse_cmgl(await talk.command(self._profile.command("AT+CMGL=4")))

    async def _one_by_one(self, store: str) -> tuple[Stored, ...]:
        async with self._dialogue.transaction(Priority.SMS) as talk:
            if not await self._count(talk, store):
                return ()
        level = self.levels.get(store, StoreLevel(store, MAX_PLACES, MAX_PLACES))
        found: list[Stored] = []
        for index in range(min(level.total, MAX_PLACES) + 1):  # some count from 0, some from 1
            if len(found) >= level.used:
                break
            try:
                entry = await self.read(store, index)
            except DeviceRefused:
                continue
            if entry is not None:
                found.append(Stored(index, entry.status, entry.pdu))
        return tuple(found)

    async def _count(self, talk: Talk, store: str) -> bool:
        """Select it and see how full it is. False: there is no such storage."""
        self._selected = None
        try:
            lines = await talk.command(self._profile.command(f'AT+CPMS="{store}"'))
        except DeviceRefused as refusal:
            if refusal.code in _FOR_NOW:
                raise
            if store in self.names:
                self.names.remove(store)
            return False
        self._selected = store
        try:
            first = parse_cpms(lines[-1])[0] if lines else None
        except (RemoteProtocolError, IndexError):
            first = None
        if first is not None:
            self.levels[store] = StoreLevel(store, first.used, first.total)
        return True

    async def select(self, talk: Talk, store: str) -> None:
        """Make it mem1, from which is read and deleted. Raises DeviceRefused, TimedOut."""
        if self._selected == store:
            return
        self._selected = None
        await talk.command(self._profile.command(f'AT+CPMS="{store}"'))
        self._selected = store


def is_received(stored: Stored) -> bool:
    """Unread, read, and the blank that some firmware writes; 2 and 3 are messages stored to be sent."""
    return stored.status in (0, 1, None)
