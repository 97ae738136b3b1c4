"""A gateway or a trunk as a Device: calls by SIP, and beside them whatever the box's own tongue offers.

The two halves fall and come back apart: a box whose web server hangs goes on carrying calls, and one whose SIP is down
goes on sending SMS.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from edge_agent.contracts import (
    Channel,
    Core,
    Heal,
    IncomingCall,
    RadioStatus,
    SmsPart,
    VoiceService,
)
from edge_agent.drivers.gateway.line_services import LineRadio, LineSms, LineUssd
from edge_agent.drivers.gateway.line_state import Known, stands
from edge_agent.drivers.gateway.managed_core import ManagedCore
from edge_agent.drivers.gateway.management import ManagedLine, Management, TellsCauses
from edge_agent.drivers.gateway.profile import GatewayProfile
from edge_agent.drivers.gateway.voice import LineVoice
from edge_agent.drivers.sip.peer import LineState, SipPeer
from edge_agent.drivers.together import together
from telecore.backoff import Policy, next_delay
from telecore.errors import (
    DeviceLost,
    DeviceRefused,
    InvalidRequest,
    NoNetwork,
    RemoteProtocolError,
    TelecoreError,
    Transient,
)
from telecore.events import InventoryReported
from telecore.ids import E164, Address, ChannelId, DeviceId
from telecore.model import DeviceIdentity, Service

log = logging.getLogger(__name__)

OPEN_LIMIT_S = 15.0
CLOSE_LIMIT_S = 5.0
AGAIN = Policy(first=2.0, factor=2.0, cap=60.0)
_REFUSED_AGAIN_S = 60.0
"""A wrong password does not become right; asked often it locks the account of some boxes."""


@dataclass(frozen=True, slots=True)
class GatewayLine:
    """One channel. ``numbers``: those that no SIM tells; ``sip_domains``: as in ChannelStatus."""

    channel: ChannelId
    managed: ManagedLine | None = None
    numbers: tuple[E164, ...] = ()
    calls: int = 1
    sip_domains: tuple[str, ...] = ()


class Gateway:
    """See ``contracts.Device``. ``make_management`` makes an object for one opening of the box's own tongue.

    None: it has none, or is a trunk.
    """

    def __init__(
        self,
        device: DeviceId,
        profile: GatewayProfile,
        lines: Sequence[GatewayLine],
        peer: SipPeer | None,
        make_management: Callable[[], Management] | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.id = device
        self.identity = DeviceIdentity("", "", "", profile=profile.name)
        self._profile = profile
        self._lines = {line.channel: line for line in lines}
        self._peer = peer
        self._make_management = make_management
        self._management: Management | None = None
        self._lost = ""
        self._told: DeviceIdentity | None = None
        self._sleep = sleep
        self._known = {line.channel: Known(managed=make_management is not None, sip=_no_sip(peer)) for line in lines}
        self._core: Core | None = None
        self._changed: asyncio.Queue[ChannelId] = asyncio.Queue()
        self.channels: Sequence[Channel] = ()

    def _channel(self, line: GatewayLine) -> Channel:
        managed = line.managed if self._make_management is not None else None
        offers = self._profile.services
        return Channel(
            line.channel,
            radio=LineRadio(self, managed) if managed else None,
            sms=LineSms(self, managed) if managed and Service.SMS in offers else None,
            ussd=LineUssd(self, managed) if managed and Service.USSD in offers else None,
            voice=self._voice(line) if Service.VOICE in offers else None,
            numbers=line.numbers,
            capacity=line.calls,
            sip_domains=line.sip_domains,
        )

    def _voice(self, line: GatewayLine) -> VoiceService | None:
        if self._peer is None:
            return None
        calls = self._peer.voice(line.channel)
        if line.managed is None or self._make_management is None:
            return calls
        return LineVoice(calls, partial(self._call_cause, line.managed), self._tells_causes)

    def _tells_causes(self) -> bool:
        return isinstance(self._management, TellsCauses) and self._management.tells_causes

    def _call_cause(self, line: ManagedLine, since: float) -> int | None:
        management = self._management
        return management.call_cause(line, since) if isinstance(management, TellsCauses) else None

    async def open(self) -> None:
        """See ``contracts.Device``. The box itself may be away: its lines say so, and it is looked for again."""
        if self._peer is not None:
            await self._peer.open()
        self.channels = tuple(self._channel(line) for line in self._lines.values())
        if self._make_management is None:
            return
        try:
            self._management = await self._open_management(self._make_management)
        except (DeviceLost, DeviceRefused, InvalidRequest, Transient, RemoteProtocolError) as error:
            self._all_lost(_why(error))

    async def run(self, core: Core) -> None:
        """See ``contracts.Device``. Ends with DeviceLost when our own side of it is lost."""
        self._core = core
        parts = [self._tell(core)]
        if self._peer is not None:
            parts.append(self._peer.run(self))
        if self._make_management is not None:
            parts.append(self._manage(core, self._make_management))
        try:
            await together(*parts)
        finally:
            self._core = None

    async def heal(self, step: Heal) -> str:
        """See ``contracts.Device``. A box is restarted by its own command, by whoever decides that, and not from here:
        what is lost on a network is seldom the box."""
        raise DeviceRefused("error", None, f"a gateway is not reset by itself ({step})")

    async def close(self) -> None:
        """See ``contracts.Device``."""
        management, self._management = self._management, None
        if management is not None:
            await _bounded(management.close())
        if self._peer is not None:
            await _bounded(self._peer.close())

    # What SIP tells (sip.peer.PeerEvents).

    def incoming(self, call: IncomingCall) -> None:
        if self._core is not None:
            self._core.incoming(call)

    def line_changed(self, channel: ChannelId, state: LineState) -> None:
        self._learn(channel, replace(self._known[channel], sip=state))

    async def message(self, channel: ChannelId, key: str, sender: str, body: str) -> None:
        if self._core is None:
            raise NoNetwork("the gateway is being closed")
        await self._core.part(SmsPart(channel, key, Address(sender), body, None))

    # What its tongue tells.

    def heard(self, channel: ChannelId, status: RadioStatus) -> None:
        """How the radio of a line stands."""
        self._learn(channel, replace(self._known[channel], radio=status, lost=""))

    async def _manage(self, core: Core, make: Callable[[], Management]) -> None:
        failures = 0
        while True:
            try:
                if self._management is None:
                    self._management = await self._open_management(make)
                failures, self._lost = 0, ""
                await self._tell_identity(core)
                await self._management.run(ManagedCore(core, self))
                why, delay = "its own interface ended", AGAIN.first
            except (DeviceRefused, InvalidRequest) as error:
                why, delay = _why(error), _REFUSED_AGAIN_S
            except (DeviceLost, Transient, RemoteProtocolError) as error:
                failures += 1
                why, delay = _why(error), next_delay(AGAIN, failures, random.random)
            self._all_lost(why)
            management, self._management = self._management, None
            if management is not None:
                await _bounded(management.close())
            await self._sleep(delay)

    async def _open_management(self, make: Callable[[], Management]) -> Management:
        management = make()
        try:
            async with asyncio.timeout(OPEN_LIMIT_S):
                await management.open()
        except TimeoutError:
            await _bounded(management.close())
            raise DeviceLost(f"its own interface does not answer within {OPEN_LIMIT_S:.0f} s") from None
        except (TelecoreError, asyncio.CancelledError):
            await _bounded(management.close())
            raise
        self.identity = replace(management.identity, profile=self._profile.name)
        return management

    async def _tell_identity(self, core: Core) -> None:
        if self._told != self.identity:
            self._told = self.identity
            for channel in self._lines:
                await core.event(InventoryReported(channel=channel, device=self.identity))

    def _all_lost(self, why: str) -> None:
        log.log(logging.DEBUG if why == self._lost else logging.WARNING, "%s: %s", self.id, why)
        self._lost = why
        for channel, known in self._known.items():
            self._learn(channel, replace(known, lost=why))

    def _learn(self, channel: ChannelId, known: Known) -> None:
        self._known[channel] = known
        self._changed.put_nowait(channel)

    async def _tell(self, core: Core) -> None:
        told: dict[ChannelId, RadioStatus] = {}
        for channel in self._lines:
            self._changed.put_nowait(channel)
        while True:
            channel = await self._changed.get()
            status = stands(self._known[channel])
            if told.get(channel) != status:
                told[channel] = status
                await core.radio(channel, status)

    # For the services of a line.

    def managed(self) -> Management:
        """Raises NoNetwork while the box's own interface does not answer."""
        if self._management is None:
            raise NoNetwork(self._lost or "the gateway's own interface does not answer yet")
        return self._management

    def status(self, channel: ChannelId) -> RadioStatus:
        return stands(self._known[channel])


def _no_sip(peer: SipPeer | None) -> LineState | None:
    """A box without SIP of ours is not waited for."""
    return LineState(up=False, reason="no SIP is configured", since=0.0) if peer is None else None


def _why(error: TelecoreError) -> str:
    if isinstance(error, DeviceRefused):
        return f"its own interface refuses us: {error.text or error}"
    if isinstance(error, InvalidRequest):
        return f"its own interface is not set up as it could be: {error}"
    return f"its own interface does not answer: {error}"


async def _bounded(closing: Awaitable[None]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_LIMIT_S):
            await closing
