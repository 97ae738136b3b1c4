"""Recordings, of an account and of a call."""

from __future__ import annotations

from cloud.api.call_forms import RECORDING_EVENTS
from cloud.api.description.model import NOTHING, SOUND, Endpoint, Family, Json, Params, differs, one, ours, page
from cloud.api.description.words import (
    a_date,
    a_map,
    a_sid,
    a_text,
    a_uri,
    a_whole,
    a_word,
    an_iso,
    between,
    digits,
    hook,
    ignored,
    nothing,
    sid,
    whole,
    word,
    words,
)
from cloud.api.recording_forms import CHANGES, PAUSES, TRACKS
from cloud.store.records.accounts import MAX_LINK_S

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
SCHEMAS["media_link"] = {"url": a_text(), "expires_at": an_iso()}
SCHEMAS["call_recording"] = SCHEMAS["recording"] | {"track": a_word("inbound", "outbound", "both")}

_LIST = page("recordings", "recording")
_ONE = one("recording")
_SOFT = ignored("IncludeSoftDeleted", how="ignored: what is deleted is gone")

_AS_RECORDED = differs("as recorded unless asked for; 2 of a mono one is refused (20001)")
_CHANNELS = (whole("RequestedChannels", 1, 2, standing=_AS_RECORDED),)
_NEW: Params = (
    word("RecordingChannels", "mono", "dual", default="mono"),
    word("RecordingTrack", *TRACKS, default="both"),
    word("Trim", "trim-silence", "do-not-trim", default="do-not-trim"),
    *hook("RecordingStatusCallback"),
    words("RecordingStatusCallbackEvent", *RECORDING_EVENTS, default="completed"),
    *ignored("RecordingConfigurationId"),
)

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
        Endpoint("GET", "recording_wav", "Its sound.", SOUND, _CHANNELS),
        Endpoint(
            "GET", "recording_mp3", "Its sound as MP3.", SOUND, _CHANNELS,
        ),
        Endpoint("GET", "recording_media", "Its sound, without an extension.", SOUND, _CHANNELS),
        Endpoint("DELETE", "recording_media", "Delete it and its sound.", NOTHING, status=204),
        Endpoint(
            "POST", "call_recordings", "Record a call that is in progress, until it ends.", one("call_recording"),
            _NEW, 201, errors=(400, 503),
        ),
        Endpoint(
            "POST", "call_recording", "Pause it, go on, or stop it; `Twilio.CURRENT` is the one that runs.",
            one("call_recording"),
            (
                word("Status", *CHANGES, needed=True),
                word("PauseBehavior", *PAUSES, default="silence"),
            ),
            example={"Status": "stopped"},
            errors=(400, 408, 503),
        ),
        Endpoint(
            "GET", "call_recordings", "The recordings of a call.", page("recordings", "call_recording"),
            between("DateCreated"),
        ),
        Endpoint("GET", "call_recording", "One recording of a call.", one("call_recording")),
        Endpoint("DELETE", "call_recording", "Delete it and its sound.", NOTHING, status=204),
        Endpoint(
            "POST", "media_links", "A link that opens its sound without credentials, for `ttl` seconds.",
            one("media_link"), (whole("ttl", 1, MAX_LINK_S, standing=ours()),), 201, standing=ours(),
            example={"ttl": "60"},
        ),
    ),
)  # fmt: skip
