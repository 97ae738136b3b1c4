"""Messages that lie in the modem to be sent from there, and what it says of them (27.005 §3.5.3, §3.5.4).

A modem is believed only as far as it was seen to tell the truth: a message it has just taken must read STO UNSENT, and
once sent STO SENT. One that fails in either sends at once, as those do that have no storage for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from edge_agent.contracts import HeldCopy, HeldEntry
from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority, Talk
from edge_agent.drivers.at_modem.pdu import Other, decode
from edge_agent.drivers.at_modem.profile import AtProfile
from edge_agent.drivers.at_modem.replies import Stored, parse_cmgr, parse_cmgw
from edge_agent.drivers.at_modem.storage import Storage
from telecore.errors import (
    Busy,
    CannotHold,
    DeviceRefused,
    OutcomeUnknown,
    RemoteProtocolError,
    TelecoreError,
    TimedOut,
)

log = logging.getLogger(__name__)

PAUSE_S = 60.0
"""After a refusal messages are sent at once for so long."""
UNSENT, SENT = 2, 3


class Hold:
    """The storage that one modem's messages are sent from. ``device``: its IMEI; ``woke``: its settings when opened."""

    def __init__(self, dialogue: Dialogue, profile: AtProfile, storage: Storage, device: str, woke: str) -> None:
        self.device = device
        self.marks: bool | None = None
        self._dialogue = dialogue
        self._profile = profile
        self._storage = storage
        self._woke = woke
        self._store: str | None = None
        self._settings = ""
        self._written: set[tuple[int, str]] = set()
        self._paused_until = 0.0

    @property
    def ready(self) -> bool:
        """Whether a message may be written there now."""
        usable = bool(self._store and self.device) and self.marks is not False
        return usable and asyncio.get_running_loop().time() >= self._paused_until

    async def prepared(self, talk: Talk) -> None:
        """The modem is set up: this is what a restart would change."""
        self._settings = await settings_of(talk)
        self._store = self._storage.hold

    def lived_since(self, copy: HeldCopy) -> bool:
        if copy.device != self.device:
            return False
        here = (copy.index, copy.identity) in self._written
        return here or bool(copy.settings and copy.settings == self._woke)

    async def write(self, talk: Talk, pdu: tuple[str, int], identity: str, place: tuple[int, int]) -> HeldCopy:
        """Put a SUBMIT there; ``place``: segment and segments. Nothing of it goes out.

        Raises CannotHold, TimedOut, DeviceLost.
        """
        hex_pdu, length = pdu
        try:
            lines = await talk.command(self._profile.command(f"AT+CMGW={length}", hex_pdu))
            index = parse_cmgw(lines)
        except DeviceRefused as refusal:
            self._pause()
            raise CannotHold(f"the modem does not keep a message to be sent: {refusal}") from refusal
        except (OutcomeUnknown, RemoteProtocolError) as error:
            raise TimedOut(f"no index after +CMGW: {error}") from error
        copy = HeldCopy(*place, self.device, self._store or "", index, identity, self._settings)
        if self.marks is None and await self._mark(talk, copy) != UNSENT:
            self._distrust("does not call a new message unsent")
            await self.empty(talk, copy)
            raise CannotHold("the modem does not say what it has sent")
        self._written.add((index, identity))
        return copy

    async def went(self, talk: Talk, copy: HeldCopy) -> bool:
        """Whether the modem says that it sent it. Raises TimedOut, DeviceLost."""
        return await self._mark(talk, copy) == SENT

    async def empty(self, talk: Talk, copy: HeldCopy, *, sent: bool = False) -> None:
        """Delete a copy that is settled. What goes wrong here is made good by the next ``held``."""
        try:
            if sent and self.marks is None:
                self.marks = await self._mark(talk, copy) == SENT
                if not self.marks:
                    self._distrust("does not mark what it has sent")
            await self._storage.select(talk, copy.store)
            await talk.attempt(self._profile.command(f"AT+CMGD={copy.index}"))
            self._written.discard((copy.index, copy.identity))
        except TelecoreError as error:
            self._storage.forget()
            log.info("a copy in %s stays: %s", copy.store, error)

    async def held(self) -> Sequence[HeldEntry]:
        """See ``contracts.HoldingSms``."""
        store = self._store
        if store is None:
            raise Busy("the modem is not set up yet")
        if not store:
            return ()
        return tuple(entry for stored in await self._storage.list(store) if (entry := _entry(store, stored)))

    async def discard(self, entry: HeldEntry) -> None:
        """See ``contracts.HoldingSms``."""
        async with self._dialogue.transaction(Priority.SMS) as talk:
            await self._storage.select(talk, entry.store)
            there = _entry(entry.store, await self._read(talk, entry.index))
            if there is not None and there.identity == entry.identity:
                await talk.attempt(self._profile.command(f"AT+CMGD={entry.index}"))
                self._written.discard((entry.index, entry.identity))

    async def _mark(self, talk: Talk, copy: HeldCopy) -> int | None:
        """Its status; None when it is not there, or not told."""
        try:
            await self._storage.select(talk, copy.store)
        except DeviceRefused:
            return None
        stored = await self._read(talk, copy.index)
        entry = _entry(copy.store, stored)
        return stored.status if stored is not None and entry is not None and entry.identity == copy.identity else None

    async def _read(self, talk: Talk, index: int) -> Stored | None:
        stored = parse_cmgr(await talk.attempt(self._profile.command(f"AT+CMGR={index}")) or ())
        return None if stored is None else Stored(index, stored.status, stored.pdu)

    def _pause(self) -> None:
        self._paused_until = asyncio.get_running_loop().time() + PAUSE_S

    def _distrust(self, why: str) -> None:
        self.marks = False
        log.warning("the modem %s: its messages are sent at once from now on", why)


async def settings_of(talk: Talk) -> str:
    """What a modem has forgotten after a restart: where messages are told, and whether callers are. Empty: not told."""
    try:
        told = await talk.attempt("AT+CNMI?")
        shown = await talk.attempt("AT+CLIP?")
    except TimedOut:
        return ""
    if not told or not shown:
        return ""
    return f"{told[-1]} {shown[-1].partition(',')[0]}".replace(" ", "")


def _entry(store: str, stored: Stored | None) -> HeldEntry | None:
    """None: nothing that was stored to be sent."""
    if stored is None or stored.index is None or stored.status in (0, 1):
        return None
    try:
        decoded = decode(stored.pdu)
    except RemoteProtocolError:
        return None
    if not isinstance(decoded, Other):
        return None
    sent = {UNSENT: False, SENT: True}.get(stored.status) if stored.status is not None else None
    return HeldEntry(store, stored.index, decoded.identity, decoded.to, sent)
