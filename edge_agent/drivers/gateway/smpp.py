"""An SMPP link to an SMSC as a device: one channel, whose numbers are those the SMSC delivers to us."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from edge_agent.contracts import Channel, Core, Heal, RadioStatus
from edge_agent.drivers.gateway.smpp_connection import SmppConnection
from edge_agent.drivers.gateway.smpp_link import ESME_ROK, ESME_RX_T_APPN, Delivered
from edge_agent.drivers.gateway.smpp_occurrences import Occurrences
from edge_agent.drivers.gateway.smpp_pace import Pace
from edge_agent.drivers.gateway.smpp_pdu import BindRequest, Command, ShortMessage
from edge_agent.drivers.gateway.smpp_receipts import is_marked, receipt_of, report_of
from edge_agent.drivers.gateway.smpp_settings import Bind, SmppSettings
from edge_agent.drivers.gateway.smpp_sms import SmppSms
from edge_agent.drivers.gateway.smpp_text import content_key, part_of
from telecore.errors import DeviceLost, DeviceRefused, TelecoreError
from telecore.model import ChannelState, DeviceIdentity

log = logging.getLogger(__name__)

_BINDS = {
    Bind.TRANSCEIVER: (Command.BIND_TRANSCEIVER,),
    Bind.TRANSMITTER: (Command.BIND_TRANSMITTER,),
    Bind.RECEIVER: (Command.BIND_RECEIVER,),
    # The receiver first: nothing is submitted before its receipts can come.
    Bind.PAIR: (Command.BIND_RECEIVER, Command.BIND_TRANSMITTER),
}


class SmppDevice:
    """One opening of the link. See ``contracts.Device``; the runner opens it again, with its back-off."""

    def __init__(self, settings: SmppSettings, wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.id = settings.device
        self.identity = DeviceIdentity("SMPP", "SMSC", "3.4", port=f"{settings.host}:{settings.port}")
        self.channels: Sequence[Channel] = (Channel(settings.channel, numbers=settings.numbers),)
        self._settings = settings
        self._wall = wall
        self._pace = Pace(settings.submits_per_s)
        self._connections: list[SmppConnection] = []
        self._early: list[tuple[SmppConnection, Delivered]] = []
        self._core: Core | None = None
        self._keeping: set[asyncio.Task[None]] = set()
        self._seen = Occurrences(time.monotonic)

    async def open(self) -> None:
        """Connect and bind. Raises DeviceLost, DeviceRefused, TimedOut."""
        tls = await asyncio.to_thread(_context, self._settings) if self._settings.tls else None
        for command in _BINDS[self._settings.bind]:
            await self._connect(command, tls)
        last = self._connections[-1]
        self.identity = DeviceIdentity("SMPP", last.smsc or "SMSC", "3.4", port=self.identity.port)
        sms = None if self._settings.bind is Bind.RECEIVER else SmppSms(last, self._settings, self._pace, self._wall)
        self.channels = (Channel(self._settings.channel, sms=sms, numbers=self._settings.numbers),)

    async def run(self, core: Core) -> None:
        """Serve until the link is lost: DeviceLost."""
        self._core = core
        await core.radio(self._settings.channel, RadioStatus(ChannelState.REGISTERED, access="SMPP"))
        for connection, delivered in self._early:
            self._keep(core, connection, delivered)
        self._early.clear()
        done, _ = await asyncio.wait(
            [connection.ended for connection in self._connections], return_when=asyncio.FIRST_COMPLETED
        )
        raise DeviceLost(next(iter(done)).result())

    async def heal(self, step: Heal) -> str:
        """Nothing at this end can restart an SMSC."""
        raise DeviceRefused("error", None, "an SMSC cannot be reset from here")

    async def close(self) -> None:
        """Take leave. Never raises; bounded in time."""
        if self._keeping:
            await asyncio.wait(self._keeping, timeout=2.0)
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*(connection.leave() for connection in self._connections))

    async def _connect(self, command: Command, tls: ssl.SSLContext | None) -> None:
        settings = self._settings
        bind = BindRequest(
            command,
            settings.system_id,
            settings.password,
            settings.system_type,
            settings.bind_addresses.ton or 0,
            settings.bind_addresses.npi or 0,
            settings.address_range,
        )
        self._connections.append(await SmppConnection.open(settings, bind, self._pace, self._delivered, tls))

    def _delivered(self, connection: SmppConnection, delivered: Delivered) -> None:
        if self._core is None:
            self._early.append((connection, delivered))
        else:
            self._keep(self._core, connection, delivered)

    def _keep(self, core: Core, connection: SmppConnection, delivered: Delivered) -> None:
        task = asyncio.get_running_loop().create_task(self._kept(core, connection, delivered))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def _kept(self, core: Core, connection: SmppConnection, delivered: Delivered) -> None:
        """Answered when it is on disk. What cannot be kept now, the SMSC keeps (ESME_RX_T_APPN)."""
        status = ESME_ROK
        try:
            await self._store(core, delivered.message)
        except TelecoreError as error:
            log.warning("a delivery stays with the SMSC: %s", error)
            status = ESME_RX_T_APPN
        connection.answer(delivered, status)

    async def _store(self, core: Core, message: ShortMessage) -> None:
        receipt = receipt_of(message)
        if receipt is not None:
            await core.report(report_of(receipt, message, self._settings))
        elif is_marked(message):
            log.warning("a receipt without an id or a state is passed over: %d octets", len(message.body))
        else:
            with self._seen.arrival(content_key(message)) as occurrence:
                await core.part(part_of(message, self._settings, occurrence))


def _context(settings: SmppSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca or None)
    except OSError as error:
        raise DeviceRefused("error", None, f"the certificates in {settings.tls_ca} cannot be read: {error}") from error
    if not settings.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
