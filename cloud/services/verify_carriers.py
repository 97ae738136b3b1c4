"""What brings a code: an SMS from one of the account's numbers, or a call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from cloud.services.requests import Calls, NewCall
from cloud.services.sending import Sending, Woken
from cloud.services.verify_codes import PAGE, hidden
from cloud.store import numbers, verify
from cloud.store.database import Connection, Database
from cloud.store.records import AttemptRecord, NumberRecord
from telecore.errors import InvalidRequest, NoRoute
from telecore.ids import CallSid
from telecore.model import Direction
from telecore.sms import count_segments
from telecore.verify_texts import sms_body

DISABLED = 60223
UNSUBSCRIBED = 21610
VALID_S = 600


@dataclass(frozen=True, slots=True)
class Words:
    """What a message says, whose code may be shown or not. ``payment``: what PSD2 wants said."""

    name: str
    locale: str
    code: str
    warning: bool
    payment: str

    def text(self, code: str) -> str:
        return sms_body(self.locale, self.name, code, warning=self.warning, payment=self.payment)


class BySms:
    """The message is one of the account's; what it shows has stars in place of the code."""

    def __init__(self, sending: Sending) -> None:
        self._sending = sending

    def send(self, conn: Connection, attempt: AttemptRecord, words: Words, woken: Woken) -> None:
        """Raises InvalidRequest 60223 without a number, 21610 for who wants nothing from any; NoRoute."""
        woken.clear()
        if not numbers.of_account(conn, attempt.account):
            raise InvalidRequest("Delivery channel disabled: the account has no number", field="Channel", code=DISABLED)
        to = attempt.recipient
        shown, secret = words.text(hidden(words.code)), words.text(words.code)
        record = self._sending.new(attempt.account, None, to, shown, Direction.OUTBOUND_API, validity_s=VALID_S)
        record = replace(record, secret_body=secret, segments=count_segments(secret).segments)
        choice = self._sending.choose(conn, record, None)
        if not self._sending.pool(conn, record, None):
            raise InvalidRequest("Attempt to send to unsubscribed recipient", field="To", code=UNSUBSCRIBED)
        if choice.decision.lasting:
            raise NoRoute(f"The code cannot be sent: {choice.decision.outline()}")
        record = self._sending.enter(conn, record)
        self._sending.send_as_chosen(conn, record, None, choice, woken)
        verify.update_attempt(conn, attempt.sid, carrier=record.sid)


async def place_call(db: Database, calls: Calls, attempt: AttemptRecord, send_digits: str) -> CallSid:
    """Call from the first of the account's numbers whose line is free. Raises InvalidRequest 60223, NoRoute."""
    found = await db.read(lambda conn: numbers.of_account(conn, attempt.account))
    error: NoRoute | None = None
    for number in found:
        try:
            call = await calls.create(attempt.account, _call(number, attempt, send_digits))
        except NoRoute as refused:
            error = refused
            continue
        await db.write(partial(verify.update_attempt, sid=attempt.sid, carrier=call.sid))
        return call.sid
    if error is not None:
        raise error
    raise InvalidRequest("Delivery channel disabled: the account has no number", field="Channel", code=DISABLED)


def _call(number: NumberRecord, attempt: AttemptRecord, send_digits: str) -> NewCall:
    return NewCall(number.number, attempt.recipient, url=PAGE, send_digits=send_digits, time_limit_s=120)
