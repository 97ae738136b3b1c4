"""Received SMS of one SIM: read, hand over, and only when it is safe on disk delete (architecture rule 1).

Notifications get lost on every family of modems, so all storages are listed at the start and then from time to time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from edge_agent.contracts import Core, SmsPart, StatusReport
from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority, Talk
from edge_agent.drivers.at_modem.engine import Urc
from edge_agent.drivers.at_modem.pdu import WAP_PUSH_PORT, Deliver, Other, Report, decode, pdu_key
from edge_agent.drivers.at_modem.profile import AtProfile
from edge_agent.drivers.at_modem.replies import Stored, parse_stored_at
from edge_agent.drivers.at_modem.storage import Storage, is_received
from telecore.errors import DeviceLost, DeviceRefused, RemoteProtocolError, StorageFailed, TimedOut
from telecore.ids import Address, ChannelId
from telecore.sim_health import StoreLevel
from telecore.udh import Concat

log = logging.getLogger(__name__)

_SETTINGS = "AT+CNMI?"
"""The setting that a restart resets and whose loss is silent: no message and no report is told any more."""
_REMEMBERED = 1000
UNREADABLE = Address("unreadable")
"""Told as the sender of a PDU that nobody can read, and whose place is needed."""


class Inbox:
    """What came in by SMS, whichever way the modem tells it."""

    def __init__(
        self,
        dialogue: Dialogue,
        profile: AtProfile,
        channel: ChannelId,
        storage: Storage | None = None,
        on_prepared: Callable[[Talk], Awaitable[None]] | None = None,
    ) -> None:
        self._dialogue = dialogue
        self._profile = profile
        self._channel = channel
        self._storage = storage or Storage(dialogue, profile, channel)
        self._on_prepared = on_prepared
        self._level: StoreLevel | None = None
        self._acknowledges = False
        self._settings: tuple[str, ...] | None = None
        self._places: dict[tuple[str, int], None] = {}
        self._direct: deque[Urc] = deque(maxlen=_REMEMBERED)
        self._sweep = False
        self._wake = asyncio.Event()
        self._told: dict[str, None] = {}

    async def prepare(self) -> None:
        """PDU mode, storages, notifications; again after each restart of the modem. Raises DeviceRefused, TimedOut."""
        async with self._dialogue.transaction(Priority.SMS) as talk:
            await talk.command("AT+CMGF=0")
            await self._storage.prepare(talk)
            await self._choose_notification(talk)
            self._settings = await talk.attempt(_SETTINGS)
            services = await talk.attempt("AT+CSMS?")
            self._acknowledges = any(line.startswith("+CSMS: 1") for line in services or ())
            if self._on_prepared is not None:
                await self._on_prepared(talk)
        self.sweep()

    async def verify(self) -> None:
        """See that the modem still keeps what ``prepare`` has set; many restart without a word. Raises DeviceLost."""
        if not self._settings:
            return
        async with self._dialogue.transaction(Priority.POLL) as talk:
            now = await talk.attempt(_SETTINGS)
        if now is not None and now != self._settings:
            raise DeviceLost("the modem has forgotten its settings: it restarted by itself")

    def sweep(self) -> None:
        """List everything soon."""
        self._sweep = True
        self._wake.set()

    def on_urc(self, urc: Urc) -> bool:
        """Take what tells of a message; False for everything else."""
        if urc.text.startswith(("+CMTI:", "+CDSI:")):
            self._note_place(urc.text)
        elif urc.text.startswith(("+CMT:", "+CDS:")):
            self._direct.append(urc)
        else:
            return False
        self._wake.set()
        return True

    def _note_place(self, text: str) -> None:
        if len(self._places) >= _REMEMBERED:
            self._sweep = True  # in a flood the list tells more than the notices
            return
        try:
            self._places[parse_stored_at(text)] = None
        except RemoteProtocolError:
            self._sweep = True

    async def run(self, core: Core) -> None:
        """Hand over what comes until the device is lost."""
        while True:
            await self._wait()
            self._wake.clear()
            try:
                while self._direct:
                    urc = self._direct[0]
                    await self._take_direct(urc, core)
                    if self._direct[0] is urc:  # in a flood the oldest may have been pushed out meanwhile
                        self._direct.popleft()
                await self._take_places(core)
                if self._sweep and self._storage.names:
                    self._sweep = False
                    await self._take_all(core)
            except (DeviceRefused, TimedOut, RemoteProtocolError) as error:
                self._storage.forget()
                log.warning("%s: reading SMS: %s", self._channel, error)
            except StorageFailed as error:
                # What came stays where it is, and calls go on; the next round finds it again.
                self._sweep = True
                log.warning("%s: received SMS cannot be kept: %s", self._channel, error)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._profile.sms.poll_s):
                await self._wake.wait()
        except TimeoutError:
            self._sweep = True

    # how the modem is set up

    async def _choose_notification(self, talk: Talk) -> None:
        for candidate in self._profile.sms.cnmi:
            if await talk.attempt(self._profile.command(f"AT+CNMI={candidate}")) is not None:
                return
        log.warning("%s: the modem takes no +CNMI; SMS are found by listing only", self._channel)

    # the three ways in

    async def _take_direct(self, urc: Urc, core: Core) -> None:
        if urc.body is None:
            log.warning("%s: %s without its PDU", self._channel, urc.text[:5])
            return
        pdu = urc.body.upper()
        if not await self._hand_over(pdu, core):
            await core.part(self._unreadable(pdu))  # it lies nowhere else
        if self._acknowledges:
            try:
                await self._dialogue.run("AT+CNMA", Priority.SMS)
            except (DeviceRefused, TimedOut) as error:
                log.info("%s: +CNMA: %s", self._channel, error)

    async def _take_places(self, core: Core) -> None:
        while self._places:
            store, index = next(iter(self._places))
            del self._places[store, index]
            try:
                stored = await self._storage.read(store, index)
            except DeviceRefused as refusal:
                log.info("%s: nothing to read at %s,%s: %s", self._channel, store, index, refusal)
                continue
            except TimedOut:
                self._sweep = True
                raise
            if stored is not None:
                await self._take(store, index, stored, core)

    async def _take_all(self, core: Core) -> None:
        # Where SM and ME are one store under two names, the first round empties it before the second lists it.
        for store in tuple(self._storage.names):
            listed = await self._storage.list(store)
            left = [stored for stored in listed if not await self._take_listed(store, stored, core)]
            level = self._storage.levels.get(store)
            if level is not None and level.full:
                await self._make_room(store, left, core)
        fullest = self._storage.fullest()
        if fullest is not None and fullest != self._level:
            self._level = fullest
            core.stored(self._channel, fullest)

    async def _take_listed(self, store: str, stored: Stored, core: Core) -> bool:
        return stored.index is not None and await self._take(store, stored.index, stored, core)

    async def _take(self, store: str, index: int, stored: Stored, core: Core) -> bool:
        """Whether it is safe elsewhere and its place free."""
        if not is_received(stored) or not await self._hand_over(stored.pdu, core):
            return False
        return await self._delete(store, index, stored)

    async def _make_room(self, store: str, left: Sequence[Stored], core: Core) -> None:
        """A full storage takes no message any more, so what is nobody's goes: first what was stored to be sent.

        What cannot be read is told as it is before. What may yet be handed over stays.
        """
        kept = store == self._storage.hold  # what lies there may tell whether a message went
        drafts = [] if kept else [s for s in left if not is_received(s) or _kind(s.pdu) is Other]
        unreadable = [stored for stored in left if is_received(stored) and _kind(stored.pdu) is None]
        for stored in drafts or unreadable:
            if stored not in drafts:
                await core.part(self._unreadable(stored.pdu))
            if stored.index is not None and await self._delete(store, stored.index, stored):
                log.warning("%s: %s was full: %s,%s is nobody's and deleted", self._channel, store, store, stored.index)

    # what is done with one

    async def _hand_over(self, pdu: str, core: Core) -> bool:
        """Whether it is safe elsewhere now, so that it may be deleted."""
        key = pdu_key(pdu)
        try:
            decoded = decode(pdu)
        except RemoteProtocolError as error:
            if self._first_time(key):
                log.warning("%s: a PDU of %d octets stays where it is: %s", self._channel, len(pdu) // 2, error)
            return False
        match decoded:
            case Deliver():
                if decoded.udh.destination_port == WAP_PUSH_PORT:
                    log.info("%s: a WAP push: an MMS waits, which is only told as data", self._channel)
                await core.part(part_of(self._channel, decoded, key))
            case Report(ref, recipient, status, done_at):
                await core.report(StatusReport(self._channel, key, ref, recipient, status, done_at))
            case Other():
                return False
        return True

    def _unreadable(self, pdu: str) -> SmsPart:
        return SmsPart(self._channel, pdu_key(pdu), UNREADABLE, "", None, data=_octets(pdu))

    def _first_time(self, key: str) -> bool:
        if key in self._told:
            return False
        self._told[key] = None
        if len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]
        return True

    async def _delete(self, store: str, index: int, stored: Stored) -> bool:
        deleted = await self._storage.delete(store, index, stored)
        if not deleted and self._first_time(stored.pdu):
            log.warning("%s: the modem does not delete %s,%s", self._channel, store, index)
        return deleted


def part_of(channel: ChannelId, deliver: Deliver, key: str) -> SmsPart:
    """A decoded PDU as the core takes it."""
    udh = deliver.udh
    concat = udh.concat or Concat(0, 1, 1)
    return SmsPart(
        channel,
        key,
        deliver.sender,
        deliver.body,
        deliver.sent_at,
        ref=concat.reference if udh.concat else None,
        part=concat.number,
        parts=concat.total,
        wide_ref=concat.wide,
        flash=deliver.flash,
        port=udh.destination_port,
        data=deliver.data,
    )


def _kind(pdu: str) -> type[Deliver | Report | Other] | None:
    """None: it cannot be read."""
    try:
        return type(decode(pdu))
    except RemoteProtocolError:
        return None


def _octets(pdu: str) -> bytes:
    try:
        return bytes.fromhex(pdu)
    except ValueError:
        return pdu.encode()
