"""Channels as a table that a person reads in a terminal, or a program as JSON. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from cloud.store.records import ChannelRecord

Row = dict[str, str | None]


def row(record: ChannelRecord) -> Row:
    """What an operator looks for first. None: nobody knows."""
    status, sim = record.status, record.status.sim
    health, balance, usage = status.health, status.balance, status.usage
    return {
        "channel": record.channel,
        "number": next(iter(status.own_numbers), None),
        "operator": (sim.operator_name or sim.operator) if sim else None,
        "signal": f"{status.signal.dbm} dBm" if status.signal else None,
        "state": status.state.value,
        "sim": health.state.value if health else None,
        "balance": f"{balance.amount} {balance.currency}".strip() if balance and balance.amount is not None else None,
        "today": f"{usage.sms_day} SMS {usage.minutes_day:.0f} min" if usage else None,
        "heard": record.heard_at.strftime("%Y-%m-%d %H:%M"),
        "reason": (health.reason if health and health.reason else status.reason) or None,
    }


def text(rows: Sequence[Row]) -> str:
    """Columns as wide as what stands in them; control characters of devices and operators are not printed."""
    if not rows:
        return "no channel has been heard of"
    names = list(rows[0])
    lines = [[name.upper() for name in names]] + [[_cell(found[name]) for name in names] for found in rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(names))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def _cell(value: str | None) -> str:
    return "".join(char if char.isprintable() else "?" for char in value or "-")
