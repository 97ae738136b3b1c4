"""What may be asked of messages, read from parameters."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from cloud.api.forms import Form, recipient
from cloud.api.senders import OF_MESSAGES, read_sender
from cloud.services.requests import NewMessage, UpdateMessage
from cloud.store.messages import MessageFilter
from telecore.errors import InvalidRequest
from telecore.ids import is_sid

MAX_BODY = 1600
"""UTF-16 units, as Twilio counts."""
MAX_VALIDITY_S = 36000
MAX_PRICE = r"[0-9]{1,9}(\.[0-9]{1,9})?"
SOONEST, LATEST = timedelta(seconds=300), timedelta(days=35)
MAX_PORT = 65535
"""16-bit application ports (23.040 §9.2.3.24.4)."""


def new_message(form: Form, now: datetime) -> NewMessage:
    """Raises InvalidRequest."""
    to = recipient(form, missing=21604, invalid=21211)
    service = _service(form)
    sender = read_sender(form, OF_MESSAGES) if form.text("From").strip() or not service else None
    if str(to) == str(sender):
        raise InvalidRequest("'To' and 'From' cannot be the same number.", field="To", code=21266)
    form.refuse(["MediaUrl"], "cannot be sent: SIMs here send text only", code=21620)
    form.refuse(["ContentSid"], "cannot be used: content templates are not offered", code=21655)
    form.refuse(["ContentVariables"], "needs a 'ContentSid'", code=21654)
    form.refuse(["FallbackFrom"], "cannot be used: a SIM has its own number and no other", code=21657)
    _check_the_rest(form)
    return NewMessage(
        sender=sender,
        to=to,
        body=_body(form),
        status_callback=form.url("StatusCallback", code=21609),
        application=form.text("ApplicationSid"),
        validity_s=form.integer("ValidityPeriod", 0, 1, MAX_VALIDITY_S, code=21624) or None,
        smart_encoded=form.boolean("SmartEncoded") if form.text("SmartEncoded") else None,
        urgent=form.urgent(),
        flash=form.word("MessageClass", ("normal", "flash"), "normal") == "flash",
        port=form.integer("ApplicationPort", 0, 1, MAX_PORT) or None,
        repeat=form.word("WhenUnknown", ("report", "repeat"), "report") == "repeat",
        service=service,
        send_at=_send_at(form, service, now),
        feedback=form.boolean("ProvideFeedback"),
    )


def update_message(form: Form) -> UpdateMessage:
    """``Body`` may only be emptied. Raises InvalidRequest."""
    if form.text("Body"):
        raise InvalidRequest("'Body' can only be redacted: give an empty one", field="Body")
    redact = form.given("Body")
    cancel = form.word("Status", ("canceled",)) == "canceled"
    if not redact and not cancel:
        raise InvalidRequest("Give an empty 'Body' to redact, or 'Status' canceled", field="Body")
    return UpdateMessage(redact, cancel)


def message_filter(form: Form) -> MessageFilter:
    return MessageFilter(form.number("From"), form.number("To"), form.between("DateSent"))


def feedback_outcome(form: Form) -> str:
    """``Outcome``: confirmed, unless it says otherwise."""
    return form.word("Outcome", ("confirmed", "unconfirmed"), "confirmed")


def _service(form: Form) -> str:
    sid = form.text("MessagingServiceSid").strip()
    if sid and not is_sid(sid, "MG"):
        message = f"The Messaging Service {sid[:64]} is invalid"
        raise InvalidRequest(message, field="MessagingServiceSid", code=21705)
    return sid


def _send_at(form: Form, service: str, now: datetime) -> datetime | None:
    """When to send a scheduled message. A moment that was written without an offset is UTC."""
    kind = form.word("ScheduleType", ("fixed",), code=35126)
    moment = form.moment("SendAt", code=35114)
    if not kind and moment is None:
        return None
    if not service:
        message = "MessagingServiceSid is required to schedule a message"
        raise InvalidRequest(message, field="MessagingServiceSid", code=35118)
    if not kind:
        raise InvalidRequest("'SendAt' needs a 'ScheduleType' of fixed", field="ScheduleType", code=35126)
    if moment is None:
        raise InvalidRequest("'SendAt' is required to schedule a message", field="SendAt", code=35111)
    if not now + SOONEST <= moment <= now + LATEST:
        message = "'SendAt' must be between 300 seconds and 35 days in the future"
        raise InvalidRequest(message, field="SendAt", code=35114)
    return moment


def _check_the_rest(form: Form) -> None:
    """What changes nothing on a SIM is checked and left; what would change what is sent is refused."""
    price = form.text("MaxPrice")
    if price and not re.fullmatch(MAX_PRICE, price):
        raise InvalidRequest("'MaxPrice' must be a positive number", field="MaxPrice", code=21627)
    form.integer("Attempt", 1, 1, 1000)
    form.word("TrafficType", ("free",))
    form.word("RiskCheck", ("enable", "disable"))
    form.boolean("ForceDelivery")
    if form.word("ContentRetention", ("retain", "discard")) == "discard":
        raise InvalidRequest(
            "'ContentRetention' discard is not done here: redact the message", field="ContentRetention"
        )
    if form.word("AddressRetention", ("retain", "obfuscate")) == "obfuscate":
        raise InvalidRequest(
            "'AddressRetention' obfuscate is not done here: delete the message", field="AddressRetention"
        )
    if form.boolean("SendAsMms"):
        raise InvalidRequest("'SendAsMms' cannot be done: SIMs here send text only", field="SendAsMms", code=21622)
    if form.boolean("ShortenUrls"):
        raise InvalidRequest("'ShortenUrls' cannot be done: links are sent as they are", field="ShortenUrls")


def _body(form: Form) -> str:
    body = form.text("Body")
    if not body:
        raise InvalidRequest("Message body is required.", field="Body", code=21602)
    if len(body.encode("utf-16-le", "replace")) // 2 > MAX_BODY:
        message = f"The concatenated message body exceeds the {MAX_BODY} character limit"
        raise InvalidRequest(message, field="Body", code=21617)
    return body
