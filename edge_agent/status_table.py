"""The agent's status for people: what ``edge-agent status`` prints."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

_HEADINGS = ("CHANNEL", "STATE", "SINCE", "SIM", "NUMBER", "OPERATOR", "SIGNAL", "CALLS", "SENT")


def as_table(status: Mapping[str, Any], now: float | None = None) -> str:
    """A table of what ``GET /status`` answered. ``now`` is the time of day that ``since`` is told against."""
    tunnel = "up" if status["tunnel"]["connected"] else "DOWN"
    head = (
        f"edge {status['edge']} · version {status['version']} · up {span(status['uptime_s'])} · tunnel {tunnel} · "
        f"{status['spooled']} events and {status['sms_waiting']} SMS waiting · {len(status['calls'])} calls"
    )
    moment = time.time() if now is None else now
    rows = [_HEADINGS, *(_row(channel, moment) for channel in status["channels"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if len(rows) == 1:
        lines = ["no channels: no modem is configured or found"]
    warnings = [f"{w['severity']}: {w['subject'] or 'this edge'}: {w['text']}" for w in status["warnings"]]
    return "\n".join([head, "", *lines, *([""] if warnings else []), *warnings])


def span(seconds: float) -> str:
    """``3 d 4 h``, ``5 min``, ``12 s``."""
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    left = max(0, int(seconds))
    for number, (name, size) in enumerate(units):
        if left >= size:
            rest = (left % size) // units[number + 1][1] if number < 2 else 0
            return f"{left // size} {name}" + (f" {rest} {units[number + 1][0]}" if rest else "")
    return "0 s"


def _row(channel: Mapping[str, Any], now: float) -> tuple[str, ...]:
    sim = channel.get("sim") or {}
    signal = channel.get("signal")
    return (
        str(channel["channel"]),
        str(channel["state"]) + (f" ({channel['reason']})" if channel.get("reason") else ""),
        span(now - float(channel["since"])),
        f"…{sim['iccid'][-4:]}" if sim.get("iccid") else "-",
        str(sim.get("msisdn") or "-"),
        str(sim.get("operator_name") or sim.get("operator") or "-"),
        f"{signal['dbm']} dBm" if signal else "-",
        str(channel.get("busy_legs", 0)),
        str(channel.get("sent_today", 0)),
    )
