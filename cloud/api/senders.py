"""``From``: missing or malformed is told here; whether it is the account's, the service finds out as it writes."""

from __future__ import annotations

from dataclasses import dataclass

from cloud.api.forms import Form, plain_number
from telecore.errors import InvalidRequest
from telecore.ids import E164
from telecore.numbers import is_alphanumeric_sender, is_e164

INVALID = 21212


@dataclass(frozen=True, slots=True)
class SenderRules:
    """``missing`` is the code for none at all. ``names``: whether a name may stand in place of a number."""

    missing: int
    names: bool


OF_CALLS = SenderRules(21213, names=False)
OF_MESSAGES = SenderRules(21603, names=True)


def read_sender(form: Form, rules: SenderRules) -> E164:
    """Raises InvalidRequest."""
    text = form.text("From")
    if not text.strip():
        raise InvalidRequest("A 'From' phone number is required.", field="From", code=rules.missing)
    number = plain_number(text)
    named = rules.names and is_alphanumeric_sender(text)
    if not is_e164(number) and not number.isdigit() and not named:
        message = f"The 'From' number {text[:64]} is not a valid phone number."
        raise InvalidRequest(message, field="From", code=INVALID)
    return E164(number)
