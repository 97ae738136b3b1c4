"""Whether a number is somebody's: it is called, and asked for the code that he was told over the API."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

from cloud.services.callbacks import Callbacks
from cloud.services.caps import CapKeeper
from cloud.services.placing import place
from cloud.services.requests import NewCall, NewValidation
from cloud.services.routing import Routing
from cloud.store import caller_ids, numbers
from cloud.store.database import Connection, Database
from cloud.store.records import CallRecord, ValidationRecord
from cloud.tunnel.heard import utc_now
from telecore.errors import InvalidRequest, NoRoute
from telecore.ids import AccountSid, Address, EdgeId
from telecore.twiml.control import CollectSpec
from telecore.twiml.document import Document
from telecore.twiml.verbs.gather import Gather
from telecore.twiml.verbs.hangup import Hangup
from telecore.twiml.verbs.say import Say

OURS, KNOWN = 21449, 21450
DIGITS = 6
TRIES = 3
_WAIT_S = 10.0

_ASK = "Please enter the six digits of your validation code."
_AGAIN = "That was not the code. Please enter its six digits again."
_DONE = "Thank you. Your number is validated. Goodbye."
_NOT_DONE = "Your number could not be validated. Goodbye."


class Validation:
    """``wake`` tells the tunnel that an edge's outbox has news."""

    def __init__(
        self,
        db: Database,
        routing: Routing,
        queue: Callbacks,
        *,
        wake: Callable[[EdgeId], None],
        caps: CapKeeper,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._caps = caps
        self._db = db
        self._routing = routing
        self._queue = queue
        self._wake = wake
        self._now = now

    async def create(self, account: AccountSid, wanted: NewValidation) -> ValidationRecord:
        """Place the call, from whichever of the account's SIMs can. Raises InvalidRequest 21449, 21450; NoRoute."""
        woken: list[EdgeId] = []

        def write(conn: Connection) -> ValidationRecord:
            _check(conn, account, wanted)
            call, edge = self._place(conn, account, wanted)
            woken.append(edge)
            record = ValidationRecord(
                call=call.sid,
                account=account,
                number=wanted.number,
                friendly_name=wanted.friendly_name or wanted.number,
                code=f"{secrets.randbelow(10**DIGITS):0{DIGITS}}",
                created_at=self._now(),
            )
            caller_ids.begin(conn, record)
            return record

        record = await self._db.write(write)
        self._queue.wake()
        for edge in woken:
            self._wake(edge)
        return record

    async def page(self, call: CallRecord, told: Mapping[str, str]) -> Document:
        """What the call hears next: the question, or what came of its answer."""
        if "Digits" not in told:
            return _asking(_ASK)

        def write(conn: Connection) -> tuple[bool, int]:
            record = caller_ids.validation(conn, call.sid)
            if record is None or record.tries >= TRIES:
                return False, TRIES
            return caller_ids.tried(conn, record, told["Digits"]) is not None, record.tries + 1

        right, tries = await self._db.write(write)
        if right:
            return Document((Say(_DONE), Hangup()))
        return _asking(_AGAIN) if tries < TRIES else Document((Say(_NOT_DONE), Hangup()))

    def _place(self, conn: Connection, account: AccountSid, wanted: NewValidation) -> tuple[CallRecord, EdgeId]:
        refusal = NoRoute("The number cannot be called: this account has no number to call from")
        for number in numbers.of_account(conn, account):
            asked = NewCall(
                caller=number.number,
                to=Address(wanted.number),
                url=caller_ids.PAGE,
                status_callback=wanted.status_callback,
                send_digits=wanted.extension,
            )
            try:
                return place(conn, self._routing, account, asked, caps=self._caps, now=self._now())
            except NoRoute as error:
                refusal = error
        raise refusal


def _check(conn: Connection, account: AccountSid, wanted: NewValidation) -> None:
    own = numbers.get_by_number(conn, wanted.number)
    if own is not None and own.account == account:
        message = f"{wanted.number} is a number of this account: it can be called from as it is"
        raise InvalidRequest(message, field="PhoneNumber", code=OURS)
    if caller_ids.get_by_number(conn, account, wanted.number) is not None:
        raise InvalidRequest(f"{wanted.number} is validated already", field="PhoneNumber", code=KNOWN)


def _asking(text: str) -> Document:
    spec = CollectSpec(timeout_s=_WAIT_S, num_digits=DIGITS)
    return Document((Gather(caller_ids.PAGE, spec=spec, action_on_empty_result=True, prompts=(Say(text),)),))
