"""Channels, what they went through, and tasks → JSON. Moments are ISO 8601 in UTC; ICCIDs are masked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from cloud.fleet.snapshot import Snapshot
from cloud.store.records import ChannelRecord, HistoryRecord, TaskRecord, WarningRecord
from telecore import redact
from telecore.codec import decode_event
from telecore.errors import RemoteProtocolError
from telecore.events import Event, SelfTestDone, SimHealthChanged, SoundChecked
from telecore.ids import AccountSid
from telecore.sim_health import Balance, Health

Json = dict[str, object]
_MOMENTS = {"balance": ("at",), "health": ("since", "until")}
_OF_EVENT = {field.name for field in fields(Event)}


def moment(at: datetime | float | None) -> str | None:
    """``2026-05-01T12:00:00Z``."""
    if at is None:
        return None
    when = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def channels(records: Sequence[ChannelRecord], fleet: Snapshot, accounts: frozenset[AccountSid]) -> list[Json]:
    """How they stand. Of what they went through, only what these accounts' SIMs did is told."""
    connected = {edge.edge for edge in fleet.edges if edge.connected}
    told = defaultdict[str, list[WarningRecord]](list)
    for found in fleet.warnings:
        told[found.subject].append(found)
    return [_channel(record, fleet, accounts, record.edge in connected, told[record.channel]) for record in records]


def _channel(
    record: ChannelRecord,
    fleet: Snapshot,
    accounts: frozenset[AccountSid],
    connected: bool,
    warnings: Sequence[WarningRecord],
) -> Json:
    status, sim = record.status, record.status.sim
    edge, _, device = record.channel.partition("/")

    def last(kind: str) -> Json | None:
        found = fleet.newest.get((record.channel, kind))
        return happened(found) if found is not None and found.account in accounts else None

    changed = last(SimHealthChanged.kind)
    return {
        "channel": record.channel,
        "edge": edge,
        "device": device,
        "connected": connected,
        "heard_at": moment(record.heard_at),
        "number": next(iter(status.own_numbers), None),
        "numbers": list(status.own_numbers),
        "calls_at_once": status.capacity,
        "iccid": redact.number(sim.iccid) if sim else None,
        "operator": (sim.operator_name or sim.operator) if sim else None,
        "signal_dbm": status.signal.dbm if status.signal else None,
        "access": status.access or None,
        "state": status.state.value,
        "reason": status.reason or None,
        "since": moment(status.since),
        "in_call": status.busy_legs > 0,
        "line_call": status.call.value if status.call else None,
        "health": health(status.health, changed["evidence"] if changed else []) if status.health else None,
        "balance": balance(status.balance) if status.balance else None,
        "usage": asdict(status.usage) if status.usage else None,
        "store": {**asdict(status.store), "full": status.store.full} if status.store else None,
        "last_self_test": last(SelfTestDone.kind),
        "last_sound": last(SoundChecked.kind),
        "warnings": [warning(found) for found in warnings],
    }


def health(found: Health, evidence: object) -> Json:
    return {**asdict(found), "since": moment(found.since), "until": moment(found.until), "evidence": evidence}


def balance(found: Balance) -> Json:
    return {**asdict(found), "at": moment(found.at)}


def warning(found: WarningRecord) -> Json:
    return {"code": found.code, "severity": found.severity, "text": found.text, "since": moment(found.since)}


def happened(record: HistoryRecord) -> Json:
    """One event of a channel's history."""
    told: Json = {"kind": record.kind, "at": moment(record.at)}
    try:
        event = decode_event(record.payload)
    except RemoteProtocolError:
        return told
    told |= {name: value for name, value in asdict(event).items() if name not in _OF_EVENT}
    for name, found in (("health", getattr(event, "health", None)), ("balance", getattr(event, "balance", None))):
        if isinstance(found, Health):
            told[name] = {**asdict(found), "since": moment(found.since), "until": moment(found.until)}
        elif isinstance(found, Balance):
            told[name] = balance(found)
    if "iccid" in told:
        told["iccid"] = redact.number(str(told["iccid"]))
    return told


def _dated(name: str, value: Any) -> Any:
    """Moments within a result, which edges tell in seconds, as all others are written."""
    if name not in _MOMENTS or not isinstance(value, dict):
        return value
    return {key: moment(found) if key in _MOMENTS[name] else found for key, found in value.items()}


def task(record: TaskRecord) -> Json:
    return {
        "sid": record.sid,
        "kind": record.kind,
        "channel": record.channel,
        "status": record.status,
        "created_at": moment(record.created_at),
        "updated_at": moment(record.updated_at),
        "result": {name: _dated(name, value) for name, value in record.result.items()} or None,
        "uri": f"/simferry/v1/tasks/{record.sid}",
    }
