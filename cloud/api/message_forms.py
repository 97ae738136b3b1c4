"""What may be asked of messages, read from parameters."""

from __future__ import annotations

from cloud.api.forms import Form, recipient
from cloud.api.senders import OF_MESSAGES, read_sender
from cloud.services.requests import NewMessage, UpdateMessage
from cloud.store.messages import MessageFilter
from telecore.errors import InvalidRequest

MAX_BODY = 1600
"""UTF-16 units, as Twilio counts."""
MAX_VALIDITY_S = 36000
MAX_PORT = 65535
"""16-bit application ports (23.040 §9.2.3.24.4)."""


def new_message(form: Form) -> NewMessage:
    """Raises InvalidRequest."""
    to = recipient(form, missing=21604, invalid=21211)
    form.refuse(["MessagingServiceSid"], "cannot be used: messaging services are not offered", code=21701)
    sender = read_sender(form, OF_MESSAGES)
    if str(to) == str(sender):
        raise InvalidRequest("'To' and 'From' cannot be the same number.", field="To", code=21266)
    form.refuse(["MediaUrl"], "cannot be sent: SIMs here send text only", code=21620)
    form.refuse(["ContentSid", "ContentVariables"], "cannot be used: content templates are not offered")
    form.refuse(["ApplicationSid"], "cannot be used: applications are not offered")
    form.refuse(["ScheduleType", "SendAt"], "needs a 'MessagingServiceSid', and those are not offered", code=35118)
    return NewMessage(
        sender=sender,
        to=to,
        body=_body(form),
        status_callback=form.url("StatusCallback", code=21609),
        validity_s=form.integer("ValidityPeriod", MAX_VALIDITY_S, 1, MAX_VALIDITY_S, code=21624),
        smart_encoded=form.boolean("SmartEncoded"),
        urgent=form.urgent(),
        flash=form.word("MessageClass", ("normal", "flash"), "normal") == "flash",
        port=form.integer("ApplicationPort", 0, 1, MAX_PORT) or None,
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


def _body(form: Form) -> str:
    body = form.text("Body")
    if not body:
        raise InvalidRequest("Message body is required.", field="Body", code=21602)
    if len(body.encode("utf-16-le", "replace")) // 2 > MAX_BODY:
        message = f"The concatenated message body exceeds the {MAX_BODY} character limit"
        raise InvalidRequest(message, field="Body", code=21617)
    return body
