"""SMS that come as events of a manager port (sans-I/O)."""

from __future__ import annotations

import re

from edge_agent.contracts import SmsPart
from edge_agent.drivers.gateway.ami_codec import Block, content_of
from edge_agent.drivers.gateway.box_values import part_key, time_of
from telecore.errors import RemoteProtocolError
from telecore.ids import Address, ChannelId

_DIGITS = re.compile(r"[0-9]{1,9}")


def read_received(block: Block, channel: ChannelId) -> tuple[SmsPart, int]:
    """A ReceivedSMS event: the part, numbered 1, and the index that the box gave it. Raises RemoteProtocolError."""
    sender, body = block.get("Sender"), content_of(block.get("Content"))
    if not sender and not body:
        raise RemoteProtocolError("ReceivedSMS with neither sender nor content")
    total, index = _count(block.get("Total"), 1), _count(block.get("Index"), 0)
    ident, at = block.get("ID"), block.get("Recvtime")
    long = 1 < total <= 255
    part = SmsPart(
        channel=channel,
        key=part_key(block.get("GsmSpan") or block.get("GsmPort"), ident, sender, at, str(index), str(total), body),
        sender=Address(sender),
        body=body,
        sent_at=time_of(at),
        # Some firmware gives the parts of one SMS one number; without it, sender and total must do.
        ref=(int(ident) % 65_536 if _DIGITS.fullmatch(ident) else 0) if long else None,
        parts=total if long else 1,
        wide_ref=long,
    )
    return part, index


def span_in(block: Block, offset: int) -> int | None:
    """Which span an event is about; GsmPort counts as the box's pages do."""
    span, port = block.get("GsmSpan"), block.get("GsmPort")
    if _DIGITS.fullmatch(span):
        return int(span)
    return int(port) + offset if _DIGITS.fullmatch(port) else None


def _count(text: str, usual: int) -> int:
    return int(text) if _DIGITS.fullmatch(text) else usual
