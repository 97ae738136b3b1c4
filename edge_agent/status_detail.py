"""One channel for people: what ``edge-agent status CHANNEL`` prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from edge_agent.sims.words import balance_words
from edge_agent.status_table import span
from telecore.subscriber import mask

_Told = Mapping[str, Any]


def as_detail(detail: _Told, now: float) -> str:
    """``detail``: the answer to the request of that name."""
    status = detail["status"]
    lines = [f"{name:<10} {value}" for name, value in _facts(status, now) if value]
    history = [_line(event) for event in detail["history"]]
    return "\n".join([*lines, "", "lately, the newest first:", *(history or ["  nothing"])])


def _facts(status: _Told, now: float) -> Iterator[tuple[str, str]]:
    sim, device, health = status.get("sim") or {}, status.get("device") or {}, status.get("health") or {}
    usage, store, signal = status.get("usage") or {}, status.get("store"), status.get("signal")
    yield "channel", status["channel"]
    yield "state", _with_reason(status["state"], status.get("reason"), f" for {span(now - float(status['since']))}")
    yield "line", str(status.get("call") or "")
    yield "health", _health(health, now) if health else ""
    yield "SIM", ", ".join(text for text in (mask(sim["iccid"]), sim.get("msisdn")) if text) if sim else "none"
    yield "operator", str(sim.get("operator_name") or sim.get("operator") or "")
    yield (
        "signal",
        " ".join(text for text in (f"{signal['dbm']} dBm" if signal else "", status.get("access", "")) if text),
    )
    yield "device", " ".join(filter(None, (device.get("manufacturer"), device.get("model"), device.get("revision"))))
    yield "profile", str(device.get("profile") or "")
    yield "port", str(device.get("port") or "")
    yield "offers", ", ".join(status.get("offers", ()))
    yield "balance", balance_words(status["balance"]) if status.get("balance") else ""
    yield "today", f"{usage.get('sms_day', status.get('sent_today', 0))} SMS, {usage.get('minutes_day', 0):.0f} minutes"
    if usage:
        yield "month", f"{usage.get('sms_month', 0)} SMS, {usage.get('minutes_month', 0):.0f} minutes"
    yield "quota", str(usage.get("limit", ""))
    yield "storage", f"{store['store']}: {store['used']} of {store['total']}" if store else ""


def _health(health: _Told, now: float) -> str:
    held = ", held so by a person" if health.get("forced") else ""
    since = f" for {span(now - float(health['since']))}, takes {health.get('share', 100)} % of its traffic{held}"
    return _with_reason(health["state"], health.get("reason"), since)


def _with_reason(state: str, reason: str | None, since: str) -> str:
    return f"{state}{since}" + (f": {reason}" if reason else "")


def _line(event: _Told) -> str:
    when = str(event.get("at", ""))[:19].replace("T", " ")
    words = _WORDS.get(event["kind"], _kind)
    evidence = "".join(f"\n{'':22}- {line}" for line in event.get("evidence", ()))
    return f"  {when:<19} {words(event)}{evidence}"


def _kind(event: _Told) -> str:
    return str(event["kind"])


def _changed(event: _Told) -> str:
    status = event["status"]
    return f"{status['state']}" + (f": {status['reason']}" if status.get("reason") else "")


def _health_changed(event: _Told) -> str:
    health = event["health"]
    was = f"{event['was']} → " if event.get("was") else ""  # nothing was known of a SIM that is new here
    return f"health: {was}{health['state']}" + (f": {health['reason']}" if health.get("reason") else "")


_WORDS: Mapping[str, Callable[[_Told], str]] = {
    "channel.changed": _changed,
    "channel.healed": lambda event: f"healing: {event['step'].replace('_', ' ')}: {event['outcome'].replace('_', ' ')}",
    "sim.health": _health_changed,
    "sim.balance": lambda event: f"balance: {balance_words(event['balance'])}",
    "sim.topped_up": lambda event: f"top-up: {event['outcome']}: {event.get('said') or '(nothing said)'}",
    "selftest.done": lambda event: f"self-test: {'passed' if event['passed'] else 'FAILED'}: {event['text']}",
    "call.sound": lambda event: f"sound of a call: {event['verdict'].replace('_', ' ')}",
}
