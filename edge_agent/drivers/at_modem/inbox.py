"""Received SMS of one SIM: read, hand over, and only when it is safe on disk delete (architecture rule 1).

Notifications get lost on every family of modems, so all storages are listed at the start and then from time to time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from edge_agent.contracts import Core, SmsPart, StatusReport
from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority, Talk
from edge_agent.drivers.at_modem.engine import Urc
from edge_agent.drivers.at_modem.pdu import WAP_PUSH_PORT, Deliver, Other, Report, decode, pdu_key
from edge_agent.drivers.at_modem.profile import AtProfile
from edge_agent.drivers.at_modem.replies import Stored, parse_cmgl, parse_cmgr, parse_stored_at
from telecore.errors import DeviceLost, DeviceRefused, RemoteProtocolError, StorageFailed, TimedOut
from telecore.ids import ChannelId
from telecore.udh import Concat

log = logging.getLogger(__name__)

REPORT_STORE = "SR"
_SETTINGS = "AT+CNMI?"
"""The setting that a restart resets and whose loss is silent: no message and no report is told any more."""
_RECEIVED = (0, 1, None)
"""Unread, read, and the blank that some firmware writes; 2 and 3 are messages stored to be sent."""
_REMEMBERED = 1000


class Inbox:
    """What came in by SMS, whichever way the modem tells it."""

    def __init__(self, dialogue: Dialogue, profile: AtProfile, channel: ChannelId) -> None:
        self._dialogue = dialogue
        self._profile = profile
        self._channel = channel
        self._stores: list[str] = []
        self._selected: str | None = None
        self._acknowledges = False
        self._settings: tuple[str, ...] | None = None
        self._places: dict[tuple[str, int], None] = {}
        self._direct: deque[Urc] = deque(maxlen=_REMEMBERED)
        self._sweep = False
        self._wake = asyncio.Event()
        self._told: dict[str, None] = {}

    async def prepare(self) -> None:
        """PDU mode, storages, notifications; again after each restart of the modem. Raises DeviceRefused, TimedOut."""
        self._stores = [*self._profile.sms.stores, REPORT_STORE]
        async with self._dialogue.transaction(Priority.SMS) as talk:
            await talk.command("AT+CMGF=0")
            await self._choose_storage(talk)
            await self._choose_notification(talk)
            self._settings = await talk.attempt(_SETTINGS)
            services = await talk.attempt("AT+CSMS?")
            self._acknowledges = any(line.startswith("+CSMS: 1") for line in services or ())
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
            try:
                self._places[parse_stored_at(urc.text)] = None
            except RemoteProtocolError:
                self._sweep = True
        elif urc.text.startswith(("+CMT:", "+CDS:")):
            self._direct.append(urc)
        else:
            return False
        self._wake.set()
        return True

    async def run(self, core: Core) -> None:
        """Hand over what comes until the device is lost."""
        while True:
            await self._wait()
            self._wake.clear()
            try:
                while self._direct:
                    await self._take_direct(self._direct[0], core)
                    self._direct.popleft()
                await self._take_places(core)
                if self._sweep and self._stores:
                    self._sweep = False
                    await self._take_all(core)
            except (DeviceRefused, TimedOut, RemoteProtocolError) as error:
                self._selected = None
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

    async def _choose_storage(self, talk: Talk) -> None:
        arrivals = self._profile.sms.arrivals
        self._selected = None
        if await talk.attempt(self._profile.command(f'AT+CPMS="{arrivals}","{arrivals}","{arrivals}"')) is not None:
            self._selected = arrivals

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
        await self._hand_over(urc.body.upper(), core)
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
                stored = await self._read(store, index)
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
        for store in tuple(self._stores):
            for stored in await self._list(store):
                if stored.index is not None:
                    await self._take(store, stored.index, stored, core)

    async def _take(self, store: str, index: int, stored: Stored, core: Core) -> None:
        if stored.status in _RECEIVED and await self._hand_over(stored.pdu, core):
            await self._delete(store, index, stored)

    # what is done with one

    async def _hand_over(self, pdu: str, core: Core) -> bool:
        """Whether it is safe elsewhere now, so that it may be deleted."""
        key = pdu_key(pdu)
        try:
            decoded = decode(pdu)
        except RemoteProtocolError as error:
            if self._first_time(key):
                log.warning("%s: a PDU that cannot be read stays where it is: %s: %s", self._channel, error, pdu)
            return False
        match decoded:
            case Deliver():
                if decoded.udh.destination_port == WAP_PUSH_PORT:
                    log.info("%s: a WAP push: an MMS waits, which is only told as data", self._channel)
                await core.part(self._part(decoded, key))
            case Report(ref, recipient, status, done_at):
                await core.report(StatusReport(self._channel, key, ref, recipient, status, done_at))
            case Other():
                return False
        return True

    def _part(self, deliver: Deliver, key: str) -> SmsPart:
        udh = deliver.udh
        concat = udh.concat or Concat(0, 1, 1)
        return SmsPart(
            self._channel,
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

    def _first_time(self, key: str) -> bool:
        if key in self._told:
            return False
        self._told[key] = None
        if len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]
        return True

    # the storage

    async def _read(self, store: str, index: int) -> Stored | None:
        async with self._dialogue.transaction(Priority.SMS) as talk:
            await self._select(talk, store)
            return parse_cmgr(await talk.command(self._profile.command(f"AT+CMGR={index}")))

    async def _list(self, store: str) -> tuple[Stored, ...]:
        async with self._dialogue.transaction(Priority.SMS) as talk:
            try:
                await self._select(talk, store)
            except DeviceRefused:
                self._stores.remove(store)  # this SIM or modem has no such storage
                return ()
            return parse_cmgl(await talk.command(self._profile.command("AT+CMGL=4")))

    async def _delete(self, store: str, index: int, stored: Stored) -> None:
        async with self._dialogue.transaction(Priority.SMS) as talk:
            await self._select(talk, store)
            # Between reading and now the place may have been emptied under an alias and filled again.
            now = parse_cmgr(await talk.attempt(self._profile.command(f"AT+CMGR={index}")) or ())
            if now is None or now.pdu != stored.pdu:
                return
            if await talk.attempt(self._profile.command(f"AT+CMGD={index}")) is None and self._first_time(now.pdu):
                log.warning("%s: the modem does not delete %s,%s", self._channel, store, index)

    async def _select(self, talk: Talk, store: str) -> None:
        if self._selected == store:
            return
        self._selected = None
        await talk.command(self._profile.command(f'AT+CPMS="{store}"'))
        self._selected = store
