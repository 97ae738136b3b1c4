"""What may be asked of numbers and accounts, read from parameters."""

from __future__ import annotations

from cloud.api.forms import Form, plain_number
from cloud.store.numbers import NumberFilter
from cloud.store.records import Hook, NumberRecord

BAD_URL, BAD_METHOD, BAD_CALLBACK = 21402, 21403, 21502

HOOKS = {
    "voice": ("VoiceUrl", "VoiceMethod", BAD_URL),
    "voice_fallback": ("VoiceFallbackUrl", "VoiceFallbackMethod", BAD_URL),
    "sms": ("SmsUrl", "SmsMethod", BAD_URL),
    "sms_fallback": ("SmsFallbackUrl", "SmsFallbackMethod", BAD_URL),
    "status_callback": ("StatusCallback", "StatusCallbackMethod", BAD_CALLBACK),
}
"""Field of the record → its parameters and the code for a bad URL."""

NOT_OFFERED = ("VoiceApplicationSid", "SmsApplicationSid", "TrunkSid", "EmergencyAddressSid", "BundleSid")


def number_changes(form: Form, record: NumberRecord | None) -> dict[str, object]:
    """Fields to set, by name. What is not given stays; an empty URL clears, an empty name gives way to the number.

    Raises InvalidRequest.
    """
    form.refuse(NOT_OFFERED, "cannot be used: nothing of the kind is offered")
    form.word("VoiceReceiveMode", ("voice",))
    changes: dict[str, object] = {}
    for name, (url, method, code) in HOOKS.items():
        now: Hook = getattr(record, name) if record is not None else Hook()
        given = Hook(
            form.url(url, code=code) if form.given(url) else now.url,
            form.method(method, code=BAD_METHOD) if form.text(method) else now.method,
        )
        if given != now:
            changes[name] = given
    if form.text("FriendlyName"):
        changes["friendly_name"] = form.friendly_name()
    elif form.given("FriendlyName") and record is not None:
        changes["friendly_name"] = record.number
    return changes


def number_filter(form: Form) -> NumberFilter:
    pattern = plain_number(form.text("PhoneNumber"))
    return NumberFilter(pattern or None, form.text("FriendlyName") or None)


def account_changes(form: Form) -> dict[str, object]:
    """FriendlyName and Status. Raises InvalidRequest."""
    changes: dict[str, object] = {}
    if form.text("FriendlyName"):
        changes["friendly_name"] = form.friendly_name()
    if form.text("Status"):
        changes["status"] = form.word("Status", ("active", "suspended", "closed"))
    return changes
