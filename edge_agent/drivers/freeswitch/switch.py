"""A FreeSWITCH as a Device: its trunks are the channels. Commanded by its event socket, heard by SIP on loopback."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol

from edge_agent.contracts import Channel, Core, Heal, IncomingCall, RadioStatus, VoiceEventKind
from edge_agent.drivers.freeswitch.call import FreeswitchCall
from edge_agent.drivers.freeswitch.dial_string import check_trunk
from edge_agent.drivers.freeswitch.event_socket import EventSocket
from edge_agent.drivers.freeswitch.event_text import EslMessage
from edge_agent.drivers.freeswitch.replies import (
    EVENTS,
    LegNews,
    gateway_changed,
    gateway_told,
    leg_news,
    radio_of,
    read_version,
)
from edge_agent.drivers.freeswitch.settings import FreeswitchSettings, peer_of
from edge_agent.drivers.freeswitch.trunk import Legs, Trunk
from edge_agent.drivers.sip.peer import LineState, PeerEvents, SipPeer
from edge_agent.drivers.sip.stack import SipStack
from edge_agent.drivers.together import together
from telecore.errors import DeviceLost, DeviceRefused, TimedOut
from telecore.ids import ChannelId
from telecore.model import ChannelState, DeviceIdentity

log = logging.getLogger(__name__)

SUPPORTED = ("1.10.", "1.11.")


class Peer(Legs, Protocol):
    """Our SIP towards FreeSWITCH (``SipPeer``)."""

    async def open(self) -> None: ...
    def run(self, events: PeerEvents) -> Coroutine[None, None, None]: ...
    async def close(self) -> None: ...


def on_stack(settings: FreeswitchSettings, stack: SipStack) -> FreeswitchDevice:
    """The device, with a SIP peer of its own on this stack. Raises InvalidRequest for settings that cannot be."""
    return FreeswitchDevice(
        settings, SipPeer(stack, peer_of(settings)), lambda: f"{stack.settings.listen}:{stack.port}"
    )


class FreeswitchDevice:
    """One object lives for one opening. ``listen`` gives our SIP address as FreeSWITCH calls it (``host:port``), asked
    once the peer is open.
    """

    def __init__(self, settings: FreeswitchSettings, peer: Peer, listen: Callable[[], str]) -> None:
        for trunk in settings.trunks:
            check_trunk(trunk.gateway, trunk.dial_string)
        self.id = settings.device
        self.identity = DeviceIdentity("SignalWire", "FreeSWITCH", "", port=f"{settings.host}:{settings.port}")
        self.channels: Sequence[Channel] = ()
        self._settings = settings
        self._peer = peer
        self._listen = listen
        self._socket: EventSocket | None = None
        self._trunks: dict[str, Trunk] = {}
        self._calls: dict[str, FreeswitchCall] = {}
        self._stale = asyncio.Event()
        """Some trunk may stand otherwise than was told."""
        self._ask = False

    async def open(self) -> None:
        """See ``contracts.Device``. Calls that an earlier process of ours left are hung up."""
        opened = False
        try:
            await self._open()
            opened = True
        finally:
            if not opened:
                await self.close()

    async def run(self, core: Core) -> None:
        """See ``contracts.Device``. Ends with DeviceLost."""
        socket = self._opened()
        told = _Told(core)
        try:
            await together(
                _until_lost(socket),
                self._watch_trunks(told),
                self._peer.run(_FromPeer(core, told, self._stale)),
            )
        finally:
            for trunk in self._trunks.values():
                trunk.abandon()

    async def heal(self, step: Heal) -> str:
        """See ``contracts.Device``."""
        raise DeviceRefused("error", None, f"{step.value}: a FreeSWITCH is restarted by the machine it runs on")

    async def close(self) -> None:
        """See ``contracts.Device``."""
        for trunk in self._trunks.values():
            trunk.abandon()
        socket, self._socket = self._socket, None
        await self._peer.close()
        if socket is not None:
            await socket.close()

    async def _open(self) -> None:
        settings = self._settings
        socket = self._socket = EventSocket(settings.host, settings.port, settings.password, self._take)
        await socket.open()
        version = read_version(await socket.api("version short"))
        if not version:
            raise DeviceLost("FreeSWITCH is still starting")
        if not version.startswith(SUPPORTED):
            log.warning("%s: FreeSWITCH %s was never tried with this agent", self.id, version)
        self.identity = DeviceIdentity("SignalWire", "FreeSWITCH", version, port=self.identity.port)
        await self._peer.open()
        listen = self._listen()
        await socket.api(f"hupall MANAGER_REQUEST simferry {listen}")
        await socket.command(f"event plain {EVENTS}")
        self._trunks = {
            trunk.gateway: Trunk(settings, trunk, socket=socket, legs=self._peer, listen=listen, calls=self._calls)
            for trunk in settings.trunks
        }
        for trunk in self._trunks.values():
            await trunk.refresh()
        self.channels = tuple(
            Channel(
                trunk.settings.channel,
                radio=trunk,
                voice=trunk,
                numbers=trunk.settings.numbers,
                capacity=trunk.settings.max_calls,
            )
            for trunk in self._trunks.values()
        )

    def _opened(self) -> EventSocket:
        if self._socket is None:
            raise DeviceLost("not open")
        return self._socket

    async def _watch_trunks(self, told: _Told) -> None:
        """Tell how each trunk stands, at once and on each change; asked now and then, which also is the keep-alive."""
        while True:
            self._stale.clear()
            for trunk in self._trunks.values():
                await told.trunk(trunk)
            try:
                async with asyncio.timeout(self._settings.poll_s):
                    await self._stale.wait()
            except TimeoutError:
                self._ask = True
            if self._ask:
                self._ask = False
                await self._refresh()

    async def _refresh(self) -> None:
        try:
            for trunk in self._trunks.values():
                await trunk.refresh()
        except TimedOut as error:
            raise DeviceLost(str(error)) from error

    def _take(self, event: EslMessage) -> None:
        news = leg_news(event)
        if news is not None:
            self._take_leg(news)
        elif gateway := gateway_told(event):
            trunk = self._trunks.get(gateway.name)
            if trunk is not None:
                trunk.gateway = gateway
                self._stale.set()
        elif gateway_changed(event) in self._trunks:
            self._ask = True
            self._stale.set()

    def _take_leg(self, news: LegNews) -> None:
        call = self._calls.get(news.uuid)
        if call is None:
            return
        if news.kind is VoiceEventKind.ENDED:
            call.over(news.cause)
        elif news.uuid == call.theirs:
            call.told(news.kind)


class _Told:
    """What the core was told of each channel, so that it is told changes only."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._lines: dict[ChannelId, LineState] = {}
        self._last: dict[ChannelId, RadioStatus] = {}

    def line(self, channel: ChannelId, state: LineState) -> None:
        if state.since > 0:  # before, nothing was seen of it, good or bad
            self._lines[channel] = state

    async def trunk(self, trunk: Trunk) -> None:
        channel = trunk.settings.channel
        status = radio_of(trunk.gateway)
        line = self._lines.get(channel)
        if line is not None and not line.up:
            status = RadioStatus(ChannelState.FAULTY, reason=f"SIP with FreeSWITCH: {line.reason}")
        if self._last.get(channel) != status:
            self._last[channel] = status
            await self._core.radio(channel, status)


class _FromPeer:
    """What our SIP hears from FreeSWITCH: the calls that come in by its trunks."""

    def __init__(self, core: Core, told: _Told, stale: asyncio.Event) -> None:
        self._core = core
        self._told = told
        self._stale = stale

    def incoming(self, call: IncomingCall) -> None:
        self._core.incoming(call)

    def line_changed(self, channel: ChannelId, state: LineState) -> None:
        self._told.line(channel, state)
        self._stale.set()

    async def message(self, channel: ChannelId, key: str, sender: str, body: str) -> None:
        """FreeSWITCH passes no messages on: nothing is acknowledged that nobody keeps."""
        raise DeviceRefused("sip", 405, "no messages by this trunk")


async def _until_lost(socket: EventSocket) -> None:
    raise DeviceLost(str(await asyncio.shield(socket.lost)))
