"""What may be asked of messaging services, read from parameters."""

from __future__ import annotations

from cloud.api.forms import Form
from cloud.store.records import Hook, MessagingServiceRecord
from telecore.errors import InvalidRequest

USECASES = ("notifications", "marketing", "verification", "discussion", "poll", "undeclared")
MAX_NAME = 64
MAX_REPLY = 320
MAX_VALIDITY_S = 36000
BAD_USECASE = 21713

_FLAGS = {
    "StickySender": "sticky_sender",
    "SmartEncoding": "smart_encoding",
    "AreaCodeGeomatch": "area_code_geomatch",
    "UseInboundWebhookOnNumber": "use_inbound_webhook_on_number",
    "MmsConverter": "mms_converter",
    "FallbackToLongCode": "fallback_to_long_code",
    "SynchronousValidation": "synchronous_validation",
}
_REPLIES = {"StopReply": "stop_reply", "StartReply": "start_reply", "HelpReply": "help_reply"}
"""Ours: what a keyword is answered with."""
_HOOKS = {
    "inbound": ("InboundRequestUrl", "InboundMethod"),
    "fallback": ("FallbackUrl", "FallbackMethod"),
}


def service_changes(form: Form, record: MessagingServiceRecord | None) -> dict[str, object]:
    """Fields to set, by name. What is not given stays; an empty URL clears. Without ``record`` it is for a new one.

    Raises InvalidRequest.
    """
    changes: dict[str, object] = {}
    if form.text("FriendlyName") or record is None:
        changes["friendly_name"] = _name(form)
    for name, (url, method) in _HOOKS.items():
        now: Hook = getattr(record, name) if record is not None else Hook()
        changes[name] = Hook(
            form.url(url, code=20001) if form.given(url) else now.url,
            form.method(method, code=20001) if form.text(method) else now.method,
        )
    if form.given("StatusCallback"):
        changes["status_callback"] = form.url("StatusCallback", code=21609)
    changes |= {field: form.boolean(name) for name, field in _FLAGS.items() if form.text(name)}
    changes |= {field: _reply(form, name) for name, field in _REPLIES.items() if form.given(name)}
    if form.text("ValidityPeriod"):
        changes["validity_s"] = form.integer("ValidityPeriod", MAX_VALIDITY_S, 1, MAX_VALIDITY_S, code=21624)
    if form.text("Usecase"):
        changes["usecase"] = form.word("Usecase", USECASES, code=BAD_USECASE)
    if form.text("ScanMessageContent"):
        changes["scan_message_content"] = form.word("ScanMessageContent", ("inherit", "enable", "disable"))
    return changes


def number_sid(form: Form) -> str:
    """``PhoneNumberSid``. Raises InvalidRequest."""
    sid = form.text("PhoneNumberSid").strip()
    if not sid:
        raise InvalidRequest("Missing required parameter PhoneNumberSid", field="PhoneNumberSid")
    return sid


def _name(form: Form) -> str:
    name = form.text("FriendlyName")
    if not name.strip():
        raise InvalidRequest("Missing required parameter FriendlyName", field="FriendlyName")
    if len(name) > MAX_NAME:
        raise InvalidRequest(f"'FriendlyName' may have up to {MAX_NAME} characters", field="FriendlyName")
    return name


def _reply(form: Form, name: str) -> str:
    text = form.text(name)
    if len(text) > MAX_REPLY:
        raise InvalidRequest(f"'{name}' may have up to {MAX_REPLY} characters", field=name)
    return text
