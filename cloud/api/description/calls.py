"""Calls."""

from __future__ import annotations

from cloud.api.call_forms import EVENTS, MAX_REASON, MAX_TIME_LIMIT_S, MAX_TIMEOUT_S, RECORDING_EVENTS
from cloud.api.description.model import NOTHING, Endpoint, Family, Json, Params, differs, impossible, one, ours, page
from cloud.api.description.words import (
    a_date,
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
    method,
    nothing,
    number,
    refused,
    sid,
    text,
    url,
    whole,
    word,
    words,
)
from cloud.api.recording_forms import TRACKS
from telecore.twiml.machine import MODES, SILENCE_MS, SPEECH_END_MS, SPEECH_MS, TIMEOUT_S

STATUS = ("queued", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", "canceled")

SCHEMAS: dict[str, Json] = {
    "call": {
        "sid": a_sid("CA"),
        "account_sid": a_sid("AC"),
        "parent_call_sid": a_sid("CA", null=True),
        "to": a_text(),
        "to_formatted": a_text(),
        "from": a_text(),
        "from_formatted": a_text(),
        "phone_number_sid": a_sid("PN", null=True),
        "status": a_word(*STATUS),
        "direction": a_word("inbound", "outbound-api", "outbound-dial"),
        "start_time": a_date(null=True),
        "end_time": a_date(null=True),
        "duration": digits(null=True),
        "price": nothing(),
        "price_unit": a_text(),
        "answered_by": a_text(null=True),
        "forwarded_from": nothing(),
        "group_sid": nothing(),
        "caller_name": nothing(),
        "queue_time": digits(),
        "trunk_sid": nothing(),
        "annotation": nothing(),
        "api_version": a_text(),
        "date_created": a_date(),
        "date_updated": a_date(),
        "uri": a_uri(),
        "subresource_uris": a_map(),
    },
    "call_event": {"request": a_map(), "response": a_map()},
}

_WITH_SIP = differs("refused beside a number (20001)")
DOCUMENT: Params = (url("Url"), method("Method"), text("Twiml"))
CREATE: Params = (
    number("To", differs("E.164, a short code of the SIM's country, or a SIP URI that a trunk reaches"), needed=True),
    number("From", differs("a number of one of your SIMs: it chooses the SIM"), needed=True),
    *DOCUMENT,
    *hook("FallbackUrl", "FallbackMethod"),
    *hook("StatusCallback"),
    words("StatusCallbackEvent", *EVENTS, default="completed"),
    whole("Timeout", 1, MAX_TIMEOUT_S, 60, differs("to the second, without Twilio's five more")),
    whole("TimeLimit", 1, MAX_TIME_LIMIT_S, 14400),
    text("SendDigits", pattern="^[0-9*#A-Dw]{0,32}$"),
    flag("Record"),
    word("RecordingChannels", "mono", "dual", default="mono"),
    word("Trim", "trim-silence", "do-not-trim", default="trim-silence"),
    *hook("RecordingStatusCallback"),
    words("RecordingStatusCallbackEvent", *RECORDING_EVENTS, default="completed"),
    sid("ApplicationSid", "AP"),
    word("RecordingTrack", *TRACKS, default="both"),
    word("MachineDetection", *MODES),
    whole("MachineDetectionTimeout", *TIMEOUT_S, 30),
    whole("MachineDetectionSpeechThreshold", *SPEECH_MS, 2400),
    whole("MachineDetectionSpeechEndThreshold", *SPEECH_END_MS, 1200),
    whole("MachineDetectionSilenceTimeout", *SILENCE_MS, 5000),
    flag("AsyncAmd"),
    *hook("AsyncAmdStatusCallback"),
    *refused("a call goes out from the SIM's own number", 20001, "CallerId"),
    *refused("a SIM has the carrier it has", 20001, "Byoc"),
    text("SipAuthUsername", _WITH_SIP),
    text("SipAuthPassword", _WITH_SIP),
    word("Priority", "normal", "warning", default="normal", standing=ours("warning goes first, and above quotas")),
    flag("HideCallerId", standing=ours("the network is asked not to show the number")),
    text("CallReason", impossible("a network has no place for it; a warning says so (20001)"), upto=MAX_REASON),
    *ignored("CallToken", "ClientNotificationUrl", "Passports"),
    *ignored("RecordingConfigurationId"),
)  # fmt: skip

FAMILY = Family(
    "Calls",
    (
        Endpoint(
            "POST", "calls", "Place a call.", one("call"), CREATE, 201,
            example={"To": "+85512000001", "From": "{number}", "Url": "https://app.example/voice"},
            examples=(
                {"To": "+85512000001", "From": "{number}", "Twiml": "<Response/>"},
                {"To": "+85512000001", "From": "{number}", "ApplicationSid": "{application}"},
            ),
            errors=(429,),
        ),
        Endpoint(
            "GET", "calls", "List calls, newest first.", page("calls", "call"),
            (
                number("To"), number("From"), sid("ParentCallSid", "CA"), word("Status", *STATUS, "initiated"),
                *between("StartTime"), *between("EndTime"),
            ),
        ),
        Endpoint("GET", "call", "One call.", one("call")),
        Endpoint(
            "POST", "call", "Redirect it, hang it up, or change its URLs.", one("call"),
            (
                word("Status", "completed", "canceled"), *DOCUMENT, *hook("FallbackUrl", "FallbackMethod"),
                *hook("StatusCallback"), whole("TimeLimit", 1, MAX_TIME_LIMIT_S),
            ),
            example={
                "StatusCallback": "https://app.example/status", "FallbackUrl": "https://app.example/fallback"
            },
        ),
        Endpoint(
            "GET", "call_events", "What was asked of the application about it, and the answers, newest first.",
            page("events", "call_event"),
            standing=differs("as long as the log of webhooks is kept; empty where an account keeps none"),
        ),
        Endpoint("DELETE", "call", "Delete the record of a call that is over.", NOTHING, status=204),
    ),
)  # fmt: skip
