"""HTTP Basic authentication by account or by API key, and which accounts that opens."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass

from cloud.store import accounts, keys
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord
from cloud.web.gate import Gate
from cloud.web.http import Request
from telecore.errors import NotAllowed
from telecore.ids import is_sid, sid_of_uuid

_LONGEST = 40
_NOBODYS = secrets.token_hex(16)
"""What the token of an unknown account is compared with, so that both take the same time."""


def credentials(request: Request) -> tuple[str, str]:
    """User and password of the header. Raises NotAllowed 20003."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise NotAllowed("Authenticate")
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise NotAllowed("Authenticate") from error
    if not colon:
        raise NotAllowed("Authenticate")
    return user, password


class _Wrong(NotAllowed):
    """The credentials are nobody's."""


@dataclass(frozen=True, slots=True)
class _Access:
    """Whom the credentials are of, and the account asked for, where they open it."""

    caller: AccountRecord
    target: AccountRecord | None


class Authenticator:
    """Reads accounts from the store at each request: a changed token, status or key counts at once.

    ``by_key`` False is for what an API key may not do, as with Twilio: see or change accounts, keys and tokens. A
    key that could would outlive its own revocation.
    """

    def __init__(self, db: Database, gate: Gate | None = None) -> None:
        self._db = db
        self._gate = gate or Gate()

    async def who(self, request: Request, *, by_key: bool = True) -> AccountRecord:
        """The account whose credentials came along. Raises NotAllowed (20003, or 20005 for one not active)."""
        return (await self._access(request, "", by_key)).caller

    async def account(self, request: Request, sid: str, *, by_key: bool = True) -> tuple[AccountRecord, AccountRecord]:
        """The account of a path, if it is active and the credentials are its own or its parent's; and whose."""
        access = await self._access(request, sid, by_key)
        if access.target is None:
            raise NotAllowed("Authenticate")
        _refuse_inactive(access.target)
        return access.target, access.caller

    async def reachable(self, request: Request, sid: str, *, by_key: bool = True) -> AccountRecord | None:
        """The account of a path, whatever its status; None when there is none, or it is somebody else's."""
        return (await self._access(request, sid, by_key)).target

    async def _access(self, request: Request, sid: str, by_key: bool) -> _Access:
        user, password = credentials(request)
        self._gate.knock(request.remote, user[:_LONGEST])

        def read(conn: Connection) -> _Access:
            caller = _caller(conn, user, password, by_key)
            if caller.owner is not None:
                _refuse_inactive(accounts.get(conn, caller.owner) or caller)
            if sid in ("", caller.sid):
                return _Access(caller, caller)
            record = accounts.get(conn, sid) if is_sid(sid, "AC") else None
            return _Access(caller, record if record is not None and record.owner == caller.sid else None)

        try:
            access = await self._db.read(read)
        except _Wrong:
            self._gate.wrong(request.remote, user[:_LONGEST])
            raise
        self._gate.right(request.remote, user[:_LONGEST])
        self._gate.take(access.caller)
        return access


def _caller(conn: Connection, user: str, password: str, by_key: bool) -> AccountRecord:
    """The active account that these credentials are of. Raises NotAllowed."""
    if is_sid(user, "SK"):
        record = _of_key(conn, user, password, by_key)
    else:
        record = _of_token(conn, sid_of_uuid(user, "AC"), password)
        if record is not None and record.sid != user and record.compat != "somleng":
            record = None
    if record is None:
        raise _Wrong("Authenticate")
    _refuse_inactive(record)
    return record


def _of_key(conn: Connection, sid: str, secret: str, by_key: bool) -> AccountRecord | None:
    key = keys.get(conn, sid)
    if key is None or not keys.opens(key, secret):
        return None
    if not by_key:
        raise NotAllowed("Authenticate: an API key does not open this; use the account's own SID and token")
    return accounts.get(conn, key.account)


def _of_token(conn: Connection, sid: str, token: str) -> AccountRecord | None:
    record = accounts.get(conn, sid) if is_sid(sid, "AC") else None
    primary = hmac.compare_digest((record.auth_token if record else _NOBODYS).encode(), token.encode())
    second = record.secondary_token if record else ""
    secondary = hmac.compare_digest((second or _NOBODYS).encode(), token.encode()) and bool(second)
    return record if primary or secondary else None


def _refuse_inactive(record: AccountRecord) -> None:
    if record.status != "active":
        raise NotAllowed("Account is not active", code=20005)
