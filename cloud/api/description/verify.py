"""Verify: services, verifications, attempts and rate limits."""

from __future__ import annotations

from cloud.api.description.model import (
    NOTHING,
    Endpoint,
    Family,
    Json,
    Params,
    differs,
    meta,
    one,
)
from cloud.api.description.words import (
    a_flag,
    a_map,
    a_sid,
    a_text,
    a_whole,
    a_word,
    an_iso,
    digits,
    flag,
    ignored,
    moment,
    not_offered,
    nothing,
    number,
    sid,
    text,
    whole,
    word,
)
from cloud.api.verify_forms import (
    CHANNELS,
    LONGEST,
    MAX_DESCRIPTION,
    MAX_LIMIT_NAME,
    MAX_NAME,
    MAX_PAYMENT,
    OTHER_CHANNELS,
    SHORTEST,
)

STATUS = ("pending", "approved", "canceled")
_A_LIST: Json = {"type": "array", "items": a_map()}
_COMMON: Json = {
    "sid": a_sid("VE"),
    "service_sid": a_sid("VA"),
    "account_sid": a_sid("AC"),
    "to": a_text(),
    "channel": a_word(*CHANNELS),
    "status": a_word(*STATUS),
    "valid": a_flag(),
    "amount": a_text(null=True),
    "payee": a_text(null=True),
    "date_created": an_iso(),
    "date_updated": an_iso(),
}
_LIMIT: Json = {
    "service_sid": a_sid("VA"),
    "account_sid": a_sid("AC"),
    "date_created": an_iso(),
    "date_updated": an_iso(),
    "url": a_text(),
}

SCHEMAS: dict[str, Json] = {
    "verify_service": {
        "sid": a_sid("VA"),
        "account_sid": a_sid("AC"),
        "friendly_name": a_text(),
        "code_length": a_whole(),
        **{
            name: a_flag()
            for name in (
                "lookup_enabled", "psd2_enabled", "skip_sms_to_landlines", "dtmf_input_required",
                "do_not_share_warning_enabled", "custom_code_enabled", "verify_event_subscription_enabled",
            )
        },
        "tts_name": a_text(null=True),
        **{name: nothing() for name in ("push", "totp", "whatsapp", "passkeys", "default_template_sid")},
        "date_created": an_iso(),
        "date_updated": an_iso(),
        "url": a_text(),
        "links": a_map(),
    },
    "verification": {
        **_COMMON, "lookup": a_map(), "send_code_attempts": _A_LIST, "sna": nothing(), "url": a_text(),
    },
    "verification_check": {**_COMMON, "sna_attempts_error_codes": _A_LIST},
    "verification_attempt": {
        "sid": a_sid("VL"),
        "account_sid": a_sid("AC"),
        "service_sid": a_sid("VA"),
        "verification_sid": a_sid("VE"),
        "conversion_status": a_word("converted", "unconverted"),
        "channel": a_word(*CHANNELS),
        "price": nothing(),
        "channel_data": a_map(),
        "date_created": an_iso(),
        "date_updated": an_iso(),
        "url": a_text(),
    },
    "verification_summary": {
        "total_attempts": a_whole(),
        "total_converted": a_whole(),
        "total_unconverted": a_whole(),
        "conversion_rate_percentage": digits(),
        "url": a_text(),
    },
    "verify_rate_limit": {
        "sid": a_sid("RK"), "unique_name": a_text(), "description": a_text(), "links": a_map(), **_LIMIT,
    },
    "verify_bucket": {
        "sid": a_sid("BL"), "rate_limit_sid": a_sid("RK"), "max": a_whole(), "interval": a_whole(), **_LIMIT,
    },
}  # fmt: skip

_OTHERS = (
    "Passkeys.AuthenticatorAttachment", "Passkeys.DiscoverableCredentials", "Passkeys.RelyingParty.Id",
    "Passkeys.RelyingParty.Name", "Passkeys.RelyingParty.Origins", "Passkeys.UserVerification",
    "Push.ApnCredentialSid", "Push.FcmCredentialSid", "Push.IncludeDate", "Totp.CodeLength", "Totp.Issuer",
    "Totp.Skew", "Totp.TimeStep", "VerifyEventSubscriptionEnabled", "Whatsapp.From", "Whatsapp.MsgServiceSid",
)  # fmt: skip


def _settings(needed: bool) -> Params:
    return (
        text("FriendlyName", upto=MAX_NAME, needed=needed),
        whole("CodeLength", SHORTEST, LONGEST, 6),
        flag("LookupEnabled", False, differs("kept; numbers are judged by their plan, nobody is asked")),
        flag("SkipSmsToLandlines", False, differs("a landline by its plan is refused (60205)")),
        flag("DtmfInputRequired", True),
        text("TtsName", differs("kept; the voice is the locale's"), upto=MAX_NAME),
        flag("DoNotShareWarningEnabled"),
        flag("CustomCodeEnabled"),
        flag("Psd2Enabled"),
        *not_offered("templates are not offered", 60228, "DefaultTemplateSid"),
        *ignored(*_OTHERS, how="ignored: it is of other channels than SMS and voice"),
    )


