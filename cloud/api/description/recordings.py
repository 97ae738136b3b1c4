"""Recordings, of an account and of a call."""

from __future__ import annotations

from cloud.api.description.model import NOTHING, SOUND, Endpoint, Family, Json, differs, one, page
from cloud.api.description.words import (
    a_date,
    a_map,
    a_sid,
    a_text,
    a_uri,
    a_whole,
    a_word,
    between,
    digits,
    ignored,
    nothing,
    sid,
)

SCHEMAS: dict[str, Json] = {
    "recording": {
        "sid": a_sid("RE"),
        "account_sid": a_sid("AC"),
        "call_sid": a_sid("CA"),
        "conference_sid": a_sid("CF", null=True),
        "status": a_word("in-progress", "paused", "stopped", "processing", "completed", "absent"),
        "source": a_text(),
        "channels": a_whole(),
        "duration": digits(null=True),
        "start_time": a_date(),
        "price": nothing(),
        "price_unit": a_text(),
        "error_code": a_whole(null=True),
        "encryption_details": nothing(),
        "media_url": a_text(),
        "api_version": a_text(),
        "date_created": a_date(),
        "date_updated": a_date(),
        "uri": a_uri(),
        "subresource_uris": a_map(),
    },
}

_LIST = page("recordings", "recording")
_ONE = one("recording")
_SOFT = ignored("IncludeSoftDeleted", how="ignored: what is deleted is gone")

FAMILY = Family(
    "Recordings",
    (
        Endpoint(
            "GET", "recordings", "List recordings.", _LIST,
            (
                sid("CallSid", "CA"), sid("ConferenceSid", "CF"), *between("DateCreated"), *_SOFT,
            ),
        ),
        Endpoint("GET", "recording", "One recording.", _ONE, _SOFT),
        Endpoint("DELETE", "recording", "Delete it and its sound.", NOTHING, status=204),
        Endpoint("GET", "recording_wav", "Its sound.", SOUND),
        Endpoint(
            "GET", "recording_mp3", "Its sound as MP3.", SOUND, standing=differs("refused (406): ask for .wav"),
            errors=(406,),
        ),
        Endpoint("GET", "recording_media", "Its sound, without an extension.", SOUND),
        Endpoint("DELETE", "recording_media", "Delete it and its sound.", NOTHING, status=204),
        Endpoint("GET", "call_recordings", "The recordings of a call.", _LIST, between("DateCreated")),
        Endpoint("GET", "call_recording", "One recording of a call.", _ONE),
        Endpoint("DELETE", "call_recording", "Delete it and its sound.", NOTHING, status=204),
    ),
)  # fmt: skip
