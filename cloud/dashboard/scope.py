"""What somebody with the role ``account`` sees of the fleet: the account's own sites and traffic."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from cloud.dashboard.sessions import Session
from cloud.fleet.snapshot import FleetView, Snapshot
from cloud.store import accounts, edges
from cloud.store.database import Connection, Database
from telecore.ids import AccountSid, EdgeId


@dataclass(frozen=True, slots=True)
class Scope:
    """The accounts that count, and their edges."""

    accounts: frozenset[AccountSid]
    edges: frozenset[EdgeId]


def scope_of(conn: Connection, account: str) -> Scope:
    """The account and its subaccounts."""
    opened = frozenset({AccountSid(account), *accounts.below(conn, account)})
    return Scope(opened, frozenset(edges.names_of(conn, opened)))


def limited(shown: Snapshot, scope: Scope) -> Snapshot:
    """Only what is of the scope."""
    return replace(
        shown,
        edges=tuple(edge for edge in shown.edges if edge.edge in scope.edges),
        channels=tuple(channel for channel in shown.channels if channel.edge in scope.edges),
        calls=tuple(call for call in shown.calls if call.account in scope.accounts),
        messages=tuple(message for message in shown.messages if message.account in scope.accounts),
        warnings=tuple(warning for warning in shown.warnings if warning.edge in scope.edges),
        newest={key: record for key, record in shown.newest.items() if key[0].partition("/")[0] in scope.edges},
        happened=tuple(record for record in shown.happened if str(record.channel).partition("/")[0] in scope.edges),
    )


class ScopedFleet:
    """The fleet as one account sees it; a ``FleetView``."""

    def __init__(self, fleet: FleetView, db: Database, account: str) -> None:
        self._fleet = fleet
        self._db = db
        self._account = account

    async def snapshot(self) -> Snapshot:
        scope = await self._db.read(lambda conn: scope_of(conn, self._account))
        return limited(await self._fleet.snapshot(), scope)

    def subscribe(self) -> AsyncIterator[object]:
        return self._fleet.subscribe()


def fleet_of(session: Session, fleet: FleetView, db: Database) -> FleetView:
    """The fleet as this session may see it."""
    return fleet if session.account is None else ScopedFleet(fleet, db, session.account)
