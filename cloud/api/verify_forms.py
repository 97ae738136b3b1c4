"""What may be asked of Verify, read from parameters. Whatever is wrong with a verification is 60200, as at Twilio."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from cloud.api.forms import Form, plain_number
from cloud.services.verify import Check, NewVerification
from cloud.store.records import VerifyServiceRecord
from cloud.store.verify import AttemptFilter
from telecore.errors import InvalidRequest
from telecore.ids import Address
from telecore.numbers import is_e164
from telecore.verify_texts import known_locale

INVALID, DISABLED, NO_TARGET = 60200, 60223, 60221
MAX_NAME, MAX_PAYMENT, MAX_LIMIT_NAME, MAX_DESCRIPTION = 30, 64, 64, 256
SHORTEST, LONGEST = 4, 10
CHANNELS = ("sms", "call")
OTHER_CHANNELS = ("email", "whatsapp", "sna", "rbm", "rcs", "auto")
TEMPLATES = ("TemplateSid", "TemplateCustomSubstitutions", "CustomMessage")

_FLAGS = {
    "LookupEnabled": "lookup_enabled",
    "SkipSmsToLandlines": "skip_sms_to_landlines",
    "DtmfInputRequired": "dtmf_input_required",
    "DoNotShareWarningEnabled": "do_not_share_warning_enabled",
    "CustomCodeEnabled": "custom_code_enabled",
    "Psd2Enabled": "psd2_enabled",
}
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DIGITS = re.compile(r"[0-9*#A-Dw]{0,32}")


def service_changes(form: Form, record: VerifyServiceRecord | None) -> dict[str, object]:
    """Fields to set, by name; without ``record`` it is for a new one. Raises InvalidRequest."""
    changes: dict[str, object] = {}
    if form.text("FriendlyName") or record is None:
        changes["friendly_name"] = _limited(form, "FriendlyName", MAX_NAME, needed=True)
    if form.text("CodeLength"):
        changes["code_length"] = form.integer("CodeLength", 6, SHORTEST, LONGEST, code=INVALID)
    for name, field in _FLAGS.items():
        if form.text(name):
            changes[field] = form.boolean(name)
    if form.given("TtsName"):
        changes["tts_name"] = _limited(form, "TtsName", MAX_NAME)
    form.refuse(["DefaultTemplateSid"], "cannot be used: templates are not offered", code=60228)
    return changes


def new_verification(form: Form) -> NewVerification:
    """Raises InvalidRequest."""
    to = _to(form, needed=True)
    form.refuse(TEMPLATES, "cannot be used: templates are not offered", code=60228)
    return NewVerification(
        to=Address(to),
        channel=_channel(form),
        locale=_locale(form),
        custom_code=_custom_code(form),
        friendly_name=_limited(form, "CustomFriendlyName", MAX_NAME),
        amount=_limited(form, "Amount", MAX_PAYMENT),
        payee=_limited(form, "Payee", MAX_PAYMENT),
        send_digits=_send_digits(form),
        limits=_rate_limits(form),
    )


def target(form: Form) -> str:
    """A VerificationSid or a To. Raises InvalidRequest."""
    sid, to = form.text("VerificationSid").strip(), _to(form, needed=False)
    if not sid and not to:
        message = "Provide a 'To' or a 'VerificationSid'"
        raise InvalidRequest(message, field="To", code=NO_TARGET)
    return sid or to


def check(form: Form) -> Check:
    """Raises InvalidRequest."""
    code = form.text("Code").strip()
    if not SHORTEST <= len(code) <= LONGEST:
        raise _invalid("Code")
    return Check(code, form.text("Amount"), form.text("Payee"))


def final_status(form: Form) -> str:
    """Raises InvalidRequest."""
    status = form.word("Status", ("canceled", "approved"), code=INVALID)
    if not status:
        raise _invalid("Status")
    return status


def attempt_filter(form: Form) -> AttemptFilter:
    """Of the list and of the summary. Raises InvalidRequest."""
    status = form.word("Status", ("converted", "unconverted"), code=INVALID)
    return AttemptFilter(
        service=form.text("VerifyServiceSid"),
        verification=form.text("VerificationSid"),
        recipient=plain_number(form.text("ChannelData.To")),
        country=form.text("Country").upper(),
        channel=form.word("Channel", (*CHANNELS, *OTHER_CHANNELS), code=INVALID),
        prefix=form.text("DestinationPrefix").lstrip("+ "),
        converted=None if not status else status == "converted",
        created=form.span("DateCreatedAfter", "DateCreatedBefore"),
    )


def rate_limit_name(form: Form) -> str:
    """Raises InvalidRequest."""
    name = form.text("UniqueName")
    if not name:
        raise _invalid("UniqueName")
    if _NAME.fullmatch(name) is None:
        raise InvalidRequest("'UniqueName' may hold letters, digits, '-', '_' and '.'", field="UniqueName", code=60209)
    return name


def description(form: Form) -> str:
    return _limited(form, "Description", MAX_DESCRIPTION)


def bucket(form: Form, *, needed: bool) -> dict[str, object]:
    """``max`` and ``interval_s``, as far as they are given. Raises InvalidRequest."""
    changes: dict[str, object] = {}
    for name, field in (("Max", "max"), ("Interval", "interval_s")):
        if form.text(name):
            changes[field] = form.integer(name, 1, 1, 10**9, code=INVALID)
        elif needed:
            raise _invalid(name)
    return changes


def _invalid(name: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid parameter `{name}`", field=name, code=INVALID)


def _limited(form: Form, name: str, most: int, *, needed: bool = False) -> str:
    text = form.text(name)
    if len(text) > most or (needed and not text.strip()):
        raise _invalid(name)
    return text


def _to(form: Form, *, needed: bool) -> str:
    number = plain_number(form.text("To"))
    if not is_e164(number) and (needed or number):
        raise _invalid("To")
    return number


def _channel(form: Form) -> str:
    channel = form.text("Channel").strip().lower()
    if channel in OTHER_CHANNELS:
        raise InvalidRequest(f"Delivery channel disabled: {channel.upper()}", field="Channel", code=DISABLED)
    if channel not in CHANNELS:
        raise _invalid("Channel")
    return channel


def _locale(form: Form) -> str:
    text = form.text("Locale").strip()
    locale = known_locale(text) if text else ""
    if locale is None:
        raise _invalid("Locale")
    return locale


def _custom_code(form: Form) -> str:
    text = form.text("CustomCode").strip()
    if text and not (SHORTEST <= len(text) <= LONGEST and text.isascii() and text.isalnum()):
        raise _invalid("CustomCode")
    return text


def _send_digits(form: Form) -> str:
    text = form.text("SendDigits").strip()
    if _DIGITS.fullmatch(text) is None:
        raise _invalid("SendDigits")
    return text


def _rate_limits(form: Form) -> dict[str, str]:
    """JSON: the unique name of a limit → the value that it counts."""
    text = form.text("RateLimits")
    if not text:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid("RateLimits") from error
    if not isinstance(found, dict) or not _all_text(found.values()):
        raise _invalid("RateLimits")
    return found


def _all_text(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) and 0 < len(value) <= 1024 for value in values)
