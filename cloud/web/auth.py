"""HTTP Basic authentication by account, and which accounts that opens."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets

from cloud.store import accounts
from cloud.store.database import Database
from cloud.store.records import AccountRecord
from cloud.web.http import Request
from telecore.errors import NotAllowed
from telecore.ids import is_sid

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


class Authenticator:
    """Reads accounts from the store at each request: a changed token or status counts at once."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def who(self, request: Request) -> AccountRecord:
        """The account whose credentials came along. Raises NotAllowed (20003, or 20005 for one not active)."""
        sid, token = credentials(request)
        record = await self._db.read(lambda conn: accounts.get(conn, sid)) if is_sid(sid, "AC") else None
        right = hmac.compare_digest((record.auth_token if record else _NOBODYS).encode(), token.encode())
        if record is None or not right:
            raise NotAllowed("Authenticate")
        _refuse_inactive(record)
        if record.owner is not None:
            parent = await self._db.read(lambda conn: accounts.get(conn, str(record.owner)))
            _refuse_inactive(parent or record)
        return record

    async def account(self, request: Request, sid: str) -> AccountRecord:
        """The account of a path, if the credentials are its own or its parent's, and it is active."""
        record = await self.reachable(request, sid)
        if record is None:
            raise NotAllowed("Authenticate")
        _refuse_inactive(record)
        return record

    async def reachable(self, request: Request, sid: str) -> AccountRecord | None:
        """As ``account``, whatever its status; None when there is none, or it is somebody else's."""
        caller = await self.who(request)
        if caller.sid == sid:
            return caller
        record = await self._db.read(lambda conn: accounts.get(conn, sid)) if is_sid(sid, "AC") else None
        return record if record is not None and record.owner == caller.sid else None


def _refuse_inactive(record: AccountRecord) -> None:
    if record.status != "active":
        raise NotAllowed("Account is not active", code=20005)
