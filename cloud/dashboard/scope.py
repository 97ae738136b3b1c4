"""What somebody with the role ``account`` sees of the fleet: the account's own sites and traffic."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

from cloud.dashboard.sessions import Session
from cloud.fleet.snapshot import FleetView, Look, Snapshot, WholeFleet
from cloud.store import accounts, edges
from cloud.store.database import Connection, Database
from telecore.ids import AccountSid, EdgeId


def opened(conn: Connection, account: str) -> frozenset[AccountSid]:
    """The account and its subaccounts."""
    return frozenset({AccountSid(account), *accounts.below(conn, account)})


class ScopedFleet:
    """The fleet as one account sees it; a ``FleetView``."""

    def __init__(self, fleet: WholeFleet, db: Database, account: str) -> None:
        self._fleet = fleet
        self._db = db
        self._account = account

    async def snapshot(self, look: Look = Look()) -> Snapshot:  # noqa: B008
        return await self._fleet.snapshot(look, await self._db.read(lambda conn: opened(conn, self._account)))

    async def channels_of(self, names: Collection[EdgeId]) -> Snapshot:
        own = await self._db.read(lambda conn: edges.standing(conn, opened(conn, self._account)))
        return await self._fleet.channels_of([name for name in names if name in own])

    def subscribe(self) -> AsyncIterator[object]:
        return self._fleet.subscribe()


def fleet_of(session: Session, fleet: WholeFleet, db: Database) -> FleetView:
    """The fleet as this session may see it."""
    return fleet if session.account is None else ScopedFleet(fleet, db, session.account)
