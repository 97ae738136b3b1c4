"""Conferences and who is in them."""

from __future__ import annotations

from cloud.api.conference_forms import BEEPS, RECORDS, STATUSES
from cloud.api.description.calls import CREATE
from cloud.api.description.model import NOTHING, Endpoint, Family, Json, Param, differs, one, page
from cloud.api.description.words import (
    a_date,
    a_flag,
    a_map,
    a_sid,
    a_text,
    a_uri,
    a_word,
    between,
    digits,
    flag,
    hook,
    ignored,
    sid,
    text,
    whole,
    word,
    words,
)
from telecore.stays import MAX_PARTICIPANTS
from telecore.twiml.verbs.conference import EVENTS

SCHEMAS: dict[str, Json] = {
    "conference": {
        "sid": a_sid("CF"),
        "account_sid": a_sid("AC"),
        "friendly_name": a_text(),
        "status": a_word(*STATUSES),
        "region": a_text(),
        "reason_conference_ended": a_text(null=True),
        "call_sid_ending_conference": a_sid("CA", null=True),
        "api_version": a_text(),
        "date_created": a_date(),
        "date_updated": a_date(),
        "uri": a_uri(),
        "subresource_uris": a_map(),
    },
    "participant": {
        "account_sid": a_sid("AC"),
        "call_sid": a_sid("CA"),
        "call_sid_to_coach": a_text(null=True),
        "coaching": a_flag(),
        "conference_sid": a_sid("CF"),
        "label": a_text(null=True),
        "muted": a_flag(),
        "hold": a_flag(),
        "start_conference_on_enter": a_flag(),
        "end_conference_on_exit": a_flag(),
        "status": a_word("queued", "connecting", "ringing", "connected", "complete", "failed"),
        "queue_time": digits(),
        "date_created": a_date(),
        "date_updated": a_date(),
        "uri": a_uri(),
    },
}

_DOCUMENT = frozenset({"Url", "Method", "Twiml", "ApplicationSid"})
_OF_CALL = tuple(param for param in CREATE if param.name not in _DOCUMENT)
_NO_DOCUMENT = differs("ignored: a participant's document is the conference")

_CREATE = (
    *_OF_CALL,
    *(Param(name, {}, _NO_DOCUMENT) for name in sorted(_DOCUMENT)),
    text("Label", upto=128),
    flag("Muted"),
    word("Beep", *BEEPS, default="true"),
    flag("StartConferenceOnEnter", True),
    flag("EndConferenceOnExit"),
    *hook("WaitUrl", "WaitMethod"),
    whole("MaxParticipants", 2, MAX_PARTICIPANTS, MAX_PARTICIPANTS),
    word("ConferenceRecord", *RECORDS, default="do-not-record"),
    word("ConferenceTrim", "trim-silence", "do-not-trim", default="trim-silence"),
    *hook("ConferenceStatusCallback"),
    words("ConferenceStatusCallbackEvent", *EVENTS),
    *hook("ConferenceRecordingStatusCallback"),
    words("ConferenceRecordingStatusCallbackEvent", "in-progress", "completed", "absent", default="completed"),
    flag("Coaching"),
    sid("CallSidToCoach", "CA"),
    *ignored("EarlyMedia", how="ignored: a participant comes in when he answers"),
    *ignored("Region", how="ignored: it is mixed at the edge where its legs are"),
    *ignored("JitterBufferSize", how="ignored: the buffer follows the line"),
    *ignored("CallerDisplayName", "AmdStatusCallback", "AmdStatusCallbackMethod"),
    *ignored(
        "EmergencyAddress", "EmergencyName", "EmergencyCallerPosition", "EmergencyCallerLocation",
        "EmergencyZipCode", "EmergencyCity", "EmergencyState", "EmergencyCountry",
        how="ignored: calls to emergency numbers are not carried",
    ),
)  # fmt: skip
_UPDATE = (
    flag("Muted", None),
    flag("Hold", None),
    *hook("HoldUrl", "HoldMethod"),
    *hook("AnnounceUrl", "AnnounceMethod"),
    *hook("WaitUrl", "WaitMethod"),
    flag("BeepOnExit", None),
    flag("EndConferenceOnExit", None),
    flag("Coaching", None),
    sid("CallSidToCoach", "CA"),
)

FAMILY = Family(
    "Conferences",
    (
        Endpoint(
            "GET", "conferences", "List conferences, newest first.", page("conferences", "conference"),
            (*between("DateCreated"), *between("DateUpdated"), text("FriendlyName"), word("Status", *STATUSES)),
        ),
        Endpoint("GET", "conference", "One conference.", one("conference")),
        Endpoint(
            "POST", "conference", "End it, or announce something in it.", one("conference"),
            (word("Status", "completed"), *hook("AnnounceUrl", "AnnounceMethod")),
            example={"AnnounceUrl": "https://app.example/announce"},
        ),
        Endpoint(
            "GET", "participants", "Who is in it.", page("participants", "participant"),
            (flag("Muted", None), flag("Hold", None), flag("Coaching", None)),
        ),
        Endpoint(
            "POST", "participants", "Call somebody into it; it is named by its SID, or by a name and made.",
            one("participant"), _CREATE, 201,
            example={"To": "+85512000001", "From": "{number}"}, errors=(429,),
        ),
        Endpoint("GET", "participant", "One participant, by CallSid or label.", one("participant")),
        Endpoint(
            "POST", "participant", "Mute, hold, coach, announce.", one("participant"), _UPDATE,
            example={"Muted": "true"},
        ),
        Endpoint("DELETE", "participant", "Out with him; his call goes on with its page.", NOTHING, status=204),
        Endpoint(
            "GET", "conference_recordings", "What was recorded of it.", page("recordings", "recording"),
            between("DateCreated"),
        ),
        Endpoint("GET", "conference_recording", "One recording of it.", one("recording")),
        Endpoint("DELETE", "conference_recording", "Delete it and its sound.", NOTHING, status=204),
    ),
)  # fmt: skip
