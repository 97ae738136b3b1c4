"""Requests of ours that wait for one final answer, and the digests they are asked for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

from edge_agent.drivers.sip.auth import Asked, Challenge, answer, best_challenge
from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.message import Received, Request, Response
from edge_agent.drivers.sip.settings import Credentials
from edge_agent.drivers.sip.transaction import ClientUser, Transaction
from telecore.errors import TimedOut

_TRIES = 3


class Authorizer:
    """Our answers to one far end's challenges: the nonce is used again, with its count, until it is stale."""

    def __init__(self, credentials: Credentials | None, rng: random.Random) -> None:
        self._credentials = credentials
        self._rng = rng
        self._challenges: dict[str, Challenge] = {}
        self._counts: dict[str, int] = {}

    def learn(self, response: Response, *, tried: bool) -> bool:
        """A 401 or 407 came; whether it is of use to try again. ``tried``: the request had an answer in it already."""
        if response.status not in (401, 407) or self._credentials is None:
            return False
        name, asks = ("authorization", "www-authenticate")
        if response.status == 407:
            name, asks = ("proxy-authorization", "proxy-authenticate")
        challenge = best_challenge(response.headers.all(asks))
        if challenge is None:
            return False
        known = self._challenges.get(name)
        # The same nonce refused, and not because it is stale: the password is wrong.
        if tried and known is not None and not challenge.stale and known.realm == challenge.realm:
            return False
        self._challenges[name] = challenge
        self._counts[name] = 0
        return True

    def forget(self) -> None:
        self._challenges.clear()

    @property
    def ready(self) -> bool:
        return bool(self._challenges)

    def sign(self, request: Request) -> Request:
        """With the answers to all challenges met so far."""
        if self._credentials is None or not self._challenges:
            return request
        about = Asked(request.method, request.uri, request.body)
        lines: list[tuple[str, str]] = []
        for name, challenge in self._challenges.items():
            self._counts[name] += 1
            cnonce = f"{self._rng.getrandbits(64):016x}"
            lines.append((name, answer(challenge, self._credentials, about, self._counts[name], cnonce)))
        return Request(request.method, request.uri, request.headers.with_(*lines), request.body)


class Sends(Protocol):
    """What asking needs of the stack."""

    def send_request(self, request: Request, hop: Hop, user: ClientUser) -> Transaction: ...


class _Waiter:
    """Turns the final response into a value of a future."""

    def __init__(self) -> None:
        self.final: asyncio.Future[Received] = asyncio.get_running_loop().create_future()

    def on_response(self, received: Received) -> None:
        message = received.message
        if isinstance(message, Response) and message.status >= 200 and not self.final.done():
            self.final.set_result(received)

    def on_timeout(self) -> None:
        if not self.final.done():
            self.final.set_exception(TimedOut("no answer to a SIP request"))
            self.final.exception()  # who asked may have gone


async def ask(
    stack: Sends, make: Callable[[], Request], hop: Hop, authorizer: Authorizer, *, within_s: float | None = None
) -> Response:
    """The final response to a request other than INVITE, after what digests it takes.

    ``make``: the request, with the next CSeq each time. Raises TimedOut after 64*T1, or ``within_s`` for all tries.
    """
    try:
        async with asyncio.timeout(within_s):
            return await _ask(stack, make, hop, authorizer)
    except TimeoutError as error:
        raise TimedOut("no answer to a SIP request in time") from error


async def _ask(stack: Sends, make: Callable[[], Request], hop: Hop, authorizer: Authorizer) -> Response:
    tried = 0
    while True:
        signed = authorizer.ready
        waiter = _Waiter()
        stack.send_request(authorizer.sign(make()), hop, waiter)
        response = (await waiter.final).message
        assert isinstance(response, Response)
        tried += 1
        if tried >= _TRIES or not authorizer.learn(response, tried=signed and tried > 1):
            return response


class Unheard:
    """For requests whose answer changes nothing."""

    def on_response(self, received: Received) -> None:
        del received

    def on_timeout(self) -> None:
        return
