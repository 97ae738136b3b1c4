"""The door of the tunnel: from the headers of a request to an edge that has proved who it is."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from cloud.tunnel.doorkeeper import Challenge, Doorkeeper, NotLetIn
from cloud.tunnel.keys import Failures, read_authorization
from cloud.tunnel.line import Admission, Line, Rejection
from telecore.errors import RemoteProtocolError
from telecore.ids import EdgeId, is_slug
from telecore.tunnel.proof import SCHEME, Welcome, decode_proof, encode_welcome

_LOG = logging.getLogger(__name__)
_MOST_EARLY = 4
"""Messages that may come before we have looked at the first."""
_EXPECTED = "expected: Proof <edge>, or Bearer <edge>:<key>"


class Entrance:
    """Slows down and counts who is refused. ``keeper`` None: bearer keys only, which ``authenticate`` knows.

    ``tell``: kind, address and reason of each, for whoever counts and logs for the whole cloud.
    """

    def __init__(
        self,
        authenticate: Callable[[EdgeId, str], Awaitable[bool]],
        keeper: Doorkeeper | None,
        tell: Callable[[str, str, str], None] | None = None,
    ) -> None:
        self._tell = tell
        self._authenticate = authenticate
        self._keeper = keeper
        self._failures = Failures()
        self.refused: Counter[str] = Counter()
        """How many, by the reason in one word, since the start."""

    async def ask(self, headers: Mapping[str, str], address: str) -> Admission | Rejection:
        """Who it says to be, and what it has to prove; or why it cannot be."""
        authorization = headers.get("Authorization", "")
        wait_s = self._failures.wait_s(address, asyncio.get_running_loop().time())
        # A signature cannot be guessed, so who comes with one does not suffer by his neighbours.
        if wait_s > 0 and not _proves(authorization):
            self.refused["too_many"] += 1
            if self._tell is not None:
                self._tell("tunnel_too_many", address, "too many wrong keys")
            after = (("Retry-After", str(int(wait_s) + 1)),)
            return Rejection(429, f"too many wrong keys from {address}: come back in {wait_s:.0f} s", after)
        try:
            return await self._judge(authorization, headers)
        except NotLetIn as error:
            self.refuse(EdgeId(error.edge), address, error.why, error.message)
            return Rejection(401, error.message, (("WWW-Authenticate", "Bearer"),))

    async def _judge(self, authorization: str, headers: Mapping[str, str]) -> Admission:
        named = _proves(authorization)
        if named and self._keeper is not None:
            edge = EdgeId(named)
            challenge = await self._keeper.challenge(edge, headers)
            return Admission(edge, challenge.headers, challenge)
        credentials = read_authorization(authorization)
        if credentials is None:
            raise NotLetIn("nonsense", _EXPECTED)
        edge, key = credentials
        if self._keeper is not None:
            return Admission(edge, await self._keeper.bearer(edge, key, headers))
        if not await self._authenticate(edge, key):
            raise NotLetIn("wrong_key", "this edge is not enrolled, or this is not its key", edge)
        return Admission(edge)

    def refuse(self, edge: EdgeId, address: str, why: str, message: str) -> None:
        """Count it, and slow down its address; the first of an address within an hour is told."""
        first = self._failures.add(address, asyncio.get_running_loop().time())
        self.count(edge, address, why, message, tell=first)

    def count(self, edge: EdgeId, address: str, why: str, message: str, *, tell: bool = True) -> None:
        """It has done what it may not."""
        self.refused[why] += 1
        if self._tell is not None:
            self._tell(f"tunnel_{why}", address, f"edge {edge or '(none)'}: {message}")
        elif tell:
            _LOG.warning("edge %s at %s is refused: %s", edge or "(none)", address, message)

    def silent(self, address: str) -> None:
        """Who came and left without a whole request, or took too long for it."""
        self.refused["no_request"] += 1
        if self._tell is not None:
            self._tell("tunnel_no_request", address, "no whole request in time")

    async def prove(self, line: Line, challenge: Challenge, within_s: float) -> Proven:
        """Wait for the proof and answer it. Raises NotLetIn, StoreFailed."""
        assert self._keeper is not None
        waiting = Waiting(line)
        try:
            async with asyncio.timeout(within_s):
                first = await waiting.first
        except TimeoutError as error:
            raise NotLetIn("silent", f"no proof within {within_s:g} s", challenge.record.edge) from error
        try:
            proof = decode_proof(first)
        except RemoteProtocolError as error:
            raise NotLetIn("nonsense", str(error), challenge.record.edge) from error
        welcome = await self._keeper.admit(challenge, proof)
        line.trust()
        line.send([encode_welcome(welcome)])
        return Proven(challenge.record.edge, proof.key, welcome, waiting)

    async def confirm(self, proven: Proven) -> None:
        """The edge has what it was given. Raises StoreFailed."""
        assert self._keeper is not None
        await self._keeper.confirmed(proven.edge, proven.welcome, proven.key)


def named(headers: Mapping[str, str]) -> str:
    """The edge that somebody says to be, who may be anybody; empty where none is named."""
    authorization = headers.get("Authorization", "")
    credentials = read_authorization(authorization)
    return _proves(authorization) or (credentials[0] if credentials is not None else "")


def _proves(authorization: str) -> str:
    """The edge that somebody will prove to be; empty for whoever says something else."""
    scheme, _, named = authorization.partition(" ")
    named = named.strip()
    return named if scheme.lower() == SCHEME.lower() and is_slug(named) else ""


@dataclass(frozen=True, slots=True)
class Proven:
    """An edge that was let in, its key, and what it has to store before it says Resume."""

    edge: EdgeId
    key: str
    welcome: Welcome
    waiting: Waiting


class Waiting:
    """What comes before somebody is there to take it: the first message, and few after it."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.first: asyncio.Future[str | bytes] = asyncio.get_running_loop().create_future()
        self._early: list[str | bytes] = []
        self._sink: Callable[[str | bytes], None] | None = None
        line.listen(self._take)

    def _take(self, message: str | bytes) -> None:
        if self._sink is not None:
            self._sink(message)
        elif not self.first.done():
            self.first.set_result(message)
        elif len(self._early) < _MOST_EARLY:
            self._early.append(message)
        else:
            self._line.abort()

    def hand_to(self, sink: Callable[[str | bytes], None]) -> None:
        """All but the first, and what comes from now on."""
        early, self._early = self._early, []
        self._sink = sink
        for message in early:
            sink(message)
        self._line.hand_to(sink)
