"""Edges: who may connect. A token enrols one edge once; after that its key alone is known, and only its hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, RowMapping, bindparam, case, select
from sqlalchemy import update as change

from cloud.store import outbox as streets
from cloud.store import tables, tasks, warnings
from cloud.store.records import EdgeRecord
from cloud.store.rows import columns, now
from cloud.store.schema import edges, outbox
from telecore.commands import TopUp
from telecore.errors import NotAllowed, NotFound
from telecore.events import WarningCleared, WarningRaised
from telecore.ids import AccountSid, EdgeId, new_id

TOKEN_LIFE = timedelta(hours=24)
REVOKED = "revoked"
REVOKED_CODE = 31481
_CLONE_WARNING = "edge_cloned"
_NO_KEYS = {"public_key": "", "next_key": "", "join_accepted": "", "join_offered": "", "forgiven": False}
_NOT_SHUT: dict[str, Any] = {"shut_at": None, "shut_why": ""}


class Offer(NamedTuple):
    """What an edge is to show at its next join, what counts as confirmed, and the key that it may show then."""

    which: str
    accepted: str
    offered: str
    next: str


class Confirmed(NamedTuple):
    """What an edge was offered, and the key with which it came."""

    which: str
    state: str
    key: str


def create(
    conn: Connection, edge: EdgeId, account: AccountSid, *, at: datetime | None = None, life: timedelta = TOKEN_LIFE
) -> str:
    """Make the edge, or give one that exists a new token; the token, to be shown once.

    An edge that has enrolled keeps its key until the new token is used, so a running site is not cut off.
    """
    token, made = secrets.token_urlsafe(32), at or now()
    terms: dict[str, object] = {"token_sha256": digest(token), "token_expires_at": made + life}
    fresh = {"edge": edge, "account": account, "created_at": made, "key_sha256": "", "instance": "", "version": ""}
    if not tables.insert_new(conn, edges, {**fresh, "outbox_stream": new_id(), "outbox_highest": 0, **terms}):
        conn.execute(change(edges).where(edges.c.edge == edge).values(terms))
    return token


def enrol(
    conn: Connection, token: str, key_sha256: str, *, public_key: str = "", at: datetime | None = None
) -> EdgeRecord:
    """Spend the token: the edge it was made for, which now has this key and no other. Raises NotAllowed 20003.

    With a public key the bearer's hash is not kept. Whoever was shut out is not any more: his key is gone.
    """
    moment = at or now()
    secret = token.partition(".")[0]  # what follows is the cloud's key, for the edge to compare
    good = (edges.c.token_sha256 == digest(secret)) & (edges.c.token_expires_at > moment)
    edge = conn.execute(select(edges.c.edge).where(good)).scalar()
    record = None if edge is None else get(conn, edge)
    if record is None:
        raise NotAllowed("The enrolment token is unknown, used or expired")
    spent: dict[str, Any] = {"token_sha256": None, "token_expires_at": None, "enrolled_at": moment}
    keys = {**_NO_KEYS, "key_sha256": "" if public_key else key_sha256, "public_key": public_key}
    _no_clone(conn, record.edge)
    return update(conn, record.edge, **spent, **keys, **_NOT_SHUT) or record


def take_offered(conn: Connection, edge: str, key_sha256: str, public_key: str) -> None:
    """The public key of an edge that has proved its bearer key, which counts until the other was used."""
    same = (edges.c.edge == edge) & (edges.c.key_sha256 == key_sha256)
    conn.execute(
        change(edges).where(same).values(public_key=public_key, next_key="", join_accepted="", join_offered="")
    )


def offer_join(conn: Connection, edge: str, accepted: str, offered: str, next_key: str) -> None:
    """It has joined: what it is to show at its next join, and the key that it may show then."""
    offer_joins(conn, [Offer(edge, accepted, offered, next_key)])


def offer_joins(conn: Connection, offers: Sequence[Offer]) -> None:
    """The same for many."""
    if offers:
        conn.execute(_OFFER, [offer._asdict() for offer in offers])


def confirm_joins(conn: Connection, confirmed: Sequence[Confirmed]) -> None:
    """These edges have stored what they were offered: what was before does not count any more."""
    if confirmed:
        conn.execute(_CONFIRM, [one._asdict() for one in confirmed])


def seen(conn: Connection, links: Sequence[tuple[EdgeId, bool]], at: datetime) -> None:
    """They came (True) or went at this moment, in this order."""
    if links:
        conn.execute(_SEEN, [{"which": edge, "at": at, "is_linked": linked} for edge, linked in links])


def revoke(conn: Connection, edge: str) -> int:
    """Nobody comes in as this edge until it is enrolled anew, and no token of before helps; how many vouchers that
    waited for it are gone. Raises NotFound."""
    if get(conn, edge) is None:
        raise NotFound(f"There is no edge {edge}")
    update(conn, edge, token_sha256=None, token_expires_at=None, key_sha256="", **_NO_KEYS)
    shut_out(conn, edge, REVOKED)
    _no_clone(conn, edge)
    secret = outbox.c.payload["kind"].as_string() == TopUp.kind
    waiting = [row.payload["id"] for row in conn.execute(select(outbox.c.payload).where(outbox.c.edge == edge, secret))]
    for command in waiting:
        tasks.settle(
            conn, command, "failed", {"code": REVOKED_CODE, "message": "The edge was revoked; nothing was done"}
        )
        streets.withdraw(conn, EdgeId(edge), command)
    return len(waiting)


def forgive(conn: Connection, edge: str) -> None:
    """Unlock an edge whose key seemed copied: whoever comes first with it is the one. Raises NotFound, Refused."""
    record = get(conn, edge)
    if record is None:
        raise NotFound(f"There is no edge {edge}")
    if record.shut_why == REVOKED:
        raise NotAllowed(f"edge {edge} was revoked and has no key: enrol it again")
    _no_clone(conn, edge)
    update(conn, edge, forgiven=True, **_NOT_SHUT)


def shut_out(conn: Connection, edge: str, why: str) -> None:
    update(conn, edge, shut_at=now(), shut_why=why)


def shut(conn: Connection) -> dict[EdgeId, str]:
    """Edges that may not connect, and why in one word."""
    found = conn.execute(select(edges.c.edge, edges.c.shut_why).where(edges.c.shut_at.is_not(None)))
    return {EdgeId(row.edge): row.shut_why for row in found}


def warn_of_clone(conn: Connection, edge: EdgeId) -> None:
    """To be seen where other warnings are, until somebody decides."""
    said = "two devices used this edge's key and both are locked out: enrol the right one again, or forgive-edge"
    event = WarningRaised(code=_CLONE_WARNING, severity="critical", subject="", text=said)
    warnings.raise_(conn, edge, event, now())


def _no_clone(conn: Connection, edge: str) -> None:
    warnings.clear(conn, EdgeId(edge), WarningCleared(code=_CLONE_WARNING, subject=""))


def digest(secret: str) -> str:
    """What is kept of a token or a key. They are random and long: a plain SHA-256 needs no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()


