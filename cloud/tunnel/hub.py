"""The tunnel's server: authenticates edges, keeps one live session for each, and speaks to them by name."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from cloud.tunnel.keys import Failures, read_authorization
from cloud.tunnel.line import Line, LineTimes, Rejection, listen
from cloud.tunnel.session import EdgeSession, End, Signals
from telecore.errors import TimedOut, Transient, TunnelDown
from telecore.ids import EdgeId, Sha256
from telecore.notices import Notice
from telecore.tunnel.frames import ByeCode, Hello, Side
from telecore.tunnel.link import Link, MediaHandler, Sinks, Stores, Work
from telecore.tunnel.streets import BlobStore, Incoming, Outgoing

_LOG = logging.getLogger(__name__)
_ANOTHER = "another agent uses this key"


@dataclass(frozen=True, slots=True)
class HubTimes:
    """Seconds. ``alive`` is how long the old agent has to answer when a new one comes with its key."""

    line: LineTimes = field(default_factory=LineTimes)
    greeting: float = 10.0
    coalesce: float = 0.005
    alive: float = 3.0
    replace: float = 10.0


@dataclass(frozen=True, slots=True)
class _Guest:
    """A session that was let in."""

    session: EdgeSession
    link: Link


class Hub:
    """``authenticate`` says whether a key is an edge's; the rest are the stores and ears of each edge."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        authenticate: Callable[[EdgeId, str], Awaitable[bool]],
        outgoing: Callable[[EdgeId], Outgoing],
        incoming: Callable[[EdgeId], Incoming],
        blobs: BlobStore,
        on_notice: Callable[[EdgeId, Notice], None],
        on_link: Callable[[EdgeId, bool], None],
        times: HubTimes | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._address = (host, port)
        self._authenticate = authenticate
        self._outgoing = outgoing
        self._incoming = incoming
        self._blobs = blobs
        self._on_notice = on_notice
        self._on_link = on_link
        self._times = times or HubTimes()
        self._tls = tls
        self._guests: dict[EdgeId, _Guest] = {}
        self._doors: defaultdict[EdgeId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._media_handlers: defaultdict[EdgeId, dict[int, MediaHandler]] = defaultdict(dict)
        self._failures = Failures()
        self._told: dict[EdgeId, str] = {}
        self._port = port
        self._ready = asyncio.Event()

    @property
    def port(self) -> int:
        """Where it listens; the real one once ``ready``."""
        return self._port

    async def ready(self) -> None:
        """Wait until edges can connect."""
        await self._ready.wait()

    async def run(self) -> None:
        """Serve until cancelled; then every edge is told."""
        host, port = self._address
        door = listen(host, port, door=self._door, serve_line=self._serve, times=self._times.line, tls=self._tls)
        async with door as self._port:
            _LOG.info("tunnel hub listens on %s port %d", host, self._port)
            self._ready.set()
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._ready.clear()
                for guest in list(self._guests.values()):
                    guest.link.leave(ByeCode.SHUTDOWN, "the cloud is stopping")

    def edges(self) -> list[EdgeId]:
        """Those that are connected now."""
        return [edge for edge in self._guests if self.connected(edge)]

    def connected(self, edge: EdgeId) -> bool:
        guest = self._guests.get(edge)
        return guest is not None and guest.link.up

    def notify(self, edge: EdgeId, notice: Notice) -> bool:
        """Send at once; False, and nothing is kept, when the edge is not connected."""
        guest = self._guests.get(edge)
        return guest is not None and guest.link.notify(notice)

    def wake(self, edge: EdgeId) -> None:
        """The outbox of this edge has new rows."""
        guest = self._guests.get(edge)
        if guest is not None:
            guest.link.wake(Work.FEED)

    def send_media(self, edge: EdgeId, stream: int, payload: bytes) -> bool:
        """Queue one frame of sound; False when the edge is not connected."""
        guest = self._guests.get(edge)
        return guest is not None and guest.session.pump.send_media(stream, payload)

    def on_media(self, edge: EdgeId, stream: int, handler: MediaHandler | None) -> None:
        """Hand the frames of an edge's ``stream`` to ``handler`` (sequence modulo 256, payload), or no more."""
        if handler is not None:
            self._media_handlers[edge][stream] = handler
            return
        self._media_handlers[edge].pop(stream, None)
        guest = self._guests.get(edge)
        if guest is not None:
            guest.link.media.end(stream)

    async def fetch(self, edge: EdgeId, sha256: Sha256, size: int, within_s: float) -> None:
        """Bring a blob of an edge into the store. Raises NotFound, TimedOut, Busy, TunnelDown.

        After TunnelDown the bytes that came are kept; the next fetch goes on from there.
        """
        guest = self._guests.get(edge)
        if guest is None or not guest.link.up:
            raise TunnelDown(f"edge {edge} is not connected")
        try:
            async with asyncio.timeout(within_s):
                await guest.session.fetch(sha256, size)
        except TimeoutError as error:
            raise TimedOut(f"blob {sha256[:12]} of edge {edge} is not here after {within_s:g} s") from error

    async def _door(self, authorization: str, address: str) -> EdgeId | Rejection:
        now = asyncio.get_running_loop().time()
        wait_s = self._failures.wait_s(address, now)
        if wait_s > 0:
            after = (("Retry-After", str(int(wait_s) + 1)),)
            return Rejection(429, f"too many wrong keys from {address}: come back in {wait_s:.0f} s", after)
        credentials = read_authorization(authorization)
        if credentials is not None and await self._authenticate(*credentials):
            return credentials[0]
        if self._failures.add(address, now):
            _LOG.warning("edge %s at %s is refused: no such key", credentials[0] if credentials else "(none)", address)
        why = "this edge is not enrolled, or this is not its key" if credentials else "expected: Bearer <edge>:<key>"
        return Rejection(401, why, (("WWW-Authenticate", "Bearer"),))

    async def _serve(self, line: Line, edge: EdgeId) -> None:
        signals = Signals()
        guests: list[_Guest] = []

        async def admit(hello: Hello) -> str | None:
            return await self._admit(edge, guests[0], hello)

        sinks = Sinks(
            on_notice=lambda notice: self._on_notice(edge, notice),
            on_greeted=lambda hello: self._greeted(edge, hello),
            on_over=signals.bye,
            on_strange=lambda what: _LOG.warning("ignored from edge %s: %s", edge, what),
            wake=signals.wake,
            admit=admit,
        )
        stores = Stores(self._outgoing(edge), self._incoming(edge), self._blobs)
        link = Link(Side.CLOUD, edge, stores, sinks, instance="", clock=asyncio.get_running_loop().time)
        link.media_handlers = self._media_handlers[edge]
        session = EdgeSession(line, link, signals, self._times.coalesce)
        guests.append(_Guest(session, link))
        end = End("", "the session failed")
        try:
            end = await session.run(self._times.greeting, "the cloud is stopping")
        except (Transient, OSError) as error:
            _LOG.error("the session of edge %s fell: %s", edge, error)
        finally:
            self._gone(edge, guests[0], end.reason)
            if end.code == ByeCode.FAULT and not link.was_greeted:
                self._tell(edge, f"not let in: {end.reason}", logging.WARNING)

    async def _admit(self, edge: EdgeId, guest: _Guest, hello: Hello) -> str | None:
        """One live session per edge: a process that answers is not displaced by another."""
        async with self._doors[edge]:
            old = self._guests.get(edge)
            if old is not None:
                if old.session.instance != hello.instance and await old.session.answers(self._times.alive):
                    self._tell(edge, f"a second agent is refused: {hello.instance}", logging.ERROR)
                    return _ANOTHER
                await self._displace(edge, old)
            self._guests[edge] = guest
            return None

    async def _displace(self, edge: EdgeId, old: _Guest) -> None:
        try:
            await old.session.replace(self._times.replace)
        except TimeoutError:
            _LOG.error("the earlier session of edge %s does not end; it is left behind", edge)
        self._gone(edge, old, "replaced")

    def _greeted(self, edge: EdgeId, hello: Hello) -> None:
        self._tell(edge, "connected", logging.INFO)
        self._on_link(edge, True)

    def _gone(self, edge: EdgeId, guest: _Guest, reason: str) -> None:
        if self._guests.get(edge) is not guest:
            return
        del self._guests[edge]
        if guest.link.was_greeted:
            self._tell(edge, f"disconnected: {reason}", logging.INFO)
            self._on_link(edge, False)

    def _tell(self, edge: EdgeId, state: str, level: int) -> None:
        """Log a state of an edge once, however often it is reached in a row."""
        if self._told.get(edge) != state:
            self._told[edge] = state
            _LOG.log(level, "edge %s: %s", edge, state)
