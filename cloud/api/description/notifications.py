"""Notifications: what went wrong with documents and webhooks."""

from __future__ import annotations

from cloud.api.description.model import NOTHING, Endpoint, Family, Json, one, page
from cloud.api.description.words import a_date, a_sid, a_text, a_uri, a_word, between, digits, word

_NOTIFICATION: Json = {
    "sid": a_sid("NO"),
    "account_sid": a_sid("AC"),
    "call_sid": a_sid("CA", null=True),
    "error_code": digits(),
    "log": a_word("0", "1"),
    "message_text": a_text(),
    "message_date": a_date(),
    "more_info": a_text(),
    "request_method": a_text(null=True),
    "request_url": a_text(null=True),
    "api_version": a_text(),
    "date_created": a_date(),
    "date_updated": a_date(),
    "uri": a_uri(),
}
SCHEMAS: dict[str, Json] = {
    "notification": _NOTIFICATION,
    "whole_notification": {
        **_NOTIFICATION,
        **dict.fromkeys(("request_variables", "response_headers", "response_body"), a_text(null=True)),
    },
}

_FILTERS = (word("Log", "0", "1"), *between("MessageDate"))
_LIST = page("notifications", "notification")

FAMILY = Family(
    "Notifications",
    (
        Endpoint("GET", "notifications", "What went wrong, newest first.", _LIST, _FILTERS),
        Endpoint(
            "GET", "notification", "One of them, with what was asked and answered while the log of webhooks has it.",
            one("whole_notification"),
        ),
        Endpoint("GET", "call_notifications", "What went wrong in a call.", _LIST, _FILTERS),
        Endpoint("GET", "call_notification", "One of a call's.", one("whole_notification")),
        Endpoint("DELETE", "notification", "Delete it.", NOTHING, status=204),
        Endpoint("DELETE", "call_notification", "Delete it.", NOTHING, status=204),
    ),
)  # fmt: skip
