"""Messages."""

from __future__ import annotations

from cloud.api.description.model import NOTHING, Endpoint, Family, Json, differs, impossible, one, ours, page
from cloud.api.description.words import (
    a_date,
    a_map,
    a_sid,
    a_text,
    a_uri,
    a_whole,
    a_word,
    between,
    digits,
    flag,
    ignored,
    moment,
    not_offered,
    nothing,
    number,
    refused,
    sid,
    text,
    url,
    whole,
    word,
)
from cloud.api.message_forms import MAX_BODY, MAX_PORT, MAX_PRICE, MAX_VALIDITY_S

STATUS = (
    "accepted", "scheduled", "queued", "sending", "sent", "delivered", "undelivered", "failed", "canceled",
    "receiving", "received",
)  # fmt: skip

SCHEMAS: dict[str, Json] = {
    "message": {
        "sid": a_sid("SM"),
        "account_sid": a_sid("AC"),
        "messaging_service_sid": a_sid("MG", null=True),
        "to": a_text(),
        "from": a_text(null=True),
        "body": a_text(),
        "status": a_word(*STATUS),
        "direction": a_word("inbound", "outbound-api", "outbound-reply", "outbound-call"),
        "num_segments": digits(),
        "num_media": digits(),
        "error_code": a_whole(null=True),
        "error_message": a_text(null=True),
        "price": nothing(),
        "price_unit": a_text(),
        "api_version": a_text(),
        "date_created": a_date(),
        "date_updated": a_date(),
        "date_sent": a_date(null=True),
        "uri": a_uri(),
        "subresource_uris": a_map(),
    },
    "message_feedback": {
        "account_sid": a_sid("AC"),
        "message_sid": a_sid("SM"),
        "outcome": a_word("confirmed", "unconfirmed"),
        "date_created": a_date(),
        "date_updated": a_date(),
        "uri": a_uri(),
    },
    "media": {"sid": a_sid("ME")},
}

CREATE = (
    number("To", differs("E.164, or a short code of the SIM's country"), needed=True),
    number("From", differs("a number of one of your SIMs: it chooses the SIM")),
    sid("MessagingServiceSid", "MG"),
    text("Body", upto=MAX_BODY, needed=True),
    url("StatusCallback"),
    whole("ValidityPeriod", 1, MAX_VALIDITY_S, MAX_VALIDITY_S),
    flag("SmartEncoded"),
    word("ScheduleType", "fixed"),
    moment("SendAt"),
    flag("ProvideFeedback"),
    sid("ApplicationSid", "AP"),
    *refused("a SIM sends text only", 21620, "MediaUrl"),
    flag("SendAsMms", standing=impossible("true is refused (21622): a SIM sends text only")),
    *not_offered("content templates are not offered", 21655, "ContentSid"),
    *not_offered("content templates are not offered", 21654, "ContentVariables"),
    *refused("a SIM has its own number and no other", 21657, "FallbackFrom"),
    flag("ShortenUrls", standing=differs("true is refused (20001): links are sent as they are")),
    word("ContentRetention", "retain", "discard", standing=differs("discard is refused (20001): redact the message")),
    word("AddressRetention", "retain", "obfuscate", standing=differs("obfuscate is refused (20001)")),
    text("MaxPrice", differs("checked, and of no effect: nothing is priced"), pattern=MAX_PRICE),
    whole("Attempt", 1, 1000, standing=differs("checked, and of no effect")),
    word("TrafficType", "free", standing=differs("checked, and of no effect")),
    word("RiskCheck", "enable", "disable", standing=differs("checked, and of no effect")),
    flag("ForceDelivery", standing=differs("checked, and of no effect")),
    word("Priority", "normal", "warning", default="normal", standing=ours("warning goes first, and above quotas")),
    word("MessageClass", "normal", "flash", default="normal", standing=ours("flash: shown at once and not kept")),
    whole("ApplicationPort", 1, MAX_PORT, standing=ours("for the application that listens there")),
    word(
        "WhenUnknown", "report", "repeat", default="report",
        standing=ours("repeat: when nobody knows whether it went it is sent again, and may come twice"),
    ),
    *ignored("PersistentAction", "MessageIntent"),
)  # fmt: skip

FAMILY = Family(
    "Messages",
    (
        Endpoint(
            "POST", "messages", "Send an SMS.", one("message"), CREATE, 201,
            example={"To": "+85512000001", "From": "{number}", "Body": "hello"},
            examples=({"To": "+85512000001", "MessagingServiceSid": "{messaging_service}", "Body": "hello"},),
            errors=(404, 429),
        ),
        Endpoint(
            "GET", "messages", "List messages, newest first.", page("messages", "message"),
            (number("To"), number("From"), *between("DateSent")),
        ),
        Endpoint("GET", "message", "One message.", one("message")),
        Endpoint(
            "POST", "message", "Redact it, or cancel it while it is scheduled.", one("message"),
            (text("Body", differs("an empty one redacts; any other is refused (20001)")), word("Status", "canceled")),
            example={"Body": ""},
        ),
        Endpoint(
            "POST", "message_feedback", "Tell whether it did what it was for.", one("message_feedback"),
            (word("Outcome", "confirmed", "unconfirmed", default="confirmed"),), example={"Outcome": "confirmed"},
        ),
        Endpoint("DELETE", "message", "Delete it.", NOTHING, status=204),
        Endpoint(
            "GET", "message_media", "Its media: an SMS has none.", page("media_list", "media"),
            ignored("DateCreated", "DateCreated<", "DateCreated>"),
            standing=impossible("always empty: a SIM sends and receives no MMS"),
        ),
    ),
)  # fmt: skip
