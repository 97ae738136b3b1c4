"""The agent's status as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge_agent.health.conditions import Condition
from telecore.notices import Heartbeat
from telecore.schema import dump


def as_json(
    edge: str, heartbeat: Heartbeat, tunnel: Mapping[str, Any], warnings: Sequence[Condition], waiting: int
) -> dict[str, Any]:
    """What ``GET /status`` answers. Channels are whole ``ChannelStatus``, empty fields spelled out."""
    return {
        "edge": edge,
        "version": heartbeat.version,
        "instance": heartbeat.instance,
        "uptime_s": round(heartbeat.uptime_s, 1),
        "tunnel": dict(tunnel),
        "spooled": heartbeat.spooled,
        "sms_waiting": waiting,
        "data": dump(heartbeat.data),
        "channels": [dump(status) for status in heartbeat.channels],
        "calls": [
            {"call": call.call, "channel": call.channel, "answered": call.answered, "page": call.page}
            for call in heartbeat.calls
        ],
        "warnings": [
            {"code": found.code, "severity": found.severity.value, "subject": found.subject, "text": found.text}
            for found in warnings
        ],
    }
