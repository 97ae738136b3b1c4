"""Which columns hold secrets, and how rows are sealed on their way in and opened on their way out.

Bound to each: its table, its column and whose row it is. An empty one stays empty.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, select, update

from cloud.sealing import KeysUnreadable, SealBroken, Seals, key_id, place
from cloud.store.rows import now
from cloud.store.schema import metadata, outbox
from telecore.errors import LocalProtocolError

_OPTION = "seals"
NOTHING: Mapping[str, str] = {}


class Sealed(NamedTuple):
    """``identity``: the column that says whose row it is."""

    identity: str
    columns: tuple[str, ...]


COLUMNS: Mapping[str, Sealed] = {
    "accounts": Sealed("sid", ("auth_token", "secondary_token", "media_key")),
    "operators": Sealed("name", ("totp_secret",)),
    "validations": Sealed("call", ("code",)),
    "messages": Sealed("sid", ("secret_body",)),
}
"""By table, those first that are looked through at each start."""
_LASTING = ("accounts", "operators")
_PASSING = frozenset({"messages"})
"""One of these that cannot be opened must not hold up the others that are read with it."""
UNREADABLE = "\0unreadable"
"""In place of a secret of theirs that cannot be opened: whoever needs it looks for this."""
PAYLOAD = "sealed"
"""The key of an outbox's payload under which the rest of it lies."""


def options(seals: Seals) -> dict[str, Any]:
    """For an engine whose connections open and seal."""
    return {_OPTION: seals}


def seals_of(conn: Connection) -> Seals:
    found = conn.get_execution_options().get(_OPTION)
    if not isinstance(found, Seals):
        raise LocalProtocolError("this connection has no keys to open secrets with")
    return found


def opened(conn: Connection, of: Table, row: Mapping[Any, Any]) -> Mapping[str, str]:
    """The secrets of a row by column. Raises SealBroken, but of messages: theirs are UNREADABLE then."""
    sealed = COLUMNS.get(of.name)
    if sealed is None:
        return NOTHING
    values = tuple([row[name] for name in sealed.columns])
    if not any(values):
        return NOTHING
    try:
        return seals_of(conn).open_row(of.name, row[sealed.identity], sealed.columns, values)
    except KeysUnreadable:
        raise
    except SealBroken:
        if of.name not in _PASSING:
            raise
        return {name: UNREADABLE for name, value in zip(sealed.columns, values, strict=True) if value}


def closed(conn: Connection, of: Table, values: dict[str, Any], whose: str | None = None) -> dict[str, Any]:
    """The values of a row as they are to lie there; ``whose``, where they do not say so themselves."""
    sealed = COLUMNS.get(of.name)
    if sealed is None:
        return values
    to_seal = [name for name in sealed.columns if values.get(name)]
    if not to_seal:
        return values
    seals, who = seals_of(conn), whose if whose is not None else values[sealed.identity]
    return {**values, **{name: seals.seal(place(of.name, name, who), values[name]) for name in to_seal}}


def closed_payload(conn: Connection, edge: str, payload: dict[str, Any]) -> dict[str, Any]:
    """A command, of which only kind and id are to be read in the database."""
    shown = {name: payload[name] for name in ("kind", "id")}
    return {**shown, PAYLOAD: seals_of(conn).seal(place("outbox", edge, payload["id"]), json.dumps(payload))}


def opened_payload(conn: Connection, edge: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Raises SealBroken, KeysUnreadable."""
    if not is_closed(payload):
        return payload
    plain = seals_of(conn).open(place("outbox", edge, payload.get("id", "")), str(payload[PAYLOAD]))
    value = json.loads(plain)
    return value if isinstance(value, dict) else {}


def is_closed(payload: Mapping[str, Any]) -> bool:
    """Whether all but its kind and id is sealed."""
    return PAYLOAD in payload


def opened_or_closed(conn: Connection, edge: str, payload: dict[str, Any]) -> dict[str, Any]:
    """As it lies there where it cannot be opened."""
    try:
        return opened_payload(conn, edge, payload)
    except SealBroken:
        return payload


def check(conn: Connection) -> None:
    """Open all secrets that accounts and operators have. Raises SealBroken, also when their key is not there."""
    seals, found = seals_of(conn), [one for name in _LASTING for one in _found(conn, name)]
    missing = {key_id(one.value) for one in found} - set(seals.ids)
    if missing:
        raise SealBroken(seals.what_to_do([id_ for id_ in missing if id_]))
    for one in found:
        seals.open(one.place, one.value)


def in_use(conn: Connection) -> set[str]:
    """The ids of all keys with which something is sealed."""
    found = {key_id(one.value) for name in COLUMNS for one in _found(conn, name)}
    return found | {key_id(one.payload[PAYLOAD]) for one in _commands(conn)}


def give_up(conn: Connection) -> list[str]:
    """Replace what cannot be opened: tokens by new ones, the rest by nothing. Where each was, ``accounts.… of AC…``."""
    seals, gone = seals_of(conn), []
    for one in (one for name in COLUMNS for one in _found(conn, name)):
        try:
            seals.open(one.place, one.value)
        except SealBroken:
            fresh = seals.seal(one.place, secrets.token_hex(16)) if one.column == "auth_token" else ""
            one.put(conn, fresh)
            if one.column == "secret_body":  # without its code there is nothing to send
                conn.execute(update(one.table).where(one.table.c.sid == one.whose).values(not_after=now()))
            gone.append(f"{one.table.name}.{one.column} of {one.whose}")
    for command in _commands(conn):
        try:
            opened_payload(conn, command.edge, command.payload)
        except SealBroken:
            command.put(conn, {"kind": "withdrawn", "id": command.payload["id"]})
            gone.append(f"command {command.payload['id']} to {command.edge}")
    return gone


class Secret(NamedTuple):
    """One that lies in a column, as it lies there."""

    table: Table
    column: str
    whose: str
    value: str

    @property
    def place(self) -> str:
        return place(self.table.name, self.column, self.whose)

    def put(self, conn: Connection, value: str) -> bool:
        """Unless it is another by now."""
        key, column = self.table.c[COLUMNS[self.table.name].identity], self.table.c[self.column]
        same = (key == self.whose) & (column == self.value)
        return conn.execute(update(self.table).where(same).values({self.column: value})).rowcount > 0


class Sent(NamedTuple):
    """A command that is sealed, as it lies there."""

    seq: int
    edge: str
    payload: dict[str, Any]

    def put(self, conn: Connection, payload: dict[str, Any]) -> bool:
        """Unless it was withdrawn meanwhile."""
        same = (outbox.c.seq == self.seq) & (outbox.c.payload[PAYLOAD].as_string() == self.payload[PAYLOAD])
        return conn.execute(update(outbox).where(same).values(payload=payload)).rowcount > 0


def _found(conn: Connection, name: str) -> Iterator[Secret]:
    """All secrets of a table that are not empty."""
    of, sealed = metadata.tables[name], COLUMNS[name]
    for column in sealed.columns:
        rows = conn.execute(select(of.c[sealed.identity], of.c[column]).where(of.c[column] != ""))
        yield from (Secret(of, column, str(whose), str(value)) for whose, value in rows.all())


def _commands(conn: Connection) -> list[Sent]:
    asked = select(outbox.c.seq, outbox.c.edge, outbox.c.payload).where(outbox.c.payload[PAYLOAD].as_string() != "")
    return [Sent(*row) for row in conn.execute(asked).all()]
