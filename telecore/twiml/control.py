"""What the verbs of a page need from the world. ``edge_agent/call_control.py`` is the one implementation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from telecore.ids import CallSid, FeedId, MessageSid, RecordingSid
from telecore.model import CallStatus, Clip, MachineSpec, Track
from telecore.stays import StayOutcome, StaySpec


@dataclass(frozen=True, slots=True)
class Prompt:
    """A clip played ``loop`` times (0: for ever), or silence of ``pause_s`` seconds when there is no clip."""

    clip: Clip | None = None
    loop: int = 1
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechSpec:
    """Words to listen for. ``end_s`` of silence end what is said (None: a pause as people make between sentences).

    ``hints``: words and phrases that are likely. ``partial_callback`` is told what is understood so far.
    """

    language: str = "en-US"
    hints: tuple[str, ...] = ()
    end_s: float | None = None
    max_s: float = 60.0
    partial_callback: str = ""
    partial_callback_method: str = "POST"


@dataclass(frozen=True, slots=True)
class CollectSpec:
    """Digits to wait for, and words. ``timeout_s`` runs from the end of the prompts and anew from each digit.

    Whoever presses a key is not listened to any more. Without ``keys`` only words count.
    """

    timeout_s: float = 5.0
    num_digits: int | None = None
    finish_on_key: str = "#"
    barge_in: bool = True
    keys: bool = True
    speech: SpeechSpec | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """What was pressed, without the finish key; or what was said, and how sure the recogniser is of it (0 to 1).

    ``finished_by``: ``key``, ``count``, ``timeout`` or ``speech``.
    """

    digits: str
    finished_by: str
    speech: str = ""
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class RecordSpec:
    """A recording that ends by silence, a key, its length, or the caller."""

    timeout_s: float = 5.0
    finish_on_key: str = "1234567890*#"
    max_length_s: float = 3600.0
    play_beep: bool = True
    trim_silence: bool = True
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)
    transcribe: bool = False
    transcribe_callback: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """``digits`` is the key that ended it, or ``hangup``, or empty (silence, length)."""

    sid: RecordingSid
    duration_s: float
    digits: str


@dataclass(frozen=True, slots=True)
class DialTarget:
    """One ``<Number>``, ``<Sip>`` or ``<Client>`` (``kind``). ``url`` is the whisper page run on who answers, before
    both are joined.

    ``number`` of a ``<Sip>`` is its URI with whatever headers stand in it; ``username`` and ``password`` answer a
    challenge of the far end. That of a ``<Client>`` is ``client:`` and its identity; ``parameters`` are shown to it.
    """

    number: str
    url: str | None = None
    method: str = "POST"
    send_digits: str = ""
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)
    kind: str = "number"
    username: str = ""
    password: str = field(default="", repr=False)
    machine: MachineSpec | None = None
    machine_callback: str = ""
    machine_callback_method: str = "POST"
    parameters: dict[str, str] = field(default_factory=dict)


RING_TONES = (
    "auto", "at", "au", "bg", "br", "be", "ch", "cl", "cn", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hu", "il",
    "in", "it", "lt", "jp", "mx", "my", "nl", "no", "nz", "ph", "pl", "pt", "ru", "se", "sg", "th", "uk", "us",
    "us-old", "tw", "ve", "za",
)  # fmt: skip
"""What a caller can hear while the called party is alerted."""


@dataclass(frozen=True, slots=True)
class DialSpec:
    """Whom to call and how long. ``record`` is Twilio's word (``do-not-record``, ``record-from-answer``, …)."""

    targets: tuple[DialTarget, ...]
    caller_id: str | None = None
    timeout_s: float = 30.0
    time_limit_s: float = 14400.0
    answer_on_bridge: bool = False
    hangup_on_star: bool = False
    sequential: bool = False
    ring_tone: str = "auto"
    record: str = "do-not-record"
    trim_silence: bool = False
    recording_track: str = "both"
    recording_status_callback: str = ""
    recording_status_callback_method: str = "POST"
    recording_status_callback_events: tuple[str, ...] = ("completed",)


@dataclass(frozen=True, slots=True)
class DialOutcome:
    """How a dial ended. ``call`` is the leg that answered, or the last one tried; None when none could be made."""

    status: CallStatus
    call: CallSid | None = None
    duration_s: int = 0
    bridged: bool = False
    recording: RecordingSid | None = None
    recording_duration_s: float = 0.0
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """A <Stream>: a WebSocket application that hears ``tracks``, and speaks where it is ``both_ways`` (<Connect>)."""

    url: str
    name: str = ""
    tracks: tuple[Track, ...] = (Track.INBOUND,)
    both_ways: bool = False
    parameters: dict[str, str] = field(default_factory=dict)
    status_callback: str = ""
    status_callback_method: str = "POST"


@dataclass(frozen=True, slots=True)
class ReferOutcome:
    """``response``: to our REFER; ``notified``: of the call that it led to. None: nothing was said."""

    response: int | None = None
    notified: int | None = None


@dataclass(frozen=True, slots=True)
class CallRecordingSpec:
    """A recording beside the page, to the call's end. ``track``: ``inbound``, ``outbound`` or ``both``."""

    channels: int = 1
    track: str = "both"
    trim_silence: bool = False
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)


@dataclass(frozen=True, slots=True)
class SmsSpec:
    """A message. Empty ``to``: the other party of the call; empty ``sender``: our number in it."""

    body: str
    to: str = ""
    sender: str = ""
    status_callback: str = ""


class CallControl(Protocol):
    """The call a page runs on. Every method may be cancelled; a hang-up by the caller cancels the whole page."""

    async def ensure_answered(self) -> None: ...
    async def play(self, prompt: Prompt) -> None:
        """Sound, or silence. Silence does not answer a call that still rings: it delays the answer."""

    async def collect(self, want: CollectSpec, prompts: Sequence[Prompt]) -> Collected: ...
    async def record(self, spec: RecordSpec) -> Recorded | None: ...
    async def dial(self, spec: DialSpec) -> DialOutcome: ...
    async def stay(self, spec: StaySpec) -> StayOutcome:
        """Be in a conference or a queue until that ends."""

    async def connect(self, spec: StreamSpec) -> FeedId:
        """Let an application talk with the party until either is through with it; the stream's SID."""

    def start_stream(self, spec: StreamSpec) -> None:
        """Let an application listen from now on, beside this page and those that follow."""

    def start_recording(self, spec: CallRecordingSpec) -> None:
        """Record the call from now on, until it ends or somebody stops it by the API."""

    def stop_stream(self, name: str) -> None:
        """Enough of the streams of this name."""

    async def refer(self, uri: str) -> ReferOutcome:
        """Ask the party to call this SIP URI instead of us."""

    def send_message(self, spec: SmsSpec) -> MessageSid:
        """Have a message sent, whatever becomes of the call."""

    async def send_digits(self, digits: str) -> None: ...
    async def reject(self, busy: bool) -> None: ...
    async def hang_up(self) -> None: ...
