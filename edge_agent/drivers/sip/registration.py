"""Our registration with a trunk: kept up, withdrawn at the end (RFC 3261 §10.2)."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.drivers.sip.asking import Authorizer, Sends, ask
from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.message import CSeq, Headers, Request, Response, integer
from edge_agent.drivers.sip.uri import parse_name_addr, shown
from telecore.backoff import Policy, next_delay
from telecore.errors import RemoteProtocolError, TimedOut

log = logging.getLogger(__name__)

ASKED_S = 600
_AGAIN = Policy(4.0, 2.0, 300.0)
_REFUSED = Policy(60.0, 2.0, 1800.0)
"""After a refusal: whoever knocks faster with a wrong password is locked out by many a carrier."""
_WITHIN_S = 40.0


@dataclass(frozen=True, slots=True)
class Account:
    """``registrar``: the Request-URI; ``aor``: From and To; ``contact``: where our calls come in."""

    registrar: str
    aor: str
    contact: str
    call_id: str
    tag: str


@dataclass(frozen=True, slots=True)
class Registered:
    up: bool
    reason: str
    user_agent: str = ""
    round_trip_s: float | None = None


class Registration:
    """``tell`` hears of every answer, and of none."""

    def __init__(
        self, stack: Sends, account: Account, authorizer: Authorizer, tell: Callable[[Registered], None]
    ) -> None:
        self._stack = stack
        self._account = account
        self._authorizer = authorizer
        self._tell = tell
        self._seq = 0
        self._asked = ASKED_S
        self._up = False

    async def run(self, hop: Callable[[], Hop], rng: random.Random) -> None:
        """Until cancelled; then what is up is withdrawn by ``withdraw``."""
        failures = 0
        while True:
            refused = False
            wait: float
            try:
                response = await self._register(hop(), self._asked)
            except TimedOut:
                response = None
                self._note(Registered(False, "no answer to REGISTER"))
            if response is not None and response.status == 423:
                self._asked = max(self._asked + 1, integer(response.headers.get("min-expires"), 86_400) or 3600)
                continue
            if response is not None and response.status < 300:
                failures = 0
                wait = renewal_s(granted(response, self._account.contact, self._asked))
            else:
                failures += 1
                refused = response is not None and 400 <= response.status < 500 and response.status != 408
                wait = 1.0 + next_delay(_REFUSED if refused else _AGAIN, failures, rng.random)
            await asyncio.sleep(wait)

    async def withdraw(self, hop: Hop) -> None:
        """Bounded; never raises."""
        if not self._up:
            return
        try:
            async with asyncio.timeout(2.0):
                await self._register(hop, 0)
        except (TimedOut, TimeoutError):
            log.info("%s: no answer to the end of the registration", self._account.aor.partition("@")[2])

    async def _register(self, hop: Hop, expires: int) -> Response:
        began = asyncio.get_running_loop().time()
        response = await ask(self._stack, lambda: self._request(expires), hop, self._authorizer, within_s=_WITHIN_S)
        took = asyncio.get_running_loop().time() - began
        agent = response.headers.get("server") or response.headers.get("user-agent") or ""
        if response.status < 300:
            self._note(Registered(expires > 0, "registered" if expires else "withdrawn", agent, took))
        elif response.status != 423:
            self._note(Registered(False, f"refused: {response.status} {shown(response.reason)[:60]}", agent, took))
        return response

    def _note(self, state: Registered) -> None:
        self._up = state.up
        self._tell(state)

    def _request(self, expires: int) -> Request:
        self._seq += 1
        account = self._account
        headers = Headers(
            [
                ("max-forwards", "70"),
                ("from", f"<{account.aor}>;tag={account.tag}"),
                ("to", f"<{account.aor}>"),
                ("call-id", account.call_id),
                ("cseq", str(CSeq(self._seq, "REGISTER"))),
                ("contact", f"{account.contact};expires={expires}"),
                ("expires", str(expires)),
            ]
        )
        return Request("REGISTER", account.registrar, headers)


def granted(response: Response, contact: str, asked: int) -> int:
    """For how many seconds: what our own Contact says, else Expires, else what was asked for."""
    try:
        ours = parse_name_addr(contact).uri
    except RemoteProtocolError:
        ours = None
    for value in response.headers.listed("contact"):
        try:
            theirs = parse_name_addr(value)
        except RemoteProtocolError:
            continue
        seconds = integer(theirs.params.get("expires"))
        if seconds is not None and (ours is None or (theirs.uri.user == ours.user and theirs.uri.host == ours.host)):
            return max(1, seconds)
    whole = integer(response.headers.get("expires"))
    return max(1, whole if whole is not None else asked)


def renewal_s(granted_s: int) -> float:
    """Long enough before the end for one lost try: 32 s where there is as much, else half of it."""
    return granted_s - 32.0 if granted_s >= 100 else granted_s * 0.5
