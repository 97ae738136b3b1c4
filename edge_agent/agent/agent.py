"""Builds every part of the edge agent, wires them, and runs them until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial

from edge_agent import __version__
from edge_agent.agent.core import EdgeCore
from edge_agent.agent.devices import Devices
from edge_agent.agent.housekeeping import Housekeeping
from edge_agent.agent.prepared import Prepared
from edge_agent.agent.pulse import Pulse
from edge_agent.agent.report import as_json
from edge_agent.agent.stages import STAGE_S, bounded
from edge_agent.agent.upkeep import Upkeep
from edge_agent.blobs import EdgeBlobs
from edge_agent.calls import Calls
from edge_agent.config import AgentConfig
from edge_agent.contracts import IncomingCall, VoiceService
from edge_agent.devices.registry import Site, channels_without_sim, look_at_sip, sip_strangers
from edge_agent.dispatcher import Dispatcher
from edge_agent.erasing import Erasing
from edge_agent.health.conditions import Snapshot
from edge_agent.inventory import Inventory
from edge_agent.joining import Joining
from edge_agent.listeners import Listener, listeners
from edge_agent.media.clock import MediaClock
from edge_agent.messages import Messages
from edge_agent.sims.keeper import Sims
from edge_agent.spool import Spool
from edge_agent.status import StatusServer
from edge_agent.supervise import Fall, reason, supervise
from edge_agent.updates.offers import Offers, Way, layout_of
from edge_agent.uplink import Uplink
from edge_agent.uplink.spending import Spending
from edge_agent.watchdog import Watchdog, notifier, period_s
from telecore.commands import Erase, SetSimHealth
from telecore.events import EdgeStarted, Event
from telecore.ids import ChannelId, Sha256, client_channel, new_id
from telecore.model import Clip
from telecore.notices import BlobHeld, BlobStored, BlobUnknown, Do, Heartbeat, Notice, UpdatesOffered
from telecore.steady import SteadyClock
from telecore.tunnel.link import MediaHandler

log = logging.getLogger(__name__)

_CLIP_WITHIN_S = 30.0
_GOODBYE_S = 1.0
_CONFIRMED_S = 10.0
_FALLEN_SHOWN_S = 600.0


class Agent:
    """One edge. ``run`` serves until ``stop`` is set."""

    def __init__(
        self,
        config: AgentConfig,
        site: Prepared,
        spool: Spool,
        blobs: EdgeBlobs,
        time_of_day: SteadyClock | None = None,
    ) -> None:
        self._time = time_of_day or SteadyClock(time.time, time.monotonic)
        self.instance = new_id()
        self._config = config
        self._identity = site.identity
        self._profiles = site.profiles
        self._site = site
        self._spool = spool
        self._blobs = blobs
        self._began = time.monotonic()
        self._spool_error: str | None = None
        self._refused = ""
        self._began_at = 0
        self._greeted = asyncio.Event()
        self._stopping = asyncio.Event()
        self._fallen: dict[str, tuple[float, str]] = {}
        self._stored: asyncio.Queue[Sha256] = asyncio.Queue()
        self._build()

    def _build(self) -> None:
        config, spool = self._config, self._spool
        self._clock = MediaClock()
        self._pulse = Pulse(self._heartbeat, self._notify)
        self.inventory = Inventory(busy=self._busy, changed=self._pulse.changed, wall=self._time.now)
        self._sims = Sims(spool, self.inventory, config.sims, wall=self._time.now)
        self._messages = Messages(
            spool,
            self.inventory,
            interval_s=config.limits.sms_interval_s,
            gate=self._sims,
            witness=self._sims,
            on_sent=self.inventory.sent,
            on_fall=self._on_fall,
            wall=self._time.date,
        )
        self._spending = Spending(
            config.cloud,
            spool,
            uplink=lambda: self._uplink,
        )
        self._calls = Calls(
            self._emit,
            self._notify,
            fetch=self._fetch,
            blobs=self._blobs,
            voice=self._voice,
            clock=self._clock,
            own_number=self.inventory.number,
            gate=self._sims,
            witness=self._sims,
            media=self,
            wall=self._time.date,
        )
        self._build_upkeep()
        self._erasing = Erasing(spool, self._blobs)
        self._dispatcher = Dispatcher(
            spool,
            self._messages,
            self._calls,
            channel=self.inventory.channel,
            known=self._known,
            extra={SetSimHealth: self._sims.set_health, Erase: self._erasing.perform, **self._upkeep.doers},
            live=self._calls.stays.doers,
            wall=self._time.date,
            told_time=self._told_time,
        )
        self._uplink = Uplink(
            self._identity.url,
            Joining(self._identity, config.data_dir, self._site.states),
            spool,
            self._dispatcher,
            self._blobs,
            on_notice=self._on_notice,
            greeting=self._greeting,
            on_link=self._on_link,
            on_refused=self._on_refused,
            urgent=lambda: bool(self._calls.live()),
            instance=self.instance,
            cloud=config.cloud,
            spent=self._spending.spent,
            may_send_bulk=self._spending.may_send_bulk,
            saves=self._spending.saves,
            on_traffic=self._spending.carried,
        )
        spool.on_append = self._uplink.wake
        self._updates = Offers(
            layout_of(os.environ),
            Way(self._uplink.fetch, self._uplink.stop_fetch, self._blobs.path, self._spending, self._blobs),
            tell=self._notify,
            busy=lambda: bool(self._calls.live()),
            registered=self.inventory.registered_channels,
            connected=lambda: self._uplink.connected,
        )
        self._build_devices()
        self._build_watchers()

    def _build_upkeep(self) -> None:
        self._upkeep = Upkeep(
            self._config,
            self._site,
            self._spool,
            self.inventory,
            self._clock,
            gate=self._sims,
            witness=self._sims,
            told=self._sims.account,
            tested=self._sims.self_tested,
            wall=self._time.now,
        )
        self._sims.on_sms = self._upkeep.accounts.sms_received

    def _build_devices(self) -> None:
        site = self._equipped = Site(
            self._identity.edge, self._profiles, self._config.pins, self._sims.pins, sip=self._config.sip
        )
        core = EdgeCore(
            self._spool,
            self._messages,
            self.inventory,
            self._incoming,
            on_radio=self._sims.radio,
            is_test=self._upkeep.self_test.takes_part,
            on_ussd=self._upkeep.accounts.ussd_received,
            without_sim=channels_without_sim(self._config.devices or (), site),
        )
        self._devices = Devices(
            self._config.devices, site, core, self.inventory, healing=self._config.healing, on_fall=self._on_fall
        )

    def _build_watchers(self) -> None:
        self._housekeeping = Housekeeping(
            self._spool, self._config.data_dir, self._snapshot, may_tidy=lambda: self._time.confirmed
        )
        self._watchdog = Watchdog(
            notifier(os.environ),
            self._spool.probe,
            period_s=period_s(os.environ),
            status=self._sentence,
            on_error=self._on_spool,
        )
        port = self._config.status.port
        self.status_server = StatusServer(port, self.status) if port is not None else None

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop``; then stage one ends intake and live calls, stage two closes devices and the tunnel."""
        self._began_at = self._spool.highest
        await self._spool.recover(EdgeStarted(instance=self.instance, version=__version__, platform=_platform()))
        await self._sims.load()  # before a modem opens: a PIN that was tried is not tried again
        self.inventory.set_sent(await self._spool.sent_since(self.inventory.midnight()))
        serving = asyncio.create_task(self._serve(), name="serve")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        try:
            self._watchdog.ready()
            log.info("listening on %s", "; ".join(map(str, self._listeners())))
            log.info("edge %s is running, version %s, instance %s", self._identity.edge, __version__, self.instance[:8])
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            self._watchdog.stopping()
            if not serving.done():
                log.info("stopping")
                await bounded("calls and messages", self._end_intake())
                await self._say_goodbye()
        finally:
            stopping.cancel()
            self._stopping.set()
            serving.cancel()
            await asyncio.wait({serving}, timeout=STAGE_S)
        if serving.done() and not serving.cancelled() and (error := serving.exception()) is not None:
            raise error

    async def _serve(self) -> None:
        parts: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("messages", self._send),
            ("calls", self._calls.run),
            ("commands", self._dispatcher.run),
            ("devices", self._devices.run),
            ("uplink", self._uplink.run),
            ("heartbeat", self._pulse.run),
            ("data", self._spending.run),
            ("health", self._housekeeping.run),
            ("watchdog", self._watchdog.run),
            ("blobs", self._forget_stored),
            ("erasing", self._erasing.run),
            ("sims", self._sims.run),
            ("updates", self._updates.run),
            *self._upkeep.parts(self._dispatcher.obey, partial(look_at_sip, self._equipped)),
        ]
        if self.status_server is not None:
            parts.append(("status", self.status_server.run))
        async with asyncio.TaskGroup() as group:
            for name, part in parts:
                running = supervise(name, part, stopping=self._stopping, on_fall=self._on_fall)
                group.create_task(running, name=name)

    async def _told_time(self, cloud: float) -> None:
        """The cloud's greeting says what time it is. The system's clock is left alone."""
        first = not self._time.confirmed
        behind_s = self._time.told(cloud)
        if not behind_s:
            return
        corrected = await self._spool.correct(self._began_at, behind_s) if first else 0
        log.warning("the clock was %.0f s behind the cloud's; %d events of this start corrected", behind_s, corrected)

    async def _send(self) -> None:
        """What an earlier process left is sent once the cloud has said that this spool is as new as it thinks, or soon:
        a copy of the whole data folder, put back, would send again what was sent."""
        if await self._spool.queued_sms():
            with suppress(TimeoutError):
                async with asyncio.timeout(_CONFIRMED_S):
                    await self._greeted.wait()
        await self._messages.run()

    async def _end_intake(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._calls.stop())
            group.create_task(self._messages.stop())

    async def _say_goodbye(self) -> None:
        """Give the last events, the ends of calls above all, a moment to be told."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                while self._uplink.connected and self._spool.depth:  # noqa: ASYNC110  (the street tells nobody)
                    await asyncio.sleep(0.02)

    async def _emit(self, event: Event) -> None:
        if self._spending.tells(event):
            await self._spool.append(event)

    def _notify(self, notice: Notice) -> bool:
        return self._uplink.notify(notice)

    def send_media(self, stream: int, payload: bytes) -> bool:
        """Sound for the cloud; the uplink is built after the calls that speak through it."""
        return self._uplink.send_media(stream, payload)

    def on_media(self, stream: int, handler: MediaHandler | None) -> None:
        """Who hears a stream of the tunnel."""
        self._uplink.on_media(stream, handler)

    def _busy(self, channel: ChannelId) -> int:
        return self._calls.busy(channel) + self._upkeep.self_test.busy(channel)

    def _incoming(self, call: IncomingCall) -> None:
        if not self._upkeep.self_test.takes_call(call):
            self._calls.incoming(call)

    async def _fetch(self, clip: Clip) -> None:
        await self._uplink.fetch(clip.sha256, clip.size, _CLIP_WITHIN_S)

    def _voice(self, channel: ChannelId) -> VoiceService | None:
        found = self.inventory.channel(channel)
        return found.voice if found else None

    def _on_notice(self, notice: Notice) -> None:
        if isinstance(notice, Do):
            self._dispatcher.do(notice)
        elif isinstance(notice, BlobStored):
            self._stored.put_nowait(notice.sha256)
        elif isinstance(notice, BlobUnknown):
            self._erasing.unknown(notice)
        elif isinstance(notice, UpdatesOffered):
            self._updates.offered(notice)

    async def _forget_stored(self) -> None:
        while True:
            await self._blobs.stored(await self._stored.get())

    def _known(self, channel: ChannelId) -> bool:
        """With ``devices: auto`` a modem may yet be found whose messages the cloud already sends."""
        found_later = self._config.devices is None and channel.startswith(f"{self._identity.edge}/")
        return found_later or channel == client_channel(self._identity.edge) or self.inventory.known(channel)

    def _greeting(self) -> Sequence[Notice]:
        return [
            self._heartbeat(),
            BlobHeld(self._blobs.held()),
            *self._calls.repeat(),
            self._calls.feeds.held,
            self._updates.stand(),
        ]

    def _on_link(self, up: bool) -> None:
        self._pulse.forget()
        self._calls.on_link(up)
        if up:
            self._greeted.set()
            self._refused = ""

    def _on_refused(self, why: str) -> None:
        self._refused = why

    def _on_fall(self, fall: Fall) -> None:
        if not fall.expected:
            self._fallen[fall.name] = (time.monotonic(), reason(fall.error))

    def _on_spool(self, error: str | None) -> None:
        self._spool_error = error

    def _heartbeat(self) -> Heartbeat:
        return Heartbeat(
            instance=self.instance,
            version=__version__,
            uptime_s=time.monotonic() - self._began,
            channels=self.inventory.statuses(),
            calls=self._calls.live(),
            spooled=self._spool.depth,
            data=self._spending.report(),
        )

    def _snapshot(self, disk_free: int | None) -> Snapshot:
        return Snapshot(
            wall=datetime.fromtimestamp(time.time(), UTC),
            clock_off_s=self._time.off_s,
            clock_guessed=self._time.guessed,
            certificate_ends=self._uplink.certificate_ends,
            channels=self.inventory.statuses(),
            tunnel_up=self._uplink.connected,
            refused=self._refused,
            spooled=self._spool.depth,
            spool_error=self._spool_error,
            quarantined=str(self._spool.quarantined) if self._spool.quarantined else None,
            forgotten=self._spool.forgotten,
            disk_free=disk_free,
            pins=frozenset(self._config.pins),
            fallen={name: why for name, (at, why) in self._fallen.items() if time.monotonic() - at < _FALLEN_SHOWN_S},
            limits=self._config.limits,
            sounds=self._calls.sounds(),
            reminders=self._upkeep.accounts.reminders(),
            outages=dict(self._sims.outages),
            flapping=self.inventory.flapping(),
            disks={disk.plug: disk.switch for disk in self._devices.disks},
            strangers=sip_strangers(self._equipped),
            data=self._spending.warnings(),
        )

    def status(self) -> dict[str, object]:
        """What the status page answers."""
        tunnel = {"connected": self._uplink.connected, "url": self._identity.url, "refused": self._refused}
        heartbeat = self._heartbeat()
        waiting = sum(self._messages.waiting(status.channel) for status in heartbeat.channels)
        told = as_json(self._identity.edge, heartbeat, tunnel, self._housekeeping.warnings.active, waiting)
        return {**told, "listens": [asdict(one) for one in self._listeners()]}

    def _listeners(self) -> Sequence[Listener]:
        """With the status page's real port, where any free one was wanted."""
        found = listeners(self._config, self._profiles)
        port = str(self.status_server.port) if self.status_server is not None else ""
        return [replace(one, ports=port) if one.because == "status.port" else one for one in found]

    def _sentence(self) -> str:
        statuses = self.inventory.statuses()
        ready = sum(self.inventory.registered(status.channel) for status in statuses)
        tunnel = "up" if self._uplink.connected else "down"
        return f"{ready} of {len(statuses)} channels registered, {len(self._calls.live())} calls, tunnel {tunnel}"


def _platform() -> str:
    here = os.uname()
    return f"{here.sysname} {here.machine} Python {'.'.join(map(str, sys.version_info[:3]))}"
