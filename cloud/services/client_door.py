"""The door at which browsers come in: what they say in their socket, word by word (docs/client.md)."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from typing import Any, Protocol

from cloud.services import access_token
from cloud.services.access_token import Grant
from cloud.services.client_legs import ClientLegs
from cloud.services.handsets import Handset, Out
from cloud.services.live_tasks import LiveTasks
from cloud.store import accounts
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord
from telecore.causes import Cause
from telecore.errors import NotAllowed, Transient
from telecore.ids import CallSid, is_sid

REGISTER_WITHIN_S = 10.0
EXPIRY_LOOK_S = 5.0
MOST_PER_S = 150
"""Messages of one handset: 50 frames, a few words, and what a network held back."""
MAX_TO = 256
MAX_PARAMETERS, MAX_PARAMETER = 32, 500
BAD_MESSAGE, NOT_DIALLED, FLOOD = 20001, 31000, 20429

_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_KEYS = re.compile(r"[0-9A-D*#]")
_RESERVED = frozenset(
    (
        "CallSid", "AccountSid", "From", "Caller", "CallStatus", "ApiVersion", "Direction", "ParentCallSid", "Called",
        "To", "Digits",
    )
)  # fmt: skip


class Peer(Out, Protocol):
    """A browser's socket."""

    async def receive(self) -> str | bytes | None: ...


class ClientDoor:
    """``serve`` is one browser's whole stay."""

    def __init__(self, db: Database, legs: ClientLegs, *, wall: Callable[[], float] = time.time) -> None:
        self._db = db
        self._legs = legs
        self._wall = wall
        self._tasks = LiveTasks()

    async def serve(self, peer: Peer) -> None:
        """Until it goes, or is sent away."""
        handset = await self._registered(peer)
        if handset is None:
            return
        self._legs.arrive(handset)
        expiry = asyncio.create_task(self._expire(handset))
        try:
            await self._listen(handset, peer)
        finally:
            expiry.cancel()
            self._legs.depart(handset)

    async def close(self) -> None:
        await self._tasks.close()

    async def _registered(self, peer: Peer) -> Handset | None:
        try:
            async with asyncio.timeout(REGISTER_WITHIN_S):
                first = await peer.receive()
            said = _registration(first)
            grant = await self._grant(str(said.get("token", "")))
        except TimeoutError:
            peer.close(4000, "nothing was said")
            return None
        except NotAllowed as error:
            _refuse(peer, error.code, error.message)
            return None
        except Transient:
            _refuse(peer, 20503, "nobody can be registered just now; try again")
            return None
        name, call = said.get("handset"), said.get("call")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            _refuse(peer, BAD_MESSAGE, "handset must be up to 64 letters, digits and hyphens")
            return None
        resumes = CallSid(call) if isinstance(call, str) and is_sid(call, "CA") else None
        handset = Handset(grant, name, peer, resumes)
        handset.say("registered", identity=grant.identity, dials=grant.dials, expires=grant.expires)
        return handset

    async def _grant(self, token: str) -> Grant:
        sid = access_token.account_of(token)
        account, parent = await self._db.read(lambda conn: _with_parent(conn, sid))
        if account is None:
            raise NotAllowed("The access token is of no account", code=access_token.INVALID)
        grant = access_token.read(token, (account.auth_token, account.secondary_token), now=self._wall())
        if any(found is not None and found.status != "active" for found in (account, parent)):
            raise NotAllowed("Account is not active", code=20005)
        return grant

    async def _expire(self, handset: Handset) -> None:
        """Its token's time is over: it rings no more, and goes when its call is over."""
        await asyncio.sleep(max(0.0, handset.grant.expires - self._wall()))
        self._legs.handsets.remove(handset)
        handset.say("error", code=access_token.EXPIRED, message="the access token is expired")
        while handset.busy:  # noqa: ASYNC110  (a call tells nobody here of its end)
            await asyncio.sleep(EXPIRY_LOOK_S)
        handset.close(4003, "expired")

    async def _listen(self, handset: Handset, peer: Peer) -> None:
        second, count = 0.0, 0
        while (message := await peer.receive()) is not None:
            now = asyncio.get_running_loop().time()
            second, count = (second, count + 1) if now - second < 1.0 else (now, 1)
            if count > MOST_PER_S:
                _refuse(peer, FLOOD, f"more than {MOST_PER_S} messages in a second")
                return
            if isinstance(message, bytes):
                if handset.leg is not None:
                    handset.leg.frame(message)
                continue
            said = _parsed(message)
            complaint = "a message must be a JSON object with a type" if said is None else self._do(handset, said)
            if complaint:
                handset.say("error", code=BAD_MESSAGE, message=complaint)

    def _do(self, handset: Handset, said: dict[str, Any]) -> str:
        """Empty, or what was wrong with it."""
        kind = said.get("type")
        if kind == "dial":
            return self._dial(handset, said)
        if kind not in ("answer", "reject", "hang_up", "digit"):
            return f"{str(kind)[:40]!r} is no message of a handset"
        leg = self._legs.leg_of(handset, str(said.get("call", "")))
        if leg is None:
            return "" if kind == "hang_up" else "there is no such call"
        if kind == "answer":
            leg.answer(handset)
        elif kind == "digit":
            key = said.get("digit")
            if not isinstance(key, str) or not _KEYS.fullmatch(key):
                return "digit must be one of 0-9, *, #, A-D"
            leg.digit(key)
        elif handset.leg is leg:
            leg.end(Cause.NORMAL_CLEARING)
        else:
            leg.reject(handset)
        return ""

    def _dial(self, handset: Handset, said: dict[str, Any]) -> str:
        to, given = said.get("to", ""), said.get("parameters", {})
        if not isinstance(to, str) or len(to) > MAX_TO or not (to == "" or to.isprintable()):
            return f"to must be a text of at most {MAX_TO} characters"
        if not isinstance(given, dict) or len(given) > MAX_PARAMETERS:
            return f"parameters must be an object of at most {MAX_PARAMETERS} texts"
        for name, value in given.items():
            if not isinstance(value, str) or len(name) + len(value) > MAX_PARAMETER or name in _RESERVED:
                return f"parameter {name[:40]!r} must be a text, short, and no parameter of ours"
        if handset.busy:
            return "this handset is in a call"
        handset.dials = True
        self._tasks.start(self._place(handset, to, given), f"call of a browser of {handset.grant.account}")
        return ""

    async def _place(self, handset: Handset, to: str, parameters: dict[str, str]) -> None:
        try:
            why = await self._legs.dial(handset, to, parameters)
        except Transient:
            why = "nothing can be dialled just now; try again"
        finally:
            handset.dials = False
        if why:
            handset.say("error", code=NOT_DIALLED, message=f"the call was not made: {why}")


def _parsed(message: str | bytes | None) -> dict[str, Any] | None:
    if not isinstance(message, str):
        return None
    try:
        said = json.loads(message)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _registration(message: str | bytes | None) -> dict[str, Any]:
    said = _parsed(message)
    if said is None or said.get("type") != "register":
        raise NotAllowed("The first message must be register, with an access token", code=BAD_MESSAGE)
    return said


def _refuse(peer: Peer, code: int, message: str) -> None:
    peer.send(json.dumps({"type": "error", "code": code, "message": message}))
    peer.close(4001, message[:100])


def _with_parent(conn: Connection, sid: str) -> tuple[AccountRecord | None, AccountRecord | None]:
    account = accounts.get(conn, sid)
    return account, accounts.get(conn, account.owner) if account is not None and account.owner else None
