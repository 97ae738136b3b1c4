"""Lists of what SIMs have not."""

from __future__ import annotations

from cloud.api.description.model import Endpoint, Family, Json, impossible, page
from cloud.api.description.words import a_text, ignored

_NONE = "always empty"
FAMILY = Family(
    "Addresses and short codes",
    (
        Endpoint(
            "GET", "addresses", "Always empty.", page("addresses", "address"),
            ignored("CustomerName", "FriendlyName", "EmergencyEnabled", "IsoCountry", how=_NONE),
            standing=impossible("always empty: where a SIM lives nobody knows"),
        ),
        Endpoint(
            "GET", "short_codes", "Always empty.", page("short_codes", "short_code"),
            ignored("FriendlyName", "ShortCode", how=_NONE),
            standing=impossible("always empty: short codes are networks' to give"),
        ),
    ),
)  # fmt: skip
_ADDRESS = (
    "account_sid", "city", "customer_name", "date_created", "date_updated", "emergency_enabled", "friendly_name",
    "iso_country", "postal_code", "region", "sid", "street", "street_secondary", "uri", "validated", "verified",
)  # fmt: skip
_SHORT_CODE = (
    "account_sid", "api_version", "date_created", "date_updated", "friendly_name", "short_code", "sid",
    "sms_fallback_method", "sms_fallback_url", "sms_method", "sms_url", "uri",
)  # fmt: skip
SCHEMAS: dict[str, Json] = {
    "address": dict.fromkeys(_ADDRESS, a_text(null=True)),
    "short_code": dict.fromkeys(_SHORT_CODE, a_text(null=True)),
}
"""What Twilio's have; there are never any."""
