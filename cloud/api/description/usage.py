"""Usage records, alerts and Lookup."""

from __future__ import annotations

from cloud.api.alerts import LEVELS
from cloud.api.description.model import Endpoint, Family, Json, Params, differs, meta, one, page
from cloud.api.description.words import (
    a_flag,
    a_map,
    a_sid,
    a_text,
    a_uri,
    a_word,
    an_iso,
    digits,
    flag,
    ignored,
    moment,
    nothing,
    text,
    word,
    words,
)
from cloud.api.usage_sums import CATEGORIES, PERIODS

_OF_NUMBER: Json = {
    "phone_number": a_text(),
    "country_code": a_text(null=True),
    "national_format": a_text(null=True),
    "url": a_text(),
}
_PACKAGE: Json = {"type": ["object", "null"]}
_ALERT: Json = {
    "sid": a_sid("NO"),
    "account_sid": a_sid("AC"),
    "resource_sid": a_text(null=True),
    "service_sid": nothing(),
    "log_level": a_text(),
    "error_code": digits(),
    "alert_text": a_text(),
    "more_info": a_text(),
    "request_method": a_text(null=True),
    "request_url": a_text(null=True),
    "request_variables": a_text(null=True),
    "api_version": a_text(),
    "date_generated": an_iso(),
    "date_created": an_iso(),
    "date_updated": an_iso(),
    "url": a_text(),
}
SCHEMAS: dict[str, Json] = {
    "usage_record": {
        "account_sid": a_sid("AC"),
        "api_version": a_text(),
        "as_of": a_text(),
        "category": a_word(*(category.name for category in CATEGORIES)),
        "description": a_text(),
        "start_date": {"type": "string", "format": "date"},
        "end_date": {"type": "string", "format": "date"},
        "count": digits(),
        "count_unit": a_text(),
        "usage": digits(),
        "usage_unit": a_text(),
        "price": digits(),
        "price_unit": a_text(),
        "uri": a_uri(),
        "subresource_uris": a_map(),
    },
    "alert": _ALERT,
    "whole_alert": {
        **_ALERT,
        "request_headers": a_text(null=True),
        "response_headers": a_text(null=True),
        "response_body": a_text(null=True),
    },
    "looked_up": {
        **_OF_NUMBER,
        "calling_country_code": digits(null=True),
        "valid": a_flag(),
        "validation_errors": {"type": "array", "items": {"type": "string"}},
        **dict.fromkeys(
            (
                "caller_name", "sim_swap", "call_forwarding", "line_type_intelligence", "line_status", "identity_match",
                "reassigned_number", "sms_pumping_risk", "phone_number_quality_score", "pre_fill",
            ),
            _PACKAGE,
        ),
    },
    "looked_up_v1": {**_OF_NUMBER, "caller_name": _PACKAGE, "carrier": _PACKAGE, "add_ons": nothing()},
}  # fmt: skip

_COUNTED = differs("counted from the store, so that deleted records do not count; a price is never told")
FILTERS: Params = (
    text("Category", differs(f"one of {', '.join(category.name for category in CATEGORIES)}; of others there is none")),
    text("StartDate"),
    text("EndDate"),
    flag("IncludeSubaccounts", True),
)
_LIST = page("usage_records", "usage_record")

FAMILY = Family(
    "Usage",
    (
        Endpoint("GET", "usage", "What was carried, by category.", _LIST, FILTERS, standing=_COUNTED),
        *(
            Endpoint("GET", f"usage_{name}", f"The same: {word_}.", _LIST, FILTERS, standing=_COUNTED)
            for name, word_ in PERIODS.items()
        ),
    ),
)

ALERTS = Family(
    "Monitor",
    (
        Endpoint(
            "GET", "alerts", "What went wrong, newest first.", meta("alerts", "alert"),
            (word("LogLevel", *LEVELS), moment("StartDate"), moment("EndDate")),
        ),
        Endpoint(
            "GET", "alert", "One of them, with what was asked and answered while the log of webhooks has it.",
            one("whole_alert"),
        ),
    ),
)  # fmt: skip

LOOKUPS = Family(
    "Lookup",
    (
        Endpoint(
            "GET", "lookup", "What a number's digits tell.", one("looked_up"),
            (
                text("Fields", differs("line_type_intelligence by the numbering plan; all others null with 60600")),
                text("CountryCode"),
                *ignored(
                    "FirstName", "LastName", "AddressLine1", "AddressLine2", "City", "State", "PostalCode",
                    "AddressCountryCode", "NationalId", "DateOfBirth", "LastVerifiedDate", "VerificationSid",
                    "PartnerSubId", how="ignored: nobody is asked",
                ),
            ),
            standing=differs("by numbering plans; no carrier is asked"),
        ),
        Endpoint(
            "GET", "lookup_v1", "The same as version 1 tells it; 404 for what is no number.", one("looked_up_v1"),
            (
                words("Type", "carrier", "caller-name"), text("CountryCode"),
                *ignored("AddOns", "AddOnsData", how="ignored: there are no add-ons"),
            ),
            standing=differs("by numbering plans; no carrier is asked"),
        ),
    ),
)  # fmt: skip
