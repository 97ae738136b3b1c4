"""``From``: only a number of the account may call or send."""

from __future__ import annotations

from dataclasses import dataclass

from cloud.api.forms import Form, plain_number
from cloud.store import numbers
from cloud.store.database import Database
from telecore.errors import InvalidRequest
from telecore.ids import E164, AccountSid
from telecore.numbers import is_alphanumeric_sender, is_e164


@dataclass(frozen=True, slots=True)
class Refusals:
    """Codes and sentences for a From that is missing, malformed, or not the account's."""

    missing: int
    missing_text: str
    invalid: int
    foreign: int
    foreign_text: str
    names: bool
    """Whether a From may be a name as far as its form goes."""


OF_CALLS = Refusals(
    21213,
    "A 'From' phone number is required.",
    21212,
    21210,
    "The source phone number provided, {}, is not yet verified for your account. "
    "You may only make calls from phone numbers that you've verified or purchased.",
    names=False,
)
OF_MESSAGES = Refusals(
    21603,
    "A 'From' phone number is required.",
    21212,
    21606,
    "The 'From' phone number provided ({}) is not a valid message-capable phone number of your account.",
    names=True,
)


async def own_sender(db: Database, account: AccountSid, form: Form, refusals: Refusals) -> E164:
    """Raises InvalidRequest."""
    text = form.text("From")
    if not text.strip():
        raise InvalidRequest(refusals.missing_text, field="From", code=refusals.missing)
    number = plain_number(text)
    named = refusals.names and is_alphanumeric_sender(text)
    if not is_e164(number) and not number.isdigit() and not named:
        message = f"The 'From' number {text[:64]} is not a valid phone number."
        raise InvalidRequest(message, field="From", code=refusals.invalid)
    record = await db.read(lambda conn: numbers.get_by_number(conn, number))
    if record is None or record.account != account:
        raise InvalidRequest(refusals.foreign_text.format(text[:64]), field="From", code=refusals.foreign)
    return record.number
