"""What may be asked of recordings, read from parameters."""

from __future__ import annotations

from cloud.api.call_forms import BAD_CALLBACK, BAD_METHOD, RECORDING_EVENTS, events
from cloud.api.forms import Form
from cloud.services.requests import ChangeRecording, NewRecording
from telecore.errors import InvalidRequest

TRACKS = ("inbound", "outbound", "both")
TRIMS = ("trim-silence", "do-not-trim")
CHANGES = ("in-progress", "paused", "stopped")
PAUSES = ("skip", "silence")


def new_recording(form: Form) -> NewRecording:
    """Raises InvalidRequest."""
    return NewRecording(
        channels=2 if form.word("RecordingChannels", ("mono", "dual"), "mono") == "dual" else 1,
        track=form.word("RecordingTrack", TRACKS, "both"),
        trim_silence=form.word("Trim", TRIMS, "do-not-trim") == "trim-silence",
        callback=form.hook(
            "RecordingStatusCallback", "RecordingStatusCallbackMethod", url_code=BAD_CALLBACK, method_code=BAD_METHOD
        ),
        callback_events=events(form, "RecordingStatusCallbackEvent", RECORDING_EVENTS),
    )


def change_recording(form: Form) -> ChangeRecording:
    """Raises InvalidRequest."""
    status = form.word("Status", CHANGES)
    if not status:
        raise InvalidRequest(f"'Status' is required: one of {', '.join(CHANGES)}", field="Status")
    return ChangeRecording(status, form.word("PauseBehavior", PAUSES, "silence") == "silence")


def requested_channels(form: Form) -> int | None:
    """None: as it was recorded. Raises InvalidRequest."""
    return form.integer("RequestedChannels", 0, 1, 2) or None
