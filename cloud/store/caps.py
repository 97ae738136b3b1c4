"""Caps of accounts: what is set, what was used, what is blocked. Counted with what it counts, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, or_, select, union_all

from cloud.store import accounts, tables
from cloud.store.calls import IS_LIVE
from cloud.store.records import CallRecord
from cloud.store.rows import from_row
from cloud.store.schema import account_caps, calls, cap_blocks, cap_targets, cap_uses, messages
from telecore.caps import DAY_S, HOUR_S, Use, hour_of
from telecore.ids import CLIENT, AccountSid
from telecore.model import Direction

MESSAGES, MINUTES, CALLS = "messages", "minutes", "calls"
_MOST_LOOKED_UP = 100_000
_LIVE = [IS_LIVE, calls.c.direction != Direction.INBOUND.value]
_BLOCKS = select(cap_blocks).where(cap_blocks.c.account == bindparam("account"))


@dataclass(frozen=True, slots=True)
class Block:
    """Numbers that begin so are not reached from this account until then."""

    account: str
    prefix: str
    why: str
    until: datetime


@dataclass(frozen=True, slots=True)
class _Reached:
    hour: int
    in_hour: int


def settings(conn: Connection, account: str) -> Mapping[str, Any]:
    """What is set for it, by name; nothing of what it has by cloud.yaml."""
    found = conn.execute(select(account_caps.c.settings).where(account_caps.c.account == account)).scalar()
    return found or {}


def set_settings(conn: Connection, account: str, changes: Mapping[str, Any], at: datetime) -> Mapping[str, Any]:
    """All that is set afterwards; None takes one back. What was sent earlier today counts, too."""
    after = {name: value for name, value in {**settings(conn, account), **changes}.items() if value is not None}
    tables.upsert(conn, account_caps, {"account": account, "settings": after})
    for one in (AccountSid(account), *accounts.below(conn, account)):
        _recount(conn, one, at)
    return after


def concerned(conn: Connection) -> set[str]:
    """The accounts for which something is set or blocked."""
    asked = union_all(select(account_caps.c.account), select(cap_blocks.c.account))
    return {str(account) for account in conn.execute(asked).scalars()}


def use(conn: Connection, account: str, what: str) -> Use:
    return tables.find(conn, cap_uses, Use, account=account, what=what) or Use()


def uses(conn: Connection, whose: Collection[str], what: str) -> list[Use]:
    """Of those of them that have used any."""
    if len(whose) == 1:
        return [use(conn, account, what) for account in whose]
    asked = select(cap_uses).where(cap_uses.c.account.in_(whose), cap_uses.c.what == what)
    return [from_row(Use, row) for row in conn.execute(asked).mappings()]


def count(conn: Connection, account: str, what: str, amount: int, at: datetime) -> None:
    _put(conn, account, what, use(conn, account, what).at(at).plus(amount))


def count_minutes(conn: Connection, record: CallRecord, at: datetime) -> None:
    """A call has ended: an outbound one that was answered counts, but for one with a browser, which costs nothing."""
    if record.direction is not Direction.INBOUND and record.duration_s and not record.called.startswith(CLIENT):
        count(conn, record.account, MINUTES, -(-record.duration_s // 60), at)


def live(conn: Connection, whose: Collection[str] | None = None) -> list[CallRecord]:
    """Outbound calls that have not ended, of these accounts or of all, but for those with browsers."""
    where = [*_LIVE, calls.c.called.not_like(f"{CLIENT}%")]
    if whose is not None:
        where.append((calls.c.account + "").in_(whose))  # else SQLite looks by account, through all of its calls
    rows = conn.execute(select(calls).where(*where).order_by(calls.c.id)).mappings()
    return [from_row(CallRecord, row) for row in rows]


def reached(conn: Connection, account: str, what: str, target: str, at: datetime) -> int:
    """How often in this hour."""
    found = tables.find(conn, cap_targets, _Reached, account=account, what=what, target=target)
    return found.in_hour if found is not None and found.hour == hour_of(at) else 0


def put_reached(conn: Connection, account: str, what: str, target: str, *, in_hour: int, at: datetime) -> None:
    values = {"account": account, "what": what, "target": target, "hour": hour_of(at), "in_hour": in_hour}
    tables.upsert(conn, cap_targets, values)


def has_stale(conn: Connection, at: datetime) -> bool:
    """Whether there is anything that ``forget_targets`` or ``forget_blocks`` would forget."""
    old = select(cap_targets.c.hour).where(_of_another_hour(at)).limit(1)
    ended = select(cap_blocks.c.prefix).where(cap_blocks.c.until <= at).limit(1)
    return any(conn.execute(asked).first() is not None for asked in (old, ended))


def forget_targets(conn: Connection, at: datetime) -> None:
    """Numbers that were reached in an hour that is over."""
    conn.execute(delete(cap_targets).where(_of_another_hour(at)))


def _of_another_hour(at: datetime) -> ColumnElement[bool]:
    """Said so that the index is of use: nothing finds what is unequal."""
    return or_(cap_targets.c.hour < hour_of(at), cap_targets.c.hour > hour_of(at))


def blocks(conn: Connection, account: str) -> list[Block]:
    return [from_row(Block, row) for row in conn.execute(_BLOCKS, {"account": account}).mappings()]


def block(conn: Connection, made: Block) -> None:
    values = {"account": made.account, "prefix": made.prefix, "why": made.why, "until": made.until}
    tables.upsert(conn, cap_blocks, values)


def unblock(conn: Connection, account: str) -> int:
    """Lift all of the account's; how many."""
    return conn.execute(delete(cap_blocks).where(cap_blocks.c.account == account)).rowcount


def forget_blocks(conn: Connection, at: datetime) -> None:
    conn.execute(delete(cap_blocks).where(cap_blocks.c.until <= at))


def _put(conn: Connection, account: str, what: str, now: Use) -> None:
    counted = {"hour": now.hour, "in_hour": now.in_hour, "day": now.day, "in_day": now.in_day}
    tables.upsert(conn, cap_uses, {"account": account, "what": what, **counted})


def _recount(conn: Connection, account: str, at: datetime) -> None:
    """Messages are not counted while nothing caps them: those of today are looked up once."""
    latest = (
        select(messages.c.segments, messages.c.created_at)
        .where(messages.c.account == account, messages.c.direction != Direction.INBOUND.value)
        .order_by(messages.c.id.desc())
        .limit(_MOST_LOOKED_UP)
        .subquery()
    )
    asked = select(func.coalesce(func.sum(latest.c.segments), 0)).where(latest.c.created_at >= bindparam("since"))
    hour, day = (datetime.fromtimestamp(at.timestamp() // s * s, UTC) for s in (HOUR_S, DAY_S))
    in_hour, in_day = (int(conn.execute(asked, {"since": since}).scalar_one()) for since in (hour, day))
    before = use(conn, account, MESSAGES).at(at)
    _put(
        conn,
        account,
        MESSAGES,
        replace(before, in_hour=max(before.in_hour, in_hour), in_day=max(before.in_day, in_day)),
    )
