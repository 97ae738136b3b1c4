"""Commands from the cloud: each applied once, however often its line is cut."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge_agent.spool import erasing, open_calls, outbox, submits
from telecore.commands import (
    CancelUssd,
    Command,
    Erase,
    PlaceCall,
    ReadBalance,
    RequestUssd,
    RunSelfTest,
    SendMessage,
    SetSimHealth,
    TopUp,
)
from telecore.events import CommandRejected, Event, ToppedUp, UssdReplied
from telecore.ids import ChannelId, CommandId, Iccid

KEPT_S = 7 * 24 * 3600.0

_ANSWERED = (RequestUssd, CancelUssd, ReadBalance, TopUp, RunSelfTest, SetSimHealth)
"""Commands that are open until an event answers them. What they say is not kept here: a voucher is a secret."""
_INTERRUPTED = 20409


@dataclass(frozen=True, slots=True)
class Taken:
    """An item of the cloud's street: to be taken on, or refused with ``answer``, or skipped when it has neither.

    ``mark`` is its id, by which the cloud knows later whether it means the same item.
    """

    stream: str
    seq: int
    command: Command | None
    answer: CommandRejected | None = None
    mark: str = ""


def applied(db: sqlite3.Connection, stream: str) -> int:
    """The last number of this street that is applied here."""
    row = db.execute("SELECT applied FROM streams WHERE stream = ?", (stream,)).fetchone()
    return int(row[0]) if row else 0


def street(db: sqlite3.Connection, stream: str) -> tuple[int, str]:
    """The last number of this street that is applied here, and the id of that item."""
    row = db.execute("SELECT applied, mark FROM streams WHERE stream = ?", (stream,)).fetchone()
    return (int(row[0]), str(row[1])) if row else (0, "")


def advance(db: sqlite3.Connection, stream: str, seq: int, mark: str = "") -> bool:
    """Note the number. False: it is a repetition."""
    if seq <= applied(db, stream):
        return False
    db.execute("INSERT OR REPLACE INTO streams (stream, applied, mark) VALUES (?, ?, ?)", (stream, seq, mark))
    return True


def record(db: sqlite3.Connection, command: Command, now: float) -> bool:
    """Take a command on, with what must be known of it after a power cut. False: it was taken on before."""
    subject = subject_of(command)
    is_open = isinstance(command, _ANSWERED)
    cursor = db.execute(
        "INSERT OR IGNORE INTO journal (command, kind, subject, at, open) VALUES (?, ?, ?, ?, ?)",
        (command.id, command.kind, subject, now, int(is_open)),
    )
    if cursor.rowcount == 0:
        return False
    if isinstance(command, SendMessage):
        return submits.accept(db, command, now)
    if isinstance(command, PlaceCall):
        open_calls.begin(db, command.call, command.id)
    return True


def take(db: sqlite3.Connection, item: Taken, now: float) -> bool:
    """One item of the street: its number, and its effect or the answer that refuses it."""
    if not advance(db, item.stream, item.seq, item.mark):
        return False
    if item.answer is not None:
        outbox.append(db, item.answer)
        return True
    return item.command is not None and record(db, item.command, now)


def take_all(db: sqlite3.Connection, items: Sequence[Taken], now: float) -> list[bool]:
    """Several items in their order: all of them or none, or a later number would hide an earlier one."""
    taken = [take(db, item, now) for item in items]
    fresh = (item.command for item, is_fresh in zip(items, taken, strict=True) if is_fresh)
    if erases := [command for command in fresh if isinstance(command, Erase)]:
        erasing.take(db, erases, now)
    return taken


def interrupted(db: sqlite3.Connection) -> list[Event]:
    """Answers to the commands that an earlier process had begun, or had not, and not finished."""
    rows = db.execute("SELECT command, kind, subject FROM journal WHERE open = 1").fetchall()
    return [_interrupted(db, CommandId(command), kind, ChannelId(subject)) for command, kind, subject in rows]


def _interrupted(db: sqlite3.Connection, command: CommandId, kind: str, channel: ChannelId) -> Event:
    if kind in (RequestUssd.kind, CancelUssd.kind):
        return UssdReplied(command=command, channel=channel, state="timeout", text="")
    if kind == TopUp.kind:
        said = "the agent was restarted meanwhile: read the balance"
        return ToppedUp(command=command, channel=channel, iccid=_topped_up(db, command), outcome="unknown", said=said)
    reason = "the agent was restarted before it was done"
    return CommandRejected(command=command, subject=channel, code=_INTERRUPTED, reason=reason)


def _topped_up(db: sqlite3.Connection, command: CommandId) -> Iccid:
    """The SIM a voucher was about to be spent on; empty when it had not come to that."""
    query = "SELECT iccid FROM sim_facts WHERE name = 'top_up' AND instr(value, ?) > 0"
    row = db.execute(query, (f'"{command}"',)).fetchone()
    return Iccid(row[0] if row else "")


def tidy(db: sqlite3.Connection, now: float) -> None:
    db.execute("DELETE FROM journal WHERE open = 0 AND at < ?", (now - KEPT_S,))


def subject_of(command: Command | dict[str, Any]) -> str:
    """What a command is about: its message, its call, or its channel."""
    for name in ("message", "call", "channel"):
        value = command.get(name) if isinstance(command, dict) else getattr(command, name, None)
        if isinstance(value, str):
            return value
    return ""
