"""Who may come in as an edge: tokens, revoking, forgiving, and the key by which edges know this cloud."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass

from cloud.store import accounts, edges
from cloud.store.database import Connection, Database
from cloud.store.records import EdgeRecord
from cloud.tunnel.cloud_keys import CloudKeys
from telecore.errors import InvalidRequest, NotFound
from telecore.ids import AccountSid, EdgeId, is_slug


@dataclass(frozen=True, slots=True, repr=False)
class Invitation:
    """A token that enrols one device as this edge, once; it is shown now and never again. ``command``: to be typed on
    site."""

    edge: EdgeId
    account: AccountSid
    token: str
    command: str


class EdgeDesk:
    """``within``, where it is given, are the accounts whose edges may be touched; others' are as if there were none.

    A running cloud cuts the tunnel of whoever is shut out within two seconds, whoever has done it.
    """

    def __init__(self, db: Database, keys: CloudKeys, public_url: str) -> None:
        self._db = db
        self._keys = keys
        self._public_url = public_url

    async def enrol(self, name: str, account: str, *, within: Collection[AccountSid] | None = None) -> Invitation:
        """A new edge of this account, or a token for the device that takes the place of one that is known.

        Raises InvalidRequest, NotFound, StoreFailed.
        """
        if not is_slug(name):
            raise InvalidRequest(
                "'name' cannot name an edge: use lower-case letters, digits and hyphens, such as site-1", field="name"
            )
        secret, owner = await self._db.write(lambda conn: _invited(conn, EdgeId(name), account, within))
        await asyncio.to_thread(self._keys.tend, time.time())
        token = f"{secret}.{self._keys.public[0][:32]}"
        return Invitation(EdgeId(name), owner, token, enrol_command(self._public_url, token))

    async def revoke(self, name: str, *, within: Collection[AccountSid] | None = None) -> int:
        """Nobody comes in as this edge until it is enrolled anew; how many vouchers are gone. Raises NotFound."""

        def write(conn: Connection) -> int:
            return edges.revoke(conn, _known(conn, name, within).edge)

        return await self._db.write(write)

    async def forgive(self, name: str, *, within: Collection[AccountSid] | None = None) -> None:
        """Unlock one whose key seemed copied. Raises NotFound, NotAllowed for one that was revoked."""
        await self._db.write(lambda conn: edges.forgive(conn, _known(conn, name, within).edge))

    @property
    def keys_made_at(self) -> tuple[float, ...]:
        """When the keys were made by which edges know this cloud, the newest first. POSIX seconds."""
        return self._keys.made_at

    async def rotate(self, *, drop_old: bool = False) -> str:
        """A new key, which edges pin as they come; the beginning of it. ``drop_old``: forget the old ones instead."""

        def change() -> str:
            if drop_old:
                self._keys.drop_old()
            else:
                self._keys.rotate(time.time())
            return self._keys.public[0]

        key = await asyncio.to_thread(change)
        await self._db.write(lambda conn: None)  # with which the audit log's entry is written
        return key


def enrol_command(public_url: str, token: str) -> str:
    """What is to be typed on the site."""
    return f"edge-agent enrol --cloud {public_url} --token={token}"


def _invited(
    conn: Connection, edge: EdgeId, account: str, within: Collection[AccountSid] | None
) -> tuple[str, AccountSid]:
    record = edges.get(conn, edge)
    if record is not None and within is not None and record.account not in within:
        raise InvalidRequest(f"there is an edge {edge} already: choose another name", field="name", code=20409)
    owner = record.account if record is not None else _owner(conn, account, within)
    return edges.create(conn, edge, owner), owner


def _owner(conn: Connection, account: str, within: Collection[AccountSid] | None) -> AccountSid:
    found = accounts.get(conn, account)
    if found is None or (within is not None and found.sid not in within):
        raise NotFound(f"There is no account {account[:34]}")
    return found.sid


def _known(conn: Connection, name: str, within: Collection[AccountSid] | None) -> EdgeRecord:
    record = edges.get(conn, name)
    if record is None or (within is not None and record.account not in within):
        raise NotFound(f"There is no edge {name[:63]}")
    return record
