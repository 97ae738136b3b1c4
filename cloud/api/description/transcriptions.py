"""Transcriptions of recordings."""

from __future__ import annotations

from cloud.api.description.model import NOTHING, Endpoint, Family, Json, one, page
from cloud.api.description.words import a_date, a_sid, a_text, a_uri, a_word, digits, nothing

SCHEMAS: dict[str, Json] = {
    "transcription": {
        "sid": a_sid("TR"),
        "account_sid": a_sid("AC"),
        "recording_sid": a_sid("RE"),
        "status": a_word("in-progress", "completed", "failed"),
        "transcription_text": a_text(null=True),
        "type": a_word("fast"),
        "duration": digits(),
        "price": nothing(),
        "price_unit": a_text(),
        "api_version": a_text(),
        "date_created": a_date(),
        "date_updated": a_date(),
        "uri": a_uri(),
    },
}

_LIST = page("transcriptions", "transcription")
_ONE = one("transcription")

FAMILY = Family(
    "Transcriptions",
    (
        Endpoint("GET", "transcriptions", "What was said in recordings, newest first.", _LIST),
        Endpoint("GET", "transcription", "One transcription.", _ONE),
        Endpoint("DELETE", "transcription", "Delete it.", NOTHING, status=204),
        Endpoint("GET", "recording_transcriptions", "The transcriptions of a recording.", _LIST),
        Endpoint("GET", "recording_transcription", "One of them.", _ONE),
        Endpoint("DELETE", "recording_transcription", "Delete it.", NOTHING, status=204),
        Endpoint("GET", "transcription_plain", "One of them, as TranscriptionUrl names it.", _ONE),
    ),
)
