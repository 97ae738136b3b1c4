"""What may be asked of numbers and accounts, read from parameters."""

from __future__ import annotations

from collections.abc import Mapping

from cloud.api.forms import Form, plain_number
from cloud.store.numbers import NumberFilter
from cloud.store.records import Hook, NumberRecord
from telecore.errors import InvalidRequest

BAD_URL, BAD_METHOD, BAD_CALLBACK = 21402, 21403, 21502

ORIGIN = "hosted"
"""Numbers that are on somebody else's network, as all are that SIMs have."""

Hooks = Mapping[str, tuple[str, str, int]]
HOOKS: Hooks = {
    "voice": ("VoiceUrl", "VoiceMethod", BAD_URL),
    "voice_fallback": ("VoiceFallbackUrl", "VoiceFallbackMethod", BAD_URL),
    "sms": ("SmsUrl", "SmsMethod", BAD_URL),
    "sms_fallback": ("SmsFallbackUrl", "SmsFallbackMethod", BAD_URL),
    "status_callback": ("StatusCallback", "StatusCallbackMethod", BAD_CALLBACK),
}
"""Field of the record → its parameters and the code for a bad URL."""

NOT_OFFERED = ("TrunkSid", "EmergencyAddressSid", "AddressSid", "IdentitySid", "BundleSid")
APPLICATIONS = {"voice_application": "VoiceApplicationSid", "sms_application": "SmsApplicationSid"}
"""Field of the record → its parameter. Whether the application is there is found out as it is written."""
NO_LOOKUP = 21409


def number_changes(form: Form, record: NumberRecord | None) -> dict[str, object]:
    """Fields to set, by name. What is not given stays; an empty URL clears, an empty name gives way to the number.

    Raises InvalidRequest.
    """
    form.refuse(NOT_OFFERED, "cannot be used: nothing of the kind is offered")
    form.word("VoiceReceiveMode", ("voice",))
    form.word("EmergencyStatus", ("Inactive",))
    if form.boolean("VoiceCallerIdLookup"):
        message = "'VoiceCallerIdLookup' cannot be set: nobody can be asked whose a number is"
        raise InvalidRequest(message, field="VoiceCallerIdLookup", code=NO_LOOKUP)
    changes = hook_changes(form, HOOKS, record)
    for name, parameter in APPLICATIONS.items():
        if form.given(parameter):
            changes[name] = form.text(parameter) or None
    if form.text("FriendlyName"):
        changes["friendly_name"] = form.friendly_name()
    elif form.given("FriendlyName") and record is not None:
        changes["friendly_name"] = record.number
    return changes


def hook_changes(form: Form, hooks: Hooks, record: object | None) -> dict[str, object]:
    """The hooks that are to be other than the record's. What is not given stays; an empty URL clears."""
    changes: dict[str, object] = {}
    for name, (url, method, code) in hooks.items():
        now: Hook = getattr(record, name) if record is not None else Hook()
        given = Hook(
            form.url(url, code=code) if form.given(url) else now.url,
            form.method(method, code=BAD_METHOD) if form.text(method) else now.method,
        )
        if given != now:
            changes[name] = given
    return changes


def number_filter(form: Form, kind: str | None = None) -> NumberFilter | None:
    """None for what no number here is: a beta one, or one that Twilio hosts."""
    if form.boolean("Beta") or form.text("Origin", ORIGIN) != ORIGIN:
        return None
    pattern = plain_number(form.text("PhoneNumber"))
    return NumberFilter(pattern or None, form.text("FriendlyName") or None, kind)


def account_changes(form: Form) -> dict[str, object]:
    """FriendlyName and Status. Raises InvalidRequest."""
    changes: dict[str, object] = {}
    if form.text("FriendlyName"):
        changes["friendly_name"] = form.friendly_name()
    if form.text("Status"):
        changes["status"] = form.word("Status", ("active", "suspended", "closed"))
    return changes
