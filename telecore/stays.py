"""A call's stay in a conference or a queue: what the verb asks for, where the cloud wants the call, how it ends.

The edge tells that a stay began (``StayWanted``) and ended (``StayEnded``); in between the cloud says with
``PlaceStay`` where the call is to be, as a whole, and with ``RunWait`` what it hears while it is in no room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.ids import CallSid
from telecore.schema import Tagged

MAX_PARTICIPANTS = 250
MAX_QUEUE = 5000


class StaySpec(Tagged, family=True):
    """What a verb asks for."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class ConferenceSpec(StaySpec):
    """``<Conference>``. ``beep``: ``true``, ``false``, ``onEnter`` or ``onExit``; ``wait_url`` None: our hold music.

    ``coach`` is the call that alone hears this one.
    """

    kind: ClassVar[str] = "conference"
    name: str
    muted: bool = False
    beep: str = "true"
    start_on_enter: bool = True
    end_on_exit: bool = False
    wait_url: str | None = None
    wait_method: str = "POST"
    max_participants: int = MAX_PARTICIPANTS
    record: bool = False
    trim_silence: bool = True
    coach: str = ""
    label: str = ""
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ()
    recording_status_callback: str = ""
    recording_status_callback_method: str = "POST"
    recording_status_callback_events: tuple[str, ...] = ("completed",)
    event_callback: str = ""
    hangup_on_star: bool = False
    time_limit_s: float = 14400.0


@dataclass(frozen=True, slots=True)
class EnqueueSpec(StaySpec):
    """``<Enqueue>``. ``action`` is told also when the API takes the call out, and no verb is left to tell it."""

    kind: ClassVar[str] = "enqueue"
    name: str
    max_size: int = 100
    wait_url: str | None = None
    wait_method: str = "POST"
    action: str = ""
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class DequeueSpec(StaySpec):
    """``<Dial><Queue>``: the first in it, or whoever comes within ``timeout_s``. ``url`` is run on the member."""

    kind: ClassVar[str] = "dequeue"
    name: str
    url: str = ""
    method: str = "POST"
    timeout_s: float = 30.0
    time_limit_s: float = 14400.0
    hangup_on_star: bool = False
    ring_tone: str = "auto"


@dataclass(frozen=True, slots=True)
class RoomRecording:
    """How a room is recorded from its first sound on, and whom to tell."""

    conference: str
    trim_silence: bool = True
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call of a stay is to be, as a whole. ``room`` empty: it waits, or is on hold, and is heard by nobody.

    ``sid`` is the conference's or the queue's. ``peer``: the call it is joined with, or will be in a moment.
    ``ends_room``: when its stay ends the others' in this room do. ``report_speech``: tell when it begins and ends to
    speak. ``spans``: others of this room are at other edges.
    """

    sid: str = ""
    room: str = ""
    muted: bool = False
    coach: CallSid | None = None
    beep_on_enter: bool = False
    beep_on_exit: bool = False
    ends_room: bool = False
    peer: CallSid | None = None
    recording: RoomRecording | None = None
    spans: bool = False
    report_speech: bool = False


@dataclass(frozen=True, slots=True)
class StayOutcome:
    """How a stay ended. ``because``: ``hangup``, ``redirected``, ``star``, ``time-limit``, ``timeout``, ``leave``,
    ``ended`` (whoever else was in the room ended it), or what the cloud said: ``kicked``, ``full``, ``error``.

    ``waited_s`` lasts until it was in a room for the first time; ``live_s`` since then, None when it never was.
    """

    because: str
    sid: str = ""
    peer: CallSid | None = None
    waited_s: int = 0
    live_s: int | None = None


_WAITING = {"full": "queue-full", "leave": "leave", "hangup": "hangup", "redirected": "redirected", "error": "error"}


def queue_result(outcome: StayOutcome) -> str:
    """Twilio's QueueResult."""
    if outcome.live_s is not None:
        return "redirected-from-bridged" if outcome.because == "redirected" else "bridged"
    if outcome.peer is not None and outcome.because == "hangup":
        return "bridging-in-process"
    return _WAITING.get(outcome.because, "system-error")


def queue_params(outcome: StayOutcome) -> dict[str, str]:
    """What the ``action`` of an ``<Enqueue>`` is told; SID and time only where the call was in the queue."""
    params = {"QueueResult": queue_result(outcome)}
    if outcome.sid and outcome.because not in ("full", "error"):
        params |= {"QueueSid": outcome.sid, "QueueTime": str(outcome.waited_s)}
    return params


def conference_params(outcome: StayOutcome) -> dict[str, str]:
    """What the ``action`` of a ``<Dial><Conference>`` is told; Twilio's word for a conference is ``answered``."""
    entered = outcome.because not in ("full", "error")
    return {
        "DialCallStatus": "answered" if entered else "failed",
        "DialBridged": str(outcome.live_s is not None).lower(),
    }


def dequeue_params(outcome: StayOutcome) -> dict[str, str]:
    """What the ``action`` of a ``<Dial><Queue>`` is told."""
    if outcome.live_s is None:
        given_up = {"hangup": "canceled", "error": "failed"}.get(outcome.because, "no-answer")
        return {"DialCallStatus": given_up, "DialBridged": "false"}
    params = {"DialCallStatus": "completed", "DialBridged": "true", "DialCallDuration": str(outcome.live_s)}
    return params | ({"DialCallSid": outcome.peer} if outcome.peer else {})
