"""The edge's end of the tunnel: connect, greet, pump, reconnect for ever."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import random
import secrets
import ssl
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from edge_agent.config.cloud import CloudConfig, UplinkConfig
from edge_agent.joining import CloudNotProven, Joining
from edge_agent.tls import ends_at, make_context, pins_of
from edge_agent.uplink.line import AuthenticationRefused, Line, LineTimes, PutOff, open_line
from edge_agent.uplink.network import watch_network
from edge_agent.uplink.proxy import proxy_for, target_of
from edge_agent.uplink.reach import reach
from edge_agent.uplink.session import End, Session, Signals
from edge_agent.uplink.ways import Ways, WayTimes
from telecore.backoff import Policy, next_delay
from telecore.errors import TelecoreError, TimedOut, TunnelDown
from telecore.ids import Sha256
from telecore.notices import Notice
from telecore.tunnel.frames import ByeCode, Hello, Side
from telecore.tunnel.link import Link, MediaHandler, Sinks, Stores, Work
from telecore.tunnel.meter import Traffic
from telecore.tunnel.streets import BlobStore, Incoming, Outgoing

_LOG = logging.getLogger(__name__)
_HOPELESS = frozenset({ByeCode.SECOND_AGENT, ByeCode.VERSION, ByeCode.REFUSED})


@dataclass(frozen=True, slots=True)
class UplinkTimes:
    """Seconds. A session that lived for ``steady`` was a good one: after it the delays begin anew.

    ``other_way``: before another uplink is tried; ``network_changed``: for the cloud to answer after a change.
    """

    line: LineTimes = field(default_factory=LineTimes)
    greeting: float = 10.0
    coalesce: float = 0.005
    steady: float = 5.0
    refused: float = 60.0
    retry: Policy = Policy(first=0.4, factor=2.0, cap=60.0)
    urgent: Policy = Policy(first=0.4, factor=2.0, cap=1.0)
    other_way: float = 0.1
    network_changed: float = 5.0
    ways: WayTimes = field(default_factory=WayTimes)


class Uplink:
    """Carries the spool up and the outbox down. ``greeting`` are the notices said first after each greeting.

    ``urgent``: somebody waits on the line for the cloud's next page, so a fallen tunnel is tried again soon.
    ``cloud``: by which uplinks and proxy it is reached. ``spent``: names of uplinks whose budget is used up.
    ``may_send_bulk``: whether recordings may go up now. ``saves``: whether there is hardly any data left, so that
    the line is proved less often while there is no call. ``on_traffic`` hears what an uplink has carried.
    """

    def __init__(
        self,
        url: str,
        joining: Joining,
        outgoing: Outgoing,
        incoming: Incoming,
        blobs: BlobStore,
        *,
        on_notice: Callable[[Notice], None],
        greeting: Callable[[], Sequence[Notice]],
        on_link: Callable[[bool], None],
        on_refused: Callable[[str], None] = lambda reason: None,
        urgent: Callable[[], bool] = lambda: False,
        instance: str | None = None,
        times: UplinkTimes | None = None,
        tls: ssl.SSLContext | None = None,
        cloud: CloudConfig | None = None,
        spent: Callable[[], Collection[str]] = tuple,
        may_send_bulk: Callable[[], bool] = lambda: True,
        saves: Callable[[], bool] = lambda: False,
        on_traffic: Callable[[str, Traffic], None] = lambda uplink, traffic: None,
    ) -> None:
        self._url = url
        self._joining = joining
        self._stores = Stores(outgoing, incoming, blobs)
        self._on_notice = on_notice
        self._greeting = greeting
        self._on_link = on_link
        self._on_refused = on_refused
        self._urgent = urgent
        self.instance = instance or secrets.token_hex(8)
        self._times = times or UplinkTimes()
        self._tls = tls
        self._cloud = cloud = cloud or CloudConfig()
        self._proxy = cloud.proxy_url
        self._may_send_bulk = may_send_bulk
        self._saves = saves
        self._on_traffic = on_traffic
        self._ways = Ways(cloud.uplinks, self._times.ways, spent=spent, busy=urgent)
        self._media_handlers: dict[int, MediaHandler] = {}
        self._link: Link | None = None
        self._session: Session | None = None
        self._up = asyncio.Event()
        self._told = ""
        self._retry_now = asyncio.Event()
        self._network_changed = asyncio.Event()
        self.line: Line | None = None
        """The line that carries the tunnel."""
        self.certificate_ends: datetime | None = None
        """Of the certificate that the cloud, or the proxy before it, showed last."""

    @property
    def connected(self) -> bool:
        """Greeted, and not cut since."""
        return self._link is not None and self._link.up

    @property
    def by(self) -> str:
        """Which uplink carries the tunnel; empty when it is down, or the machine's routing decides."""
        return "" if self.line is None else self.line.uplink.name

    def notify(self, notice: Notice) -> bool:
        """Send at once; False, and nothing is kept, while the link is down."""
        sent = self._link is not None and self._link.notify(notice)
        if not sent and self._urgent():
            self.retry_now()
        return sent

    def wake(self) -> None:
        """The spool has new rows."""
        if self._link is not None:
            self._link.wake(Work.FEED)

    def retry_now(self) -> None:
        """The network changed: do not wait for the next attempt."""
        self._retry_now.set()

    def release_bulk(self) -> None:
        """Recordings may go up again."""
        if self._link is not None:
            self._link.wake(Work.LOAD)

    def count(self) -> None:
        """Tell ``on_traffic`` what was carried since the last time."""
        if self.line is not None:
            self._count(self.line)

    def _count(self, line: Line) -> None:
        line.look()
        traffic = line.meter.take()
        if traffic.total:
            self._on_traffic(line.uplink.name, traffic)

    def send_media(self, stream: int, payload: bytes) -> bool:
        """Queue one frame of sound; False while the link is down."""
        return self._session is not None and self._session.pump.send_media(stream, payload)

    def on_media(self, stream: int, handler: MediaHandler | None) -> None:
        """Hand the frames of ``stream`` to ``handler`` (sequence modulo 256, payload) from now on, or no more."""
        if handler is None:
            self._media_handlers.pop(stream, None)
            if self._link is not None:
                self._link.media.end(stream)
        else:
            self._media_handlers[stream] = handler

    async def fetch(self, sha256: Sha256, size: int, within_s: float) -> None:
        """Bring a blob into the store, over as many connections as it takes.

        Raises NotFound, TimedOut, TunnelDown when there was no connection at the end of the time, Busy when it cannot
        be kept here.
        """
        if await self._stores.blobs.size(sha256) is not None:
            return
        try:
            async with asyncio.timeout(within_s):
                while not await self._fetch_once(sha256, size):
                    pass
        except TimeoutError as error:
            what = f"blob {sha256[:12]} is not here after {within_s:g} s"
            if self.connected:
                raise TimedOut(what) from error
            raise TunnelDown(f"{what}: the tunnel is down") from error

    def stop_fetch(self, sha256: Sha256) -> None:
        """No more of that blob for now; what is here is gone on from."""
        if self._session is not None:
            self._session.stop_fetch(sha256)

    async def _fetch_once(self, sha256: Sha256, size: int) -> bool:
        await self._up.wait()
        if self._session is None:
            return False
        try:
            await self._session.fetch(sha256, size)
        except TunnelDown:
            return False
        return True

    def network_changed(self) -> None:
        """Addresses or routes are others: see at once whether the line still lives, or can be had again."""
        self._ways.changed()
        self.retry_now()
        self._network_changed.set()

    async def run(self) -> None:
        """Keep the tunnel up until cancelled. What a store raises comes out of here."""
        if self._tls is None and self._url.startswith("wss:"):
            # Reading the certificates takes long enough to be heard in a live call: once, and not in the loop.
            self._tls = await asyncio.to_thread(make_context, self._cloud)
        beside = [asyncio.create_task(watch_network(self.network_changed)), asyncio.create_task(self._check_lines())]
        try:
            await self._keep_up()
        finally:
            self._ways.close()
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)

    async def _keep_up(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            self._retry_now.clear()  # what is heard from here on, and before a line is open, is news to this attempt
            try:
                end = await self._connect_and_serve()
            except (AuthenticationRefused, CloudNotProven) as error:
                self._joining.refused()
                self._refused(str(error))
                await self._pause(self._times.refused)
                continue
            except PutOff as error:
                # Who names a moment was reached: delays that grow are for a cloud that is not.
                self._retry_now.clear()
                failures, end = 0 if error.after_s else failures, End("", str(error), error.after_s)
            except TunnelDown as error:
                end = End("", str(error))
            if end.code in _HOPELESS:
                if end.code == ByeCode.REFUSED:
                    self._joining.refused()
                self._refused(end.reason)
                await self._pause(self._times.refused)
                continue
            self._tell(logging.WARNING, "down", end.reason)
            failures = 1 if loop.time() - began >= self._times.steady else failures + 1
            policy = self._times.urgent if self._urgent() else self._times.retry
            delay = next_delay(policy, failures, random.random)
            if self._ways.at_once and not end.after:
                delay = min(delay, self._times.other_way)
            # What the cloud asks for already spreads its edges; the delay on top is for those it could not tell apart.
            await self._pause(end.after + delay)

    async def _check_lines(self) -> None:
        while True:
            await self._network_changed.wait()
            self._network_changed.clear()
            if self._session is not None:
                await self._session.check(self._times.network_changed)

    async def _pause(self, delay_s: float) -> None:
        try:
            async with asyncio.timeout(delay_s):
                await self._retry_now.wait()
        except TimeoutError:
            return

    async def _open(self, uplink: UplinkConfig) -> Line:
        headers, line = await self._joining.headers(), self._times.line
        return await open_line(
            self._url, headers, line, self._tls, uplink=uplink, proxy=self._proxy, pins=pins_of(self._cloud)
        )

    async def _reachable(self, uplink: UplinkConfig) -> bool:
        """Whether the cloud, or the proxy before it, takes a connection by this uplink."""
        try:
            host, port = target_of(self._url)
            sock = await reach(host, port, uplink, proxy_for(self._url, self._proxy, os.environ), self._times.line.open)
        except TelecoreError:
            return False
        sock.close()
        return True

    async def _connect_and_serve(self) -> End:
        line = await self._ways.open(self._open)
        self.certificate_ends = ends_at(line.certificate)
        try:
            proof = await self._joining.first_words(line.sent, line.headers, _sha256(line.certificate))
        except BaseException:
            await line.close()
            raise
        edge = self._joining.identity.edge
        signals = Signals()
        sinks = Sinks(
            on_notice=self._on_notice,
            on_greeted=self._greeted,
            on_over=signals.bye,
            on_strange=lambda what: _LOG.warning("ignored from the cloud: %s", what),
            wake=signals.wake,
            admit=_admit,
        )
        loop = asyncio.get_running_loop()
        link = Link(Side.EDGE, edge, self._stores, sinks, instance=self.instance, clock=loop.time)
        link.media_handlers = self._media_handlers
        link.served.may_send = self._may_send_bulk
        watch = partial(line.watch, self._times.line, lambda: self._saves() and not self._urgent())
        session = Session(line, link, signals, self._times.coalesce, watch)
        self._link, self._session, self.line = link, session, line
        began = loop.time()
        moving = asyncio.create_task(self._move(session, line.uplink))
        try:
            return await session.run(self._times.greeting, "the agent is stopping", proof, self._joining.welcome)
        finally:
            moving.cancel()
            self._retry_now.clear()
            self._count(line)
            self._down()
            self._ways.ended(line.uplink, steady=loop.time() - began >= self._times.steady)

    async def _move(self, session: Session, uplink: UplinkConfig) -> None:
        """To a preferred uplink, when one is well again: its line is open before this one ends."""
        if len(self._ways.choice.uplinks) > 1:
            better = await self._ways.prepare_better(uplink, self._open, self._reachable)
            session.move(f"the edge moves from {uplink.name} to {better.name}")

    def _greeted(self, peer: Hello) -> None:
        self._tell(logging.INFO, "up", "")
        self._up.set()
        for notice in self._greeting():
            self.notify(notice)
        self._on_link(True)

    def _down(self) -> None:
        was_up = self._up.is_set()
        self._up.clear()
        self._link = self._session = self.line = None
        if was_up:
            self._on_link(False)

    def _refused(self, reason: str) -> None:
        self._tell(logging.ERROR, "refused", reason)
        self._on_refused(reason)

    def _tell(self, level: int, state: str, reason: str) -> None:
        """Log a state once, however often it is reached in a row."""
        if state != self._told:
            self._told = state
            _LOG.log(level, "tunnel to %s is %s%s", self._url, state, f": {reason}" if reason else "")


def _sha256(certificate: bytes) -> str:
    return hashlib.sha256(certificate).hexdigest() if certificate else ""


async def _admit(hello: Hello) -> str | None:
    return None
