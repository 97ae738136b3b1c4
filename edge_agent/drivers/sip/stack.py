"""One listening SIP address of a site, shared by its devices."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine

from edge_agent.drivers.sip.call_needs import DialogOwner
from edge_agent.drivers.sip.endpoint import Endpoint
from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.intake import FarEnd, Intake
from edge_agent.drivers.sip.layer import COOKIE, TransactionLayer
from edge_agent.drivers.sip.limits import Stranger
from edge_agent.drivers.sip.media import MediaPorts
from edge_agent.drivers.sip.message import Request, Response
from edge_agent.drivers.sip.settings import SipSettings, Transport
from edge_agent.drivers.sip.transaction import ClientUser, Intervals, ServerUser, Transaction
from telecore.errors import DeviceLost

log = logging.getLogger(__name__)

USER_AGENT = "Simferry"
_CLOSE_S = 2.0


class SipStack:
    """Opened by each of its peers; the first opening binds, the last closing lets go.

    ``media`` None: RTP on ports of the settings. ``clock`` gives seconds that only go forward, ``rng`` is what tags and
    branches are made of, ``intervals`` the timers of RFC 3261 §17.
    """

    def __init__(
        self,
        settings: SipSettings,
        media: MediaPorts | None = None,
        *,
        clock: Callable[[], float] | None = None,
        rng: random.Random | None = None,
        intervals: Intervals | None = None,
    ) -> None:
        self.settings = settings
        self.on_stranger: Callable[[str, str], None] = _ignore
        """Told of an address and what it tried, at most once a minute for each address."""
        self.rng = rng or random.SystemRandom()
        self._given_media = media
        self._media = media
        self._clock = clock
        self._intervals = intervals or Intervals()
        self._users = 0
        self._opening = asyncio.Lock()
        self._endpoint: Endpoint | None = None
        self._layer = TransactionLayer(self._send, self._intervals)
        self._intake = Intake(
            settings, self._layer, self._send, now=self.now, on_stranger=self._stranger, tag=self.token
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0

    # for devices

    async def open(self) -> None:
        """Raises DeviceLost when the address cannot be bound."""
        async with self._opening:
            if self._endpoint is None:
                endpoint = Endpoint(self.settings, self._take)
                await endpoint.open()
                self._endpoint = endpoint
                self._media = self._given_media or _rtp(self.settings)
            self._users += 1

    async def close(self) -> None:
        """Never raises."""
        async with self._opening:
            self._users = max(0, self._users - 1)
            if self._users == 0 and self._endpoint is not None:
                await self._shut(self._endpoint)

    @property
    def port(self) -> int:
        """The UDP port, also where the settings say 0."""
        return self._endpoint.port if self._endpoint is not None else self.settings.port

    @property
    def listening(self) -> bool:
        """Whether the address is ours just now."""
        return self._endpoint is not None

    @property
    def tls_port(self) -> int | None:
        return self._endpoint.tls_port if self._endpoint is not None else self.settings.tls_port

    @property
    def strangers(self) -> tuple[Stranger, ...]:
        """Those seen lately, the most recent first; a bounded number."""
        return self._intake.strangers.recent()

    @property
    def counts(self) -> dict[str, int]:
        """``malformed``, ``dropped`` for their rate, ``strangers``, ``timeouts``, ``unsendable``, ``transactions``."""
        return {
            "malformed": self._intake.malformed,
            "dropped": self._intake.dropped,
            "strangers": self._intake.strangers.total,
            "timeouts": self._layer.timeouts,
            "unsendable": self._endpoint.unsendable if self._endpoint is not None else 0,
            "transactions": len(self._layer),
            "dialogs": len(self._intake.dialogs),
        }

    def trace(self, address: str) -> tuple[str, ...]:
        """The last messages to and from an address, oldest first, with numbers and credentials masked."""
        return self._intake.trace.shown(address)

    # for peers

    def enter(self, peer: FarEnd) -> None:
        """From now on what comes from its addresses is its."""
        self._intake.join(peer)

    def exit(self, peer: FarEnd) -> None:
        self._intake.leave(peer)

    async def lost(self) -> str:
        """Returns why, when our own address is gone."""
        if self._endpoint is None:
            return "the stack is closed"
        return await asyncio.shield(self._endpoint.lost)

    @property
    def media(self) -> MediaPorts:
        """Raises DeviceLost while it is closed."""
        if self._media is None:
            raise DeviceLost("SIP is not open")
        return self._media

    def expect_name(self, hop: Hop, name: str) -> None:
        if self._endpoint is not None:
            self._endpoint.expect_name(hop, name)

    def alarm(self, address: str, tried: str) -> None:
        """Somebody at an address where a far end may be has no right to what it tries."""
        if self._intake.strangers.note(address, tried, self.now()):
            log.warning("SIP from %s: %s", address, tried)
            self._stranger(address, tried)

    def local(self, transport: Transport) -> str:
        """``host:port`` that far ends are told."""
        host = self.settings.advertised or self.settings.listen
        host = f"[{host}]" if ":" in host else host
        port = self.tls_port if transport is Transport.TLS else self.port
        return host if port is None else f"{host}:{port}"

    # for calls: see call_needs.CallStack

    def send_request(self, request: Request, hop: Hop, user: ClientUser) -> Transaction:
        branch = COOKIE + self.token()
        transaction = self._layer.begin(self._with_via(request, hop, branch), branch, hop, user, self.now())
        self._rearm()
        return transaction

    def send_ack(self, ack: Request, hop: Hop) -> None:
        self._send(bytes(self._with_via(ack, hop, COOKIE + self.token())), hop)

    def send_cancel(self, invite: Transaction, user: ClientUser) -> None:
        self._layer.cancel(invite, user, self.now())
        self._rearm()

    def respond(self, transaction: Transaction, response: Response, user: ServerUser | None = None) -> bool:
        named = Response(
            response.status, response.reason, response.headers.with_(("server", USER_AGENT)), response.body
        )
        sent = self._layer.respond(transaction, named, self.now(), user)
        self._rearm()
        return sent

    def acknowledged(self, invite: Transaction) -> None:
        self._layer.acknowledged(invite, self.now())

    def join(self, call_id: str, tag: str, owner: DialogOwner) -> None:
        self._intake.dialogs[call_id, tag] = owner

    def leave(self, call_id: str, tag: str) -> None:
        self._intake.dialogs.pop((call_id, tag), None)

    def later(self, seconds: float, do: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, do)

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None] | None:
        """None: the stack is closed."""
        if self._endpoint is None:
            work.close()
            return None
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def token(self) -> str:
        return f"{self.rng.getrandbits(64):016x}"

    def uniform(self, low: float, high: float) -> float:
        return self.rng.uniform(low, high)

    def now(self) -> float:
        return asyncio.get_running_loop().time() if self._clock is None else self._clock()

    @property
    def patience(self) -> float:
        return self._intervals.patience

    @property
    def t1(self) -> float:
        return self._intervals.t1

    # inside

    def _with_via(self, request: Request, hop: Hop, branch: str) -> Request:
        via = f"SIP/2.0/{hop.transport.value.upper()} {self.local(hop.transport)};branch={branch};rport"
        headers = request.headers.with_(("user-agent", USER_AGENT)).first("via", via)
        return Request(request.method, request.uri, headers, request.body)

    def _take(self, data: bytes, hop: Hop) -> None:
        try:
            self._intake.take(data, hop)
        finally:
            self._rearm()

    def _send(self, data: bytes, hop: Hop) -> None:
        if self._endpoint is not None:
            self._intake.trace.note(hop.address, data, self.now(), sent=True)
            self._endpoint.send(data, hop)

    def _rearm(self) -> None:
        deadline = self._layer.next_deadline()
        if self._alarm is not None:
            if deadline is not None and self._alarm_at <= deadline:
                return  # it fires early, and finds the next one then
            self._alarm.cancel()
            self._alarm = None
        if deadline is not None and self._endpoint is not None:
            self._alarm_at = deadline
            self._alarm = self.later(max(0.0, deadline - self.now()), self._tick)

    def _tick(self) -> None:
        self._alarm = None
        try:
            self._layer.tick(self.now())
        finally:
            self._rearm()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("SIP: a task fell", exc_info=error)

    def _stranger(self, address: str, tried: str) -> None:
        self.on_stranger(address, tried)

    async def _shut(self, endpoint: Endpoint) -> None:
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_S)
        self._endpoint = None
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._media is not None:
            self._media.close()
        await endpoint.close()


def _rtp(settings: SipSettings) -> MediaPorts:
    from edge_agent.drivers.sip.rtp import RtpPorts

    return RtpPorts(settings)


def _ignore(address: str, tried: str) -> None:
    del address, tried
