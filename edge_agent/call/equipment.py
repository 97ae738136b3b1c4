"""What every call of this edge works with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from edge_agent.call.report import Emit, Notify
from edge_agent.call.sounds import Sounds
from edge_agent.contracts import Witness
from edge_agent.media.clips import Clips
from edge_agent.media.clock import MediaClock
from edge_agent.media.recorder import Recorder
from edge_agent.unguarded import Unguarded
from telecore.events import CallEvent
from telecore.notices import Notice


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a call waits for others, in seconds."""

    page: float = 40.0
    """For the next page, when nothing else is going on: a line that is dead without a word is replaced within it."""
    route: float = 25.0
    """For the answer to a RouteWanted, which is asked again when the tunnel was cut for up to 20 s."""
    stream: float = 25.0
    """For the cloud to reach the application of a <Stream>."""
    words: float = 12.0
    """For the cloud to tell what was said, from when it was said."""
    answer: float = 20.0
    """For the line to be connected after we answered."""
    hang_up: float = 20.0
    """For the line to be seen free again."""
    last_words: float = 2.0
    """For a page that keeps a recording after the caller hung up; for the reason why answering failed."""
    last_sound: float = 0.3
    """For what was sent last to be heard: modems and what lies before them hold back some 100 ms."""
    keeping: float = 20.0
    """For the disk to take the recordings of a call that is over."""


@dataclass(frozen=True, slots=True)
class Equipment:
    """Shared by all calls. ``emit`` returns when the event is on disk; ``notify`` returns at once.

    ``witness`` is told how each leg went, ``sounds`` how it sounded.
    """

    clock: MediaClock
    clips: Clips
    recorder: Recorder
    emit: Emit
    notify: Notify
    waits: Waits = field(default_factory=Waits)
    witness: Witness = field(default_factory=Unguarded)
    sounds: Sounds = field(default_factory=Sounds)


def unheard(equipment: Equipment) -> Equipment:
    """For a leg of which another edge tells: nothing that happens to it is news of this one."""
    return replace(equipment, emit=_forget, notify=_ignore, witness=Unguarded(), sounds=Sounds())


async def _forget(event: CallEvent) -> None:
    """Not written."""


def _ignore(notice: Notice) -> bool:
    return False
