"""An event as it was heard, and what the services are told of it once it is written down."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cloud.store.database import Connection
from cloud.store.records import CallRecord, EdgeRecord, MessageRecord, RecordingRecord
from cloud.store.rows import now
from cloud.tunnel import message_steps
from telecore.errors import Refused
from telecore.events import Event
from telecore.ids import ChannelId, EdgeId
from telecore.model import ChannelStatus

log = logging.getLogger(__name__)

CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Told:
    """What the services are told after the commit: the event and the rows as they are now."""

    edge: EdgeId
    event: Event
    history: bool = False
    call: CallRecord | None = None
    message: MessageRecord | None = None
    recording: RecordingRecord | None = None
    channel: ChannelStatus | None = None


RecordingUrl = Callable[[str, str], str]
"""Where customers find a recording, by account and SID."""


Allow = Callable[[Connection, MessageRecord], None]
"""Counts a message among what its account may send. Raises Refused."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, who told it, and when we heard it. ``ahead``: of its number, and of what was told before it."""

    edge: EdgeRecord
    event: Any
    now: datetime
    history: bool
    recording_url: RecordingUrl
    allow: Allow
    ahead: bool = False

    @property
    def at(self) -> datetime:
        """When it happened. An edge's clock that is far off is not believed, except for what happened before."""
        moment: datetime = self.event.at
        far = abs(self.now - moment) > CLOCK_TOLERANCE
        return self.now if moment > self.now or (far and not self.history) else moment


def told(heard: Heard, **rows: Any) -> Told:
    return Told(heard.edge.edge, heard.event, heard.history, **rows)


class NotYet(Refused):
    """What an event tells of is not known, and it came ahead of what may make it known."""


def foreign(heard: Heard, what: str) -> Told | None:
    """Raises NotYet."""
    if heard.ahead:
        raise NotYet(f"{what} is not known yet")
    log.warning("edge %s speaks of %s, which is not its own: ignored", heard.edge.edge, what)
    return None


def owns(heard: Heard, channel: ChannelId) -> bool:
    if message_steps.owner_of(channel) == heard.edge.edge:
        return True
    foreign(heard, f"channel {channel}")
    return False


def utc_now() -> datetime:
    """By the clock that all of the cloud goes by."""
    return now()
