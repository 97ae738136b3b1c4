"""For whom something is recorded."""

from __future__ import annotations

from dataclasses import dataclass

from telecore.events import RecordingMade
from telecore.model import Recording
from telecore.twiml.control import DialSpec, RecordSpec


@dataclass(frozen=True, slots=True)
class Purpose:
    """``source`` is Twilio's word; the rest is whom to tell."""

    source: str
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)

    @classmethod
    def of_record(cls, spec: RecordSpec) -> Purpose:
        """A <Record>'s."""
        return cls("RecordVerb", spec.status_callback, spec.status_callback_method, spec.status_callback_events)

    @classmethod
    def of_dial(cls, spec: DialSpec) -> Purpose:
        """A <Dial record>'s."""
        return cls(
            "DialVerb",
            spec.recording_status_callback or "",
            spec.recording_status_callback_method,
            spec.recording_status_callback_events,
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
        )
