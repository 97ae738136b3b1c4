"""The agent's status for people: what ``edge-agent status`` prints, in 80 to 120 columns."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from edge_agent.sims.words import amount_words

_HEADINGS = (
    "CHANNEL", "STATE", "FOR", "HEALTH", "NUMBER", "OPERATOR", "SIGNAL", "BALANCE", "DAYS", "SMS", "MIN", "STORE",
    "CALLS",
)  # fmt: skip
"""FOR: how long in this state; HEALTH with a star: a person decided so; DAYS: until the balance is used up or the SIM
expires; SMS, MIN: carried today."""
_EMPTY_COLUMNS = ("BALANCE", "DAYS", "STORE")
"""Left out when no channel has anything to say there: a narrow screen is soon full."""
_LONGEST_NAME = 10


def as_table(status: Mapping[str, Any], now: float | None = None) -> str:
    """A table of what ``GET /status`` answered. ``now`` is the time of day that ``since`` is told against."""
    moment = time.time() if now is None else now
    channels = status["channels"]
    lines = _columns([_row(channel, moment) for channel in channels])
    remarks = [remark for channel in channels for remark in _remarks(channel)]
    warnings = [f"{w['severity']}: {w['subject'] or 'this edge'}: {w['text']}" for w in status["warnings"]]
    parts = [
        [head(status), *data_lines(status.get("data"))],
        lines if channels else ["no channels: no modem is configured or found"],
        remarks,
        warnings,
        list(_listens(status.get("listens", ()))),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _listens(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for one in found:
        where = f"{one['address']}:{one['ports']}" if one["ports"] else one["address"]
        yield f"listens on {one['protocol']} {where} ({one['because']}: {one['what']})"


def head(status: Mapping[str, Any]) -> str:
    """The edge in one line."""
    tunnel = "up" if status["tunnel"]["connected"] else "DOWN"
    return (
        f"edge {status['edge']} · version {status['version']} · up {span(status['uptime_s'])} · tunnel {tunnel} · "
        f"{status['spooled']} events and {status['sms_waiting']} SMS waiting · {len(status['calls'])} calls"
    )


def data_lines(data: Mapping[str, Any] | None) -> Iterator[str]:
    """What the tunnel carried this month, by kind; then uplinks with a budget of their own."""
    if not data or not data.get("month"):
        return
    up, down = (data.get("traffic", {}).get(way, {}) for way in ("up", "down"))
    kinds = {kind: up.get(kind, 0) + down.get(kind, 0) for kind in ("audio", "events", "bulk", "overhead")}
    used, budget = sum(kinds.values()), data.get("budget")
    whole = f" of {megabytes(budget)} ({used / budget:.0%})" if budget else ""
    parts = ", ".join(f"{kind} {megabytes(count)}" for kind, count in kinds.items())
    parts += f" (updates {megabytes(data['releases'])} of bulk)" if data.get("releases") else ""
    by = f" · by {data['by']}" if data.get("by") else ""
    detail = f" · telemetry {data['detail']}" if data.get("detail", "full") != "full" else ""
    waits = f" · recordings wait {data['waits']}" if data.get("waits") else ""
    yield f"data since {data['month']}: {megabytes(used)}{whole}: {parts}{by}{detail}{waits}"
    for uplink in data.get("uplinks", ()):
        if uplink["name"]:
            limit = f" of {megabytes(uplink['budget'])}" if uplink.get("budget") else ""
            yield f"  {uplink['name']}: {megabytes(uplink['used'])}{limit}"


def megabytes(count: int) -> str:
    """Of 1,000,000 bytes, as data plans are sold."""
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.2f} GB"


def span(seconds: float) -> str:
    """``3 d 4 h``, ``5 min``, ``12 s``."""
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    left = max(0, int(seconds))
    for number, (name, size) in enumerate(units):
        if left >= size:
            rest = (left % size) // units[number + 1][1] if number < 2 else 0
            return f"{left // size} {name}" + (f" {rest} {units[number + 1][0]}" if rest else "")
    return "0 s"


def short(channel: str) -> str:
    """Without the edge, which the first line names."""
    return channel.partition("/")[2] or channel


def days_left(channel: Mapping[str, Any], now: float) -> int | None:
    """Whole days until the money or the validity of the SIM ends, whichever is first."""
    balance = channel.get("balance") or {}
    days = [balance["days_left"]] if balance.get("days_left") is not None else []
    if balance.get("expires_on"):
        days.append((date.fromisoformat(balance["expires_on"]) - date.fromtimestamp(now)).days)
    return max(0, int(min(days))) if days else None


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    kept = [
        number
        for number, name in enumerate(_HEADINGS)
        if name not in _EMPTY_COLUMNS or any(row[number] != "-" for row in rows)
    ]
    table = [[row[number] for number in kept] for row in (_HEADINGS, *rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def _row(channel: Mapping[str, Any], now: float) -> tuple[str, ...]:
    sim, usage, store = channel.get("sim") or {}, channel.get("usage") or {}, channel.get("store")
    signal, health, days = channel.get("signal"), channel.get("health"), days_left(channel, now)
    numbers = [number for number in (sim.get("msisdn"), *channel.get("numbers", ())) if number]
    number = numbers[0] if numbers else (f"SIM …{sim['iccid'][-4:]}" if sim.get("iccid") else "-")
    return (
        short(str(channel["channel"])),
        str(channel["state"]),
        span(now - float(channel["since"])),
        str(health["state"]) + ("*" if health.get("forced") else "") if health else "-",
        str(number),
        str(sim.get("operator_name") or sim.get("operator") or "-")[:_LONGEST_NAME],
        f"{signal['dbm']} dBm" if signal else "-",
        amount_words(channel["balance"]) if channel.get("balance") else "-",
        "-" if days is None else str(days),
        str(usage.get("sms_day", channel.get("sent_today", 0))),
        f"{usage.get('minutes_day', 0):.0f}",
        f"{store['store']} {store['used']}/{store['total']}" if store else "-",
        str(channel.get("busy_legs", 0)),
    )


def _remarks(channel: Mapping[str, Any]) -> Iterator[str]:
    """Why a channel is as it is, a line each."""
    name, health = short(str(channel["channel"])), channel.get("health") or {}
    usage, store, balance = channel.get("usage") or {}, channel.get("store"), channel.get("balance") or {}
    if channel.get("reason"):
        yield f"{name}: {channel['state']}: {channel['reason']}"
    if health.get("state", "healthy") != "healthy":
        until = (
            f", looked at again at {time.strftime('%H:%M', time.localtime(health['until']))}"
            if health.get("until")
            else ""
        )
        held = ", held so by a person" if health.get("forced") else ""
        yield f"{name}: {health['state']}{held}: {health.get('reason') or 'no reason given'}{until}"
    if usage.get("limit"):
        yield f"{name}: quota: {usage['limit']}"
    if store and store["total"] and store["used"] >= store["total"]:
        yield f"{name}: the message storage {store['store']} is full: nothing more can be received"
    if balance.get("note"):
        yield f"{name}: balance: {balance['note']}"
