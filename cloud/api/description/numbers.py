"""IncomingPhoneNumbers: the numbers of the account's SIMs."""

from __future__ import annotations

from cloud.api.description.model import (
    NOTHING,
    Endpoint,
    Family,
    Json,
    Params,
    differs,
    impossible,
    one,
    page,
)
from cloud.api.description.words import (
    a_date,
    a_flag,
    a_map,
    a_sid,
    a_text,
    a_uri,
    a_word,
    flag,
    hook,
    ignored,
    not_offered,
    nothing,
    number,
    refused,
    sid,
    text,
    word,
)

SCHEMAS: dict[str, Json] = {
    "incoming_phone_number": {
        "sid": a_sid("PN"),
        "account_sid": a_sid("AC"),
        "phone_number": a_text(),
        "friendly_name": a_text(),
        **{
            f"{name}_{part}": a_text()
            for name in ("voice", "voice_fallback", "sms", "sms_fallback")
            for part in ("url", "method")
        },
        "voice_caller_id_lookup": a_flag(),
        "voice_application_sid": a_sid("AP", null=True),
        "voice_receive_mode": a_word("voice"),
        "sms_application_sid": a_sid("AP", null=True),
        "status_callback": a_text(),
        "status_callback_method": a_text(),
        "capabilities": a_map(),
        "address_requirements": a_word("none"),
        "address_sid": nothing(),
        "identity_sid": nothing(),
        "bundle_sid": nothing(),
        "trunk_sid": nothing(),
        "emergency_status": a_word("Inactive"),
        "emergency_address_sid": nothing(),
        "emergency_address_status": a_word("unregistered"),
        "beta": a_flag(),
        "origin": a_text(),
        "status": a_text(),
        "type": a_text(),
        "api_version": a_text(),
        "date_created": a_date(),
        "date_updated": a_date(),
        "uri": a_uri(),
        "subresource_uris": a_map(),
    },
}

SETTINGS: Params = (
    text("FriendlyName", upto=64),
    *hook("VoiceUrl", "VoiceMethod"),
    *hook("VoiceFallbackUrl", "VoiceFallbackMethod"),
    *hook("SmsUrl", "SmsMethod"),
    *hook("SmsFallbackUrl", "SmsFallbackMethod"),
    *hook("StatusCallback"),
    word("VoiceReceiveMode", "voice", standing=impossible("voice only: a GSM channel carries no fax", 20001)),
    sid("VoiceApplicationSid", "AP"),
    sid("SmsApplicationSid", "AP"),
    *refused("a SIM belongs to no trunk", 20001, "TrunkSid"),
    *not_offered("addresses are not offered", 20001, "EmergencyAddressSid", "BundleSid", "AddressSid", "IdentitySid"),
    word("EmergencyStatus", "Inactive", standing=differs("Inactive only: there are no emergency addresses (20001)")),
    flag("VoiceCallerIdLookup", standing=impossible("nobody can be asked whose a number is", 21409)),
    *ignored("ApiVersion"),
)
FILTERS: Params = (
    text("PhoneNumber"),
    text("FriendlyName"),
    flag("Beta", standing=differs("no number here is a beta")),
    text("Origin", differs("hosted: that is what numbers of SIMs are")),
)
_LIST = page("incoming_phone_numbers", "incoming_phone_number")
_CREATE: Params = (
    number("PhoneNumber", differs("one of a SIM or trunk of yours that nobody has")),
    text("AreaCode", differs("of any country: how the national number begins")),
    *SETTINGS,
)
_KIND = differs("by the country's numbering plan; what no plan knows is mobile")


def _of_kind(name: str) -> tuple[Endpoint, ...]:
    path, example = f"numbers_{name}", {"PhoneNumber": f"{{idle_{name}}}"}
    return (
        Endpoint("GET", path, "Those of this kind.", _LIST, FILTERS, standing=_KIND),
        Endpoint(
            "POST",
            path,
            "Take one of this kind.",
            one("incoming_phone_number"),
            _CREATE,
            201,
            _KIND,
            example,
            ({**example, **_ALL},),
        ),
    )


_ALL = {"VoiceApplicationSid": "{application}", "SmsApplicationSid": "{application}"}
FAMILY = Family(
    "IncomingPhoneNumbers",
    (
        Endpoint("GET", "numbers", "The numbers of your SIMs.", _LIST, FILTERS),
        Endpoint(
            "POST", "numbers", "Take the number of a SIM that nobody has.", one("incoming_phone_number"),
            _CREATE,
            201, example={"PhoneNumber": "{idle_number}", "FriendlyName": "Reception"},
            examples=({"AreaCode": "30", **_ALL},),
        ),
        Endpoint("GET", "number", "One number.", one("incoming_phone_number")),
        Endpoint(
            "POST", "number", "Change its URLs, its name, or whose it is.", one("incoming_phone_number"),
            (*SETTINGS, sid("AccountSid", "AC")), example={"VoiceUrl": "https://app.example/voice", **_ALL},
        ),
        Endpoint(
            "DELETE", "number", "Let go of it; it stays away until it is created again.", NOTHING, status=204,
            standing=differs("the SIM stays in its modem"),
        ),
        *_of_kind("local"), *_of_kind("mobile"), *_of_kind("toll_free"),
    ),
)  # fmt: skip
