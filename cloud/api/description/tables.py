"""All families and schemas. A new family is named here."""

from __future__ import annotations

from cloud.api.description import (
    accounts,
    applications,
    available,
    calls,
    conferences,
    empty,
    keys,
    messages,
    messaging,
    notifications,
    numbers,
    queues,
    recordings,
    sites,
    streams,
    transcriptions,
    usage,
    verify,
    webhooks,
)
from cloud.api.description.model import Endpoint, Family, Json

FAMILIES: tuple[Family, ...] = (
    accounts.FAMILY,
    keys.FAMILY,
    keys.TOKENS,
    calls.FAMILY,
    conferences.FAMILY,
    messages.FAMILY,
    messaging.FAMILY,
    numbers.FAMILY,
    available.FAMILY,
    applications.FAMILY,
    applications.CALLER_IDS,
    queues.FAMILY,
    recordings.FAMILY,
    transcriptions.FAMILY,
    notifications.FAMILY,
    streams.FAMILY,
    verify.FAMILY,
    sites.FAMILY,
    webhooks.FAMILY,
    usage.FAMILY,
    empty.FAMILY,
    usage.ALERTS,
    usage.LOOKUPS,
)
SCHEMAS: dict[str, Json] = {
    **accounts.SCHEMAS,
    **keys.SCHEMAS,
    **calls.SCHEMAS,
    **conferences.SCHEMAS,
    **messages.SCHEMAS,
    **messaging.SCHEMAS,
    **numbers.SCHEMAS,
    **available.SCHEMAS,
    **applications.SCHEMAS,
    **queues.SCHEMAS,
    **recordings.SCHEMAS,
    **transcriptions.SCHEMAS,
    **notifications.SCHEMAS,
    **streams.SCHEMAS,
    **verify.SCHEMAS,
    **sites.SCHEMAS,
    **webhooks.SCHEMAS,
    **usage.SCHEMAS,
    **empty.SCHEMAS,
}
"""Name → the fields of a record, each with its schema. All of them are always there, and no others."""
ENDPOINTS: tuple[Endpoint, ...] = tuple(endpoint for family in FAMILIES for endpoint in family.endpoints)

LEFT_OUT: dict[str, dict[str, str]] = {
    "call": {"stir_verstat": "of networks in the USA"},
    "alert": dict.fromkeys(
        ("request_headers", "response_headers", "response_body"), "the list does not carry requests and answers"
    ),
    "notification": dict.fromkeys(
        ("request_variables", "response_headers", "response_body"), "the list does not carry requests and answers"
    ),
    "service_sender": {
        **dict.fromkeys(
            (
                "account_sid",
                "alpha_sender",
                "capabilities",
                "country_code",
                "date_created",
                "date_updated",
                "service_sid",
                "short_code",
                "url",
            ),
            "there are never any",
        ),
    },
    "media": dict.fromkeys(
        ("account_sid", "content_type", "date_created", "date_updated", "parent_sid", "uri"), "there are never any"
    ),
}
"""Schema → fields that Twilio's records have and these have not, and why."""
