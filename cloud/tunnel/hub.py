"""The tunnel's server: authenticates edges, keeps one live session for each, and speaks to them by name."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace

from cloud.store.rows import now
from cloud.tunnel.crowd import Crowd
from cloud.tunnel.doorkeeper import CLONED, Doorkeeper, NotLetIn
from cloud.tunnel.entrance import Entrance, Proven, named
from cloud.tunnel.line import Admission, Line, LineTimes, Rejection, listen
from cloud.tunnel.session import EdgeSession, End, Signals
from telecore.errors import TimedOut, Transient, TunnelDown
from telecore.ids import EdgeId, Sha256
from telecore.notices import Detail, Heartbeat, Notice
from telecore.tunnel.frames import Bye, ByeCode, Hello, Side, encode
from telecore.tunnel.link import Link, MediaHandler, Sinks, Stores, Work
from telecore.tunnel.streets import BlobStore, Incoming, Outgoing

_LOG = logging.getLogger(__name__)
_BROKEN = ("closed with 1002", "closed with 1007", "closed with 1009")
"""What the library closes with by itself (RFC 6455 §7.4.1): rules, text, size."""
_ANOTHER = "another agent uses this key"
_SHUT_OUT = "this edge was shut out, or another device has enrolled as it, while this one came in"


@dataclass(frozen=True, slots=True)
class HubTimes:
    """Seconds. ``alive`` is how long the old agent has to answer when a new one comes with its key.

    ``proof``: from the open WebSocket to the edge's first message. ``look``: between two looks at who is shut out.
    ``back``: how long edges stay away at least when we stop. They are to come back so many a second: ``returns``.
    """

    line: LineTimes = field(default_factory=LineTimes)
    proof: float = 5.0
    look: float = 1.0
    greeting: float = 10.0
    coalesce: float = 0.005
    alive: float = 3.0
    replace: float = 10.0
    back: float = 3.0
    returns: float = 1000.0


async def _nobody(edge: EdgeId, key: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class _Guest:
    """A session that was let in."""

    session: EdgeSession
    link: Link


class Hub:
    """``keeper`` says who may come in; without one ``authenticate`` says whether a bearer key is an edge's.

    The rest are the stores and ears of each edge.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        authenticate: Callable[[EdgeId, str], Awaitable[bool]] = _nobody,
        keeper: Doorkeeper | None = None,
        tell_refused: Callable[[str, str, str], None] | None = None,
        outgoing: Callable[[EdgeId], Outgoing],
        incoming: Callable[[EdgeId], Incoming],
        blobs: BlobStore,
        on_notice: Callable[[EdgeId, Notice], None],
        on_link: Callable[[EdgeId, bool], None],
        times: HubTimes | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._address = (host, port)
        self._entrance = Entrance(authenticate, keeper, tell_refused)
        self._keeper = keeper
        self._outgoing = outgoing
        self._incoming = incoming
        self._blobs = blobs
        self._on_notice = on_notice
        self._on_link = on_link
        self._times = times or HubTimes()
        self._tls = tls
        self._guests: dict[EdgeId, _Guest] = {}
        self._doors: defaultdict[EdgeId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._shut_out: Counter[EdgeId] = Counter()
        """How often each edge was shut out: who was on his way in at such a moment does not get in any more."""
        self._media_handlers: defaultdict[EdgeId, dict[int, MediaHandler]] = defaultdict(dict)
        self._writing: set[asyncio.Task[None]] = set()
        self._crowd = Crowd(time.monotonic)
        self._told: dict[EdgeId, str] = {}
        self._shut = False
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
        door = listen(
            host,
            port,
            door=self._ask,
            serve_line=self._serve,
            times=self._times.line,
            tls=self._tls,
            on_silent=self._entrance.silent,
        )
        async with door as self._port:
            _LOG.info("tunnel hub listens on %s port %d", host, self._port)
            self._ready.set()
            try:
                await self._watch()
            finally:
                self._ready.clear()
                self._send_home()

    def _send_home(self) -> None:
        """Every edge is told when to come back, each at another moment, so that they do not come as one."""
        spread = len(self._guests) / self._times.returns
        for guest in list(self._guests.values()):
            after = self._times.back + random.random() * spread
            guest.link.leave(ByeCode.SHUTDOWN, "the cloud is stopping", round(after, 3))

    async def _watch(self) -> None:
        """Cut whoever was shut out by another process than this, for ever."""
        while True:
            await asyncio.sleep(self._times.look)
            if self._keeper is None:
                continue
            await self._keeper.tend_keys()
            before = dict(self._guests)
            if not before:
                continue
            try:
                shut = await self._keeper.shut()
            except Transient as error:
                _LOG.warning("who is shut out is not known now: %s", error)
                continue
            for edge, why in shut.items():
                # Who came meanwhile may have been forgiven since; the next look tells.
                if edge in before and self._guests.get(edge) is before[edge]:
                    self._cut(edge, why)

    def shut_out(self, edge: EdgeId, why: str) -> None:
        """Cut the edge's tunnel, if it has one, and those that are on their way in."""
        self._shut_out[edge] += 1
        self._cut(edge, why)

    def _cut(self, edge: EdgeId, why: str) -> None:
        guest = self._guests.get(edge)
        if guest is not None and not guest.link.protocol.over:
            _LOG.warning("the tunnel of edge %s is cut: %s", edge, why)
            guest.link.leave(ByeCode.REFUSED, why)

    def refused(self) -> dict[str, int]:
        """How many were not let in, by the reason in one word."""
        return dict(self._entrance.refused)

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

    async def _ask(self, headers: Mapping[str, str], address: str) -> Admission | Rejection:
        """Who is known may come in, unless too many do at once: then nobody is even asked who he is."""
        later_s = self._crowd.full(named(headers))
        if not later_s:
            try:
                before = self._shut_out[EdgeId(named(headers))]
                answer = await self._entrance.ask(headers, address)
            except (Transient, OSError) as error:
                self._closes(error)
                return Rejection(503, "who comes in cannot be looked up now")
            later_s = self._crowd.enters(answer.edge) if isinstance(answer, Admission) else 0
            if not later_s:
                return replace(answer, shut_out=before) if isinstance(answer, Admission) else answer
        return Rejection(503, "too many edges come at once", (("Retry-After", str(later_s)),))

    def _closes(self, error: Exception) -> None:
        """Said once, however many come until somebody gets in again."""
        if not self._shut:
            self._shut = True
            _LOG.error("edges cannot be let in now: %s", error)

    async def _serve(self, line: Line, admission: Admission) -> None:
        edge = admission.edge
        proven: Proven | None = None
        if admission.challenge is None:
            line.trust()
        else:
            try:
                proven = await self._entrance.prove(line, admission.challenge, self._times.proof)
            except NotLetIn as error:
                self._crowd.gone(edge)
                await self._turn_away(line, edge, error)
                return
            except (Transient, OSError) as error:
                self._crowd.gone(edge)
                self._closes(error)
                await line.close()
                return
        signals, address = Signals(), line.address
        guests: list[_Guest] = []

        async def admit(hello: Hello) -> str | None:
            return await self._admit(admission, guests[0], hello)

        def greeted(hello: Hello) -> None:
            if proven is not None:
                self._spawn(self._confirm(proven))
            self._greeted(edge, hello)

        sinks = Sinks(
            on_notice=lambda notice: self._hear(edge, line, notice),
            on_greeted=greeted,
            on_over=signals.bye,
            on_strange=lambda what: _LOG.warning("ignored from edge %s: %s", edge, what),
            wake=signals.wake,
            admit=admit,
        )
        stores = Stores(self._outgoing(edge), self._incoming(edge), self._blobs)
        link = Link(
            Side.CLOUD,
            edge,
            stores,
            sinks,
            instance="",
            clock=asyncio.get_running_loop().time,
            time_ms=round(now().timestamp() * 1000),
        )
        link.media_handlers = self._media_handlers[edge]
        session = EdgeSession(line, link, signals, self._times.coalesce, proven.waiting if proven else None)
        guests.append(_Guest(session, link))
        end = End("", "the session failed")
        try:
            end = await session.run(self._times.greeting, "the cloud is stopping")
        except (Transient, OSError) as error:
            _LOG.error("the session of edge %s fell: %s", edge, error)
        finally:
            self._gone(edge, guests[0], end.reason)
            if end.code == ByeCode.FAULT or end.reason.startswith(_BROKEN):
                self._entrance.count(edge, address, "broke_rules", end.reason)
            if end.code == ByeCode.FAULT and not link.was_greeted:
                self._tell(edge, f"not let in: {end.reason}", logging.WARNING)

    def _hear(self, edge: EdgeId, line: Line, notice: Notice) -> None:
        """An edge that has hardly any data left, and no call, is asked for signs of life as seldom as it asks us."""
        if isinstance(notice, Heartbeat):
            if notice.data is not None:
                line.saves = notice.data.detail is Detail.ESSENTIAL
            line.be_quiet(line.saves and not notice.calls)
        self._on_notice(edge, notice)

    async def _turn_away(self, line: Line, edge: EdgeId, error: NotLetIn) -> None:
        self._entrance.refuse(edge, line.address, error.why, error.message)
        if error.why == CLONED:
            self.shut_out(edge, error.message)
        line.send([encode(Bye(ByeCode.REFUSED, error.message))])
        await line.close()

    async def _confirm(self, proven: Proven) -> None:
        try:
            await self._entrance.confirm(proven)
        except Transient as error:
            # Nothing is lost: the edge shows it at its next join.
            _LOG.warning("edge %s: that it has joined is not written: %s", proven.edge, error)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _admit(self, admission: Admission, guest: _Guest, hello: Hello) -> str | None:
        """One live session per edge: a process that answers is not displaced by another."""
        edge = admission.edge
        async with self._doors[edge]:
            old = self._guests.get(edge)
            if old is not None and self._shut_out[edge] == admission.shut_out:
                if old.session.instance != hello.instance and await old.session.answers(self._times.alive):
                    self._tell(edge, f"a second agent is refused: {hello.instance}", logging.ERROR)
                    return _ANOTHER
                await self._displace(edge, old)
            if self._shut_out[edge] != admission.shut_out:
                self._tell(edge, f"not let in: {_SHUT_OUT}", logging.WARNING)
                guest.link.leave(ByeCode.REFUSED, _SHUT_OUT)
                return _SHUT_OUT
            self._guests[edge] = guest
            return None

    async def _displace(self, edge: EdgeId, old: _Guest) -> None:
        try:
            await old.session.replace(self._times.replace)
        except TimeoutError:
            _LOG.error("the earlier session of edge %s does not end; it is left behind", edge)
        self._gone(edge, old, "replaced")

    def _greeted(self, edge: EdgeId, hello: Hello) -> None:
        self._crowd.greeted(edge)
        self._shut = False
        self._tell(edge, "connected", logging.INFO)
        self._on_link(edge, True)

    def _gone(self, edge: EdgeId, guest: _Guest, reason: str) -> None:
        if not guest.link.was_greeted:
            self._crowd.gone(edge)
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
