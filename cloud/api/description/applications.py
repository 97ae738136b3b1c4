"""Applications, and caller ids that are validated."""

from __future__ import annotations

from cloud.api.description.model import NOTHING, Endpoint, Family, Json, Params, differs, one, page
from cloud.api.description.words import (
    a_date,
    a_flag,
    a_sid,
    a_text,
    a_uri,
    digits,
    flag,
    hook,
    ignored,
    number,
    text,
    url,
    whole,
)

MAX_NAME = 64
SCHEMAS: dict[str, Json] = {
    "application": {
        "sid": a_sid("AP"),
        "account_sid": a_sid("AC"),
        "friendly_name": a_text(),
        **{
            f"{name}_{part}": a_text()
            for name in ("voice", "voice_fallback", "sms", "sms_fallback")
            for part in ("url", "method")
        },
        "voice_caller_id_lookup": a_flag(),
        "status_callback": a_text(),
        "status_callback_method": a_text(),
        "sms_status_callback": a_text(),
        "message_status_callback": a_text(),
        "public_application_connect_enabled": a_flag(),
        "api_version": a_text(),
        "date_created": a_date(),
        "date_updated": a_date(),
        "uri": a_uri(),
    },
    "outgoing_caller_id": {
        "sid": a_sid("PN"),
        "account_sid": a_sid("AC"),
        "friendly_name": a_text(),
        "phone_number": a_text(),
        "date_created": a_date(),
        "date_updated": a_date(),
        "uri": a_uri(),
    },
    "validation_request": {
        "account_sid": a_sid("AC"),
        "call_sid": a_sid("CA"),
        "friendly_name": a_text(),
        "phone_number": a_text(),
        "validation_code": digits(),
    },
}

SETTINGS: Params = (
    text("FriendlyName", upto=MAX_NAME),
    *hook("VoiceUrl", "VoiceMethod"),
    *hook("VoiceFallbackUrl", "VoiceFallbackMethod"),
    *hook("SmsUrl", "SmsMethod"),
    *hook("SmsFallbackUrl", "SmsFallbackMethod"),
    *hook("StatusCallback"),
    url("SmsStatusCallback"),
    url("MessageStatusCallback"),
    flag("PublicApplicationConnectEnabled", standing=differs("kept; other accounts' clients connect to nothing here")),
    *ignored("ApiVersion", "VoiceCallerIdLookup"),
)

FAMILY = Family(
    "Applications",
    (
        Endpoint(
            "POST", "applications", "Make an application.", one("application"), SETTINGS, 201,
            example={"FriendlyName": "Line", "VoiceUrl": "https://app.example/v"},
        ),
        Endpoint("GET", "applications", "List them.", page("applications", "application"), (text("FriendlyName"),)),
        Endpoint("GET", "application", "One application.", one("application")),
        Endpoint(
            "POST", "application", "Change its URLs or its name.", one("application"), SETTINGS,
            example={
                "SmsUrl": "https://app.example/s", "FriendlyName": "x", "SmsStatusCallback": "",
                "MessageStatusCallback": "https://app.example/m", "PublicApplicationConnectEnabled": "false",
            },
        ),
        Endpoint("DELETE", "application", "Delete it; numbers have their own URLs again.", NOTHING, status=204),
    ),
)  # fmt: skip

_SHOWN = differs("kept, but a call from a SIM shows the SIM's number")
CALLER_IDS = Family(
    "OutgoingCallerIds",
    (
        Endpoint(
            "POST", "caller_ids", "Call the number and ask for a code.", one("validation_request"),
            (
                number("PhoneNumber", needed=True),
                text("FriendlyName", upto=MAX_NAME),
                text("Extension", pattern="^[0-9*#w]{0,32}$"),
                *hook("StatusCallback"),
                whole("CallDelay", 0, 0, 0, differs("0 only: the call goes out at once (21454)")),
            ),
            standing=_SHOWN, example={"PhoneNumber": "+85512000009", "FriendlyName": "Mine"}, errors=(429,),
        ),
        Endpoint(
            "GET", "caller_ids", "List those that are validated.", page("outgoing_caller_ids", "outgoing_caller_id"),
            (number("PhoneNumber"), text("FriendlyName")), standing=_SHOWN,
        ),
        Endpoint("GET", "caller_id", "One caller id.", one("outgoing_caller_id"), standing=_SHOWN),
        Endpoint(
            "POST", "caller_id", "Rename it.", one("outgoing_caller_id"), (text("FriendlyName", upto=MAX_NAME),),
            standing=_SHOWN, example={"FriendlyName": "Mine"},
        ),
        Endpoint("DELETE", "caller_id", "Delete it.", NOTHING, status=204),
    ),
)  # fmt: skip