CREATE: Params = (
    number("To", differs("E.164"), needed=True),
    word("Channel", *CHANNELS, standing=differs(f"{', '.join(OTHER_CHANNELS)}: refused (60223)"), needed=True),
    text("Locale", differs("languages of Simferry's own texts; else refused (60200)")),
    text("CustomCode", pattern="^[0-9A-Za-z]{4,10}$"),
    text("CustomFriendlyName", upto=MAX_NAME),
    text("SendDigits"),
    text("Amount", upto=MAX_PAYMENT),
    text("Payee", upto=MAX_PAYMENT),
    text("RateLimits"),
    *not_offered("templates are not offered", 60228, "TemplateSid", "TemplateCustomSubstitutions", "CustomMessage"),
    *ignored("AppHash", how="ignored: the message ends with the code or the warning"),
    *ignored("ChannelConfiguration", "DeviceIp", "EnableSnaClientToken", "RiskCheck", "Tags", "Templates"),
)
_FILTERS: Params = (
    sid("VerifyServiceSid", "VA"),
    moment("DateCreatedAfter"),
    moment("DateCreatedBefore"),
    text("Country"),
    word("Channel", *CHANNELS, *OTHER_CHANNELS),
    text("DestinationPrefix"),
    number("ChannelData.To"),
    sid("VerificationSid", "VE"),
    word("Status", "converted", "unconverted"),
)

FAMILY = Family(
    "Verify services",
    (
        Endpoint("GET", "verify_services", "Your services.", meta("services", "verify_service")),
        Endpoint(
            "POST", "verify_services", "Make a service.", one("verify_service"), _settings(True), 201,
            example={"FriendlyName": "Clinic"},
        ),
        Endpoint("GET", "verify_service", "One service.", one("verify_service")),
        Endpoint(
            "POST", "verify_service", "Change it.", one("verify_service"), _settings(False),
            example={"CodeLength": "8"},
        ),
        Endpoint("DELETE", "verify_service", "Delete it with its verifications.", NOTHING, status=204),
        Endpoint(
            "POST", "verifications", "Send a code; within ten minutes the same verification goes on.",
            one("verification"), CREATE, 201,
            differs("each sending has a new code, and any of those sent will do: only hashes are kept"),
            {"To": "+85512345678", "Channel": "sms"}, errors=(403, 429),
        ),
        Endpoint("GET", "verification", "One that waits for its code, by SID or number.", one("verification")),
        Endpoint(
            "POST", "verification", "Cancel or approve it.", one("verification"),
            (word("Status", "canceled", "approved", needed=True),), example={"Status": "canceled"},
        ),
        Endpoint(
            "POST", "verification_check", "Whether it is the code.", one("verification_check"),
            (
                text("Code", needed=True), number("To"), sid("VerificationSid", "VE"),
                text("Amount"), text("Payee"), *ignored("SnaClientToken"),
            ),
            201, example={"To": "{verifying}", "Code": "123456"}, errors=(429,),
        ),
        Endpoint("GET", "verify_attempts", "Codes that were sent.", meta("attempts", "verification_attempt"), _FILTERS),
        Endpoint("GET", "verify_summary", "How many came back.", one("verification_summary"), _FILTERS),
        Endpoint("GET", "verify_attempt", "One of them.", one("verification_attempt")),
        Endpoint("GET", "verify_rate_limits", "A service's rate limits.", meta("rate_limits", "verify_rate_limit")),
        Endpoint(
            "POST", "verify_rate_limits", "Make a rate limit.", one("verify_rate_limit"),
            (
                text("UniqueName", upto=MAX_LIMIT_NAME, needed=True, pattern="^[A-Za-z0-9._-]+$"),
                text("Description", upto=MAX_DESCRIPTION),
            ),
            201, example={"UniqueName": "address"},
        ),
        Endpoint("GET", "verify_rate_limit", "One rate limit.", one("verify_rate_limit")),
        Endpoint(
            "POST", "verify_rate_limit", "Describe it anew.", one("verify_rate_limit"),
            (text("Description", upto=MAX_DESCRIPTION),), example={"Description": "by address"},
        ),
        Endpoint("DELETE", "verify_rate_limit", "Delete it with its buckets.", NOTHING, status=204),
        Endpoint("GET", "verify_buckets", "Its buckets.", meta("buckets", "verify_bucket")),
        Endpoint(
            "POST", "verify_buckets", "So many within so many seconds.", one("verify_bucket"),
            (whole("Max", 1, 10**9), whole("Interval", 1, 10**9)), 201, example={"Max": "4", "Interval": "60"},
        ),
        Endpoint("GET", "verify_bucket", "One bucket.", one("verify_bucket")),
        Endpoint(
            "POST", "verify_bucket", "Change it.", one("verify_bucket"),
            (whole("Max", 1, 10**9), whole("Interval", 1, 10**9)), example={"Max": "5"},
        ),
        Endpoint("DELETE", "verify_bucket", "Delete it.", NOTHING, status=204),
    ),
)  # fmt: skip
