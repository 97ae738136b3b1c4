"""A snapshot of the fleet → what the page says of it. Pure: the moment is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cloud.dashboard.happened import HappenedRow, WarningRow, happened_row, warning_rows
from cloud.dashboard.sims import SimView, sim_view
from cloud.fleet.snapshot import EdgeView, Snapshot
from cloud.store.records import CallRecord, ChannelRecord, HistoryRecord, MessageRecord
from telecore.model import CallStatus, ChannelState, Direction, LineCall, MessageStatus
from telecore.notices import DataUsed, Detail

_BARS = ((-75, 4), (-87, 3), (-99, 2), (-109, 1))
"""At least this many dBm → so many of four bars."""
_TONES = {
    ChannelState.REGISTERED: "good",
    ChannelState.SEARCHING: "waiting",
    ChannelState.DISABLED: "idle",
    CallStatus.IN_PROGRESS: "good",
    CallStatus.RINGING: "waiting",
    CallStatus.INITIATED: "waiting",
    CallStatus.QUEUED: "waiting",
    MessageStatus.DELIVERED: "good",
    MessageStatus.RECEIVED: "good",
    MessageStatus.SENT: "good",
    MessageStatus.UNDELIVERED: "bad",
    MessageStatus.FAILED: "bad",
    MessageStatus.CANCELED: "idle",
}
_PREVIEW = 120


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """``seen`` is seconds since 1970, None for never."""

    name: str
    state: str
    tone: str
    seen: float | None
    version: str
    spooled: str
    data: str = ""
    data_hint: str = ""


@dataclass(frozen=True, slots=True)
class ChannelRow:
    name: str
    number: str
    iccid: str
    operator: str
    bars: int
    signal: str
    state: str
    tone: str
    reason: str
    since: float
    busy: int
    call: str
    device: str
    access: str
    sim: SimView


@dataclass(frozen=True, slots=True)
class CallRow:
    """``since``: when it was answered, or made while it was not."""

    sid: str
    caller: str
    called: str
    direction: str
    channel: str
    status: str
    tone: str
    since: float


@dataclass(frozen=True, slots=True)
class MessageRow:
    sid: str
    inbound: bool
    sender: str
    recipient: str
    text: str
    status: str
    tone: str
    trouble: str
    at: float


@dataclass(frozen=True, slots=True)
class View:
    warnings: tuple[WarningRow, ...]
    edges: tuple[EdgeRow, ...]
    channels: tuple[ChannelRow, ...]
    calls: tuple[CallRow, ...]
    messages: tuple[MessageRow, ...]
    happened: tuple[HappenedRow, ...]


def view(snapshot: Snapshot) -> View:
    online = {edge.edge for edge in snapshot.edges if edge.connected}
    return View(
        warning_rows(snapshot.warnings),
        tuple(edge_row(edge) for edge in snapshot.edges),
        tuple(channel_row(channel, channel.edge in online, snapshot.newest) for channel in snapshot.channels),
        tuple(call_row(call) for call in snapshot.calls),
        tuple(message_row(message) for message in snapshot.messages),
        tuple(happened_row(record) for record in snapshot.happened),
    )


def edge_row(edge: EdgeView) -> EdgeRow:
    if edge.connected:
        state, tone = "connected", "good"
    elif not edge.enrolled:
        state, tone = "not enrolled yet", "waiting"
    else:
        state, tone = "offline", "bad"
    spooled = "" if edge.spooled is None else str(edge.spooled)
    seen = _seconds(edge.last_seen_at)
    return EdgeRow(edge.edge, state, tone, seen, edge.version, spooled, *data_words(edge.data))


def data_words(data: DataUsed | None) -> tuple[str, str]:
    """What a site's tunnel carried this month, of how much; and the details."""
    if data is None or not data.month:
        return "", ""
    up, down = data.traffic.up, data.traffic.down
    used = data.traffic.total
    of = f" of {_megabytes(data.budget)}" if data.budget else ""
    by_kind = (
        ("audio", up.audio + down.audio),
        ("events", up.events + down.events),
        ("bulk", up.bulk + down.bulk),
        ("overhead", up.overhead + down.overhead),
    )
    hints = [f"since {data.month}", *(f"{kind} {_megabytes(count)}" for kind, count in by_kind)]
    hints += [f"updates {_megabytes(data.releases)} of bulk"] if data.releases else []
    hints += [f"up {_megabytes(up.total)}, down {_megabytes(down.total)}"]
    hints += [f"by {data.by}"] if data.by else []
    hints += [
        f"{uplink.name} {_megabytes(uplink.used)}" + (f" of {_megabytes(uplink.budget)}" if uplink.budget else "")
        for uplink in data.uplinks
        if uplink.name
    ]
    hints += [f"telemetry {data.detail}"] if data.detail is not Detail.FULL else []
    hints += [f"recordings wait {data.waits}"] if data.waits else []
    return f"{_megabytes(used)}{of}", "; ".join(hints)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.2f} GB"


def channel_row(channel: ChannelRecord, online: bool, newest: Mapping[tuple[str, str], HistoryRecord]) -> ChannelRow:
    """What an offline edge last said of its channel is shown, but not as if it were so now."""
    status, sim = channel.status, channel.status.sim
    device = status.device
    return ChannelRow(
        name=channel.channel,
        number=", ".join(status.own_numbers),
        iccid=sim.iccid if sim else "",
        operator=(sim.operator_name or sim.operator or "") if sim else "",
        bars=bars(status.signal.dbm) if status.signal and online else 0,
        signal=f"{status.signal.dbm} dBm".replace("-", "−") if status.signal else "no signal reported",
        state=status.state.value if online else "edge offline",
        tone=_TONES.get(status.state, "bad") if online else "idle",
        reason=status.reason if online else f"was {status.state.value}",
        since=status.since if online else channel.heard_at.timestamp(),
        busy=status.busy_legs if online else 0,
        call=status.call.value if status.call and status.call is not LineCall.IDLE and online else "",
        device=f"{device.manufacturer} {device.model}".strip() if device else "",
        access=status.access,
        sim=sim_view(status, newest),
    )


def bars(dbm: int) -> int:
    """Of four, as a phone would show them."""
    return next((count for least, count in _BARS if dbm >= least), 0)


def call_row(call: CallRecord) -> CallRow:
    return CallRow(
        sid=call.sid,
        caller=call.caller or "withheld",
        called=call.called or "unknown",
        direction="in" if call.direction is Direction.INBOUND else "out",
        channel=call.channel or "",
        status=call.status.value,
        tone=_TONES.get(call.status, "idle"),
        since=(call.answered_at or call.created_at).timestamp(),
    )


def message_row(message: MessageRecord) -> MessageRow:
    text = message.body if len(message.body) <= _PREVIEW else f"{message.body[:_PREVIEW]}…"
    trouble = " ".join(filter(None, (str(message.error_code or ""), message.error_message)))
    return MessageRow(
        sid=message.sid,
        inbound=message.direction is Direction.INBOUND,
        sender=message.sender,
        recipient=message.recipient,
        text=text,
        status=message.status.value,
        tone=_TONES.get(message.status, "waiting"),
        trouble=trouble,
        at=message.created_at.timestamp(),
    )


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