def get(conn: Connection, edge: str) -> EdgeRecord | None:
    row = conn.execute(_ONE, {"which": edge}).mappings().one_or_none()
    return None if row is None else _record(row)


def of(conn: Connection, names: Sequence[str]) -> list[EdgeRecord | None]:
    """Those with these names, in this order."""
    found = conn.execute(_MANY, {"which": list(dict.fromkeys(names))}).mappings()
    records = {record.edge: record for record in map(_record, found)}
    return [records.get(EdgeId(name)) for name in names]


def by_key(conn: Connection, key_sha256: str) -> EdgeRecord | None:
    """The edge that has this key."""
    row = conn.execute(select(edges).where(edges.c.key_sha256 == key_sha256)).mappings().first()
    return None if row is None or not key_sha256 else _record(row)


def update(conn: Connection, edge: str, **changes: object) -> EdgeRecord | None:
    """Set columns by name (last_seen_at, instance, version, account, …); the record as it is now."""
    conn.execute(change(edges).where(edges.c.edge == edge).values(columns(changes)))
    return get(conn, edge)


def list_(conn: Connection, names: Collection[str] | None = None) -> list[EdgeRecord]:
    """All or these, by name."""
    asked = select(edges).order_by(edges.c.edge)
    if names is not None:
        asked = asked.where(edges.c.edge.in_(names))
    return [_record(row) for row in conn.execute(asked).mappings()]


def standing(conn: Connection, accounts: Collection[str] | None = None) -> dict[EdgeId, bool]:
    """Whether some device has a key of each edge, of all or of these accounts."""
    asked = select(edges.c.edge, (edges.c.key_sha256 != "") | (edges.c.public_key != ""))
    if accounts is not None:
        asked = asked.where(edges.c.account.in_(accounts))
    return {EdgeId(name): bool(enrolled) for name, enrolled in conn.execute(asked)}


def names_of(conn: Connection, accounts: Collection[str]) -> list[EdgeId]:
    """The edges of these accounts, by name."""
    asked = select(edges.c.edge).where(edges.c.account.in_(accounts)).order_by(edges.c.edge)
    return [EdgeId(name) for (name,) in conn.execute(asked)]


_OF: BindParameter[str] = bindparam("which")
_ONE = select(edges).where(edges.c.edge == _OF)
_MANY = select(edges).where(edges.c.edge.in_(bindparam("which", expanding=True)))
_SEEN = change(edges).where(edges.c.edge == _OF).values(last_seen_at=bindparam("at"), linked=bindparam("is_linked"))
_OFFER = (
    change(edges)
    .where(edges.c.edge == _OF)
    .values(
        join_accepted=bindparam("accepted"),
        join_offered=bindparam("offered"),
        next_key=bindparam("next"),
        forgiven=False,
    )
)
_IS_NEXT = edges.c.next_key == bindparam("key")
_CONFIRM = (
    change(edges)
    .where(edges.c.edge == _OF, edges.c.join_offered == bindparam("state"))
    .values(
        join_accepted=bindparam("state"),
        key_sha256="",
        public_key=case((_IS_NEXT, edges.c.next_key), else_=edges.c.public_key),
        next_key=case((_IS_NEXT, ""), else_=edges.c.next_key),
    )
)


_PLAIN = ("public_key", "next_key", "join_accepted", "join_offered", "forgiven", "shut_at", "shut_why")


def _record(row: RowMapping) -> EdgeRecord:
    return EdgeRecord(
        edge=row["edge"],
        account=row["account"],
        created_at=row["created_at"],
        key_sha256=row["key_sha256"],
        enrolled_at=row["enrolled_at"],
        last_seen_at=row["last_seen_at"],
        instance=row["instance"],
        version=row["version"],
        outbox_stream=row["outbox_stream"],
        outbox_highest=row["outbox_highest"],
        outbox_acked=row["outbox_acked"],
        linked=row["linked"],
        doubt_at=row["doubt_at"],
        doubt_stream=row["doubt_stream"],
        doubt_seq=row["doubt_seq"],
        **{name: row[name] for name in _PLAIN},
    )
