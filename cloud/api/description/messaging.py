"""Messaging services."""

from __future__ import annotations

from cloud.api.description.model import (
    NOTHING,
    Endpoint,
    Family,
    Json,
    Params,
    differs,
    impossible,
    meta,
    one,
    ours,
)
from cloud.api.description.words import (
    a_flag,
    a_map,
    a_sid,
    a_text,
    a_whole,
    a_word,
    an_iso,
    flag,
    hook,
    refused,
    sid,
    text,
    url,
    whole,
    word,
)
from cloud.api.messaging_forms import MAX_NAME, MAX_REPLY, MAX_VALIDITY_S, USECASES

SCANS = ("inherit", "enable", "disable")
_LIST: Json = {"type": "array", "items": a_text()}

SCHEMAS: dict[str, Json] = {
    "messaging_service": {
        "sid": a_sid("MG"),
        "account_sid": a_sid("AC"),
        "friendly_name": a_text(),
        "inbound_request_url": a_text(null=True),
        "inbound_method": a_word("GET", "POST"),
        "fallback_url": a_text(null=True),
        "fallback_method": a_word("GET", "POST"),
        "status_callback": a_text(null=True),
        "sticky_sender": a_flag(),
        "smart_encoding": a_flag(),
        "area_code_geomatch": a_flag(),
        "use_inbound_webhook_on_number": a_flag(),
        "validity_period": a_whole(),
        "usecase": a_word(*USECASES),
        "mms_converter": a_flag(),
        "fallback_to_long_code": a_flag(),
        "synchronous_validation": a_flag(),
        "scan_message_content": a_word(*SCANS),
        "us_app_to_person_registered": a_flag(),
        "stop_reply": a_text(null=True),
        "start_reply": a_text(null=True),
        "help_reply": a_text(null=True),
        "date_created": an_iso(),
        "date_updated": an_iso(),
        "url": a_text(),
        "links": a_map(),
    },
    "service_number": {
        "sid": a_sid("PN"),
        "account_sid": a_sid("AC"),
        "service_sid": a_sid("MG"),
        "phone_number": a_text(),
        "country_code": a_text(),
        "capabilities": _LIST,
        "date_created": an_iso(),
        "date_updated": an_iso(),
        "url": a_text(),
    },
    "messaging_usecases": {"usecases": {"type": "array", "items": a_map()}},
    "service_sender": {"sid": a_text()},
}

_KEPT = differs("kept, and of no effect")


def _settings(needed: bool) -> Params:
    return (
        text("FriendlyName", upto=MAX_NAME, needed=needed),
        *hook("InboundRequestUrl", "InboundMethod"),
        *hook("FallbackUrl", "FallbackMethod"),
        url("StatusCallback"),
        flag("StickySender", True),
        flag("SmartEncoding", True),
        flag("AreaCodeGeomatch", True, differs("numbers of the recipient's operator go first in any case")),
        flag("UseInboundWebhookOnNumber"),
        whole("ValidityPeriod", 1, MAX_VALIDITY_S, MAX_VALIDITY_S),
        word("Usecase", *USECASES, default="undeclared", standing=_KEPT),
        flag("MmsConverter", True, _KEPT),
        flag("FallbackToLongCode", True, _KEPT),
        flag("SynchronousValidation", False, _KEPT),
        word("ScanMessageContent", *SCANS, default="inherit", standing=_KEPT),
        *(
            text(name, ours("what the keyword is answered with; empty: nothing"), upto=MAX_REPLY)
            for name in ("StopReply", "StartReply", "HelpReply")
        ),
    )


def _absent(path: str, key: str, why: str, code: int, field: str) -> tuple[Endpoint, ...]:
    standing = impossible(why)
    return (
        Endpoint("GET", path, "Always empty.", meta(key, "service_sender"), standing=standing),
        Endpoint(
            "POST", path, "Always refused.", one("service_sender"),
            refused(why, code, field), 201, standing, example={field: "x"}, errors=(400, 404),
        ),
    )  # fmt: skip


FAMILY = Family(
    "Messaging services",
    (
        Endpoint("GET", "messaging_services", "Your services.", meta("services", "messaging_service")),
        Endpoint(
            "POST", "messaging_services", "Make a service.", one("messaging_service"), _settings(True), 201,
            example={"FriendlyName": "Clinic"},
        ),
        Endpoint("GET", "messaging_usecases", "What a service may be for.", one("messaging_usecases")),
        Endpoint("GET", "messaging_service", "One service.", one("messaging_service")),
        Endpoint(
            "POST", "messaging_service", "Change it.", one("messaging_service"), _settings(False),
            example={"FriendlyName": "Hospital"},
        ),
        Endpoint("DELETE", "messaging_service", "Delete it; its numbers stay.", NOTHING, status=204),
        Endpoint("GET", "service_numbers", "Its numbers.", meta("phone_numbers", "service_number")),
        Endpoint(
            "POST", "service_numbers", "Put a number into it.", one("service_number"),
            (sid("PhoneNumberSid", "PN", needed=True),), 201, example={"PhoneNumberSid": "{spare_number_sid}"},
            errors=(409,),
        ),
        Endpoint("GET", "service_number", "One number of it.", one("service_number")),
        Endpoint("DELETE", "service_number", "Take a number out of it.", NOTHING, status=204),
        *_absent(
            "service_short_codes", "short_codes", "short codes are networks' to give", 20404, "ShortCodeSid"
        ),
        *_absent(
            "service_alpha_senders", "alpha_senders", "a SIM sends by its own number only", 21709, "AlphaSender"
        ),
    ),
)  # fmt: skip
