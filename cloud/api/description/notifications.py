"""Notifications: what went wrong with documents and webhooks."""

from __future__ import annotations

from cloud.api.description.model import Endpoint, Family, Json, page
from cloud.api.description.words import a_date, a_sid, a_text, a_uri, a_word, digits, ignored

SCHEMAS: dict[str, Json] = {
    "notification": {
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
    },
}

_FILTERS = ignored("Log", "MessageDate", "MessageDate<", "MessageDate>", how="ignored: all are listed, newest first")
_LIST = page("notifications", "notification")

FAMILY = Family(
    "Notifications",
    (
        Endpoint("GET", "notifications", "What went wrong, newest first.", _LIST, _FILTERS),
        Endpoint("GET", "call_notifications", "What went wrong in a call.", _LIST, _FILTERS),
    ),
)
