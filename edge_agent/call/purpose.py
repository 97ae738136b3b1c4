"""For whom something is recorded."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.media.wav_file import WavFile
from telecore.events import RecordingBegan, RecordingDropped, RecordingMade
from telecore.ids import CallSid
from telecore.model import Recording
from telecore.stays import RoomRecording
from telecore.twiml.control import CallRecordingSpec, DialSpec, RecordSpec


@dataclass(frozen=True, slots=True)
class Purpose:
    """``source`` is Twilio's word; the rest is whom to tell."""

    source: str
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)
    track: str = "both"
    conference: str = ""
    transcribe: bool = False
    transcribe_callback: str = ""

    @classmethod
    def of_room(cls, wanted: RoomRecording) -> Purpose:
        """A conference's."""
        return cls(
            "Conference",
            wanted.status_callback,
            wanted.status_callback_method,
            wanted.status_callback_events,
            conference=wanted.conference,
        )

    @classmethod
    def of_record(cls, spec: RecordSpec) -> Purpose:
        """A <Record>'s."""
        return cls(
            "RecordVerb",
            spec.status_callback,
            spec.status_callback_method,
            spec.status_callback_events,
            track="inbound",
            transcribe=spec.transcribe,
            transcribe_callback=spec.transcribe_callback,
        )

    @classmethod
    def of_dial(cls, spec: DialSpec) -> Purpose:
        """A <Dial record>'s."""
        return cls(
            "DialVerb",
            spec.recording_status_callback or "",
            spec.recording_status_callback_method,
            spec.recording_status_callback_events,
            spec.recording_track,
        )

    @classmethod
    def of_started(cls, spec: CallRecordingSpec) -> Purpose:
        """A <Start><Recording>'s."""
        return cls(
            "StartCallRecordingTwiML",
            spec.status_callback,
            spec.status_callback_method,
            spec.status_callback_events,
            track=spec.track,
        )

    def began(self, call: CallSid, file: WavFile) -> RecordingBegan:
        """That it is being made."""
        return RecordingBegan(
            call=call,
            sid=file.sid,
            channels=file.channels,
            source=self.source,
            status_callback=self.status_callback,
            status_callback_method=self.status_callback_method,
            status_callback_events=self.status_callback_events,
            conference=self.conference,
            track=self.track,
        )

    def dropped(self, call: CallSid, file: WavFile) -> RecordingDropped:
        """That nothing came of it."""
        return RecordingDropped(
            call=call,
            sid=file.sid,
            channels=file.channels,
            source=self.source,
            status_callback=self.status_callback,
            status_callback_method=self.status_callback_method,
            status_callback_events=self.status_callback_events,
            conference=self.conference,
            track=self.track,
        )

    def event(self, recording: Recording) -> RecordingMade:
        """That it was made."""
        return RecordingMade(
            call=recording.call,
            recording=recording,
            source=self.source,
            status_callback=self.status_callback,
            status_callback_method=self.status_callback_method,
            status_callback_events=self.status_callback_events,
            conference=self.conference,
            transcribe=self.transcribe,
            transcribe_callback=self.transcribe_callback,
            track=self.track,
        )
