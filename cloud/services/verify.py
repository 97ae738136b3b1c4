"""Verifications: a code goes out by SMS or call, and comes back within ten minutes or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cloud.numbering import country_of, look_up
from cloud.services.caps import NO_DIALLING, NO_REGION, PUMPING
from cloud.services.requests import Calls
from cloud.services.sending import Sending, Woken
from cloud.services.verify_carriers import BySms, Words, place_call
from cloud.services.verify_codes import Spoken, ask_for_a_key, hash_of, matching, new_code, new_salt, speak
from cloud.store import verify, verify_limits
from cloud.store.database import Connection, Database
from cloud.store.records import AttemptRecord, CallRecord, VerificationRecord, VerifyServiceRecord
from cloud.tunnel.heard import utc_now
from telecore.errors import InvalidRequest, NotFound, Refused, Transient
from telecore.ids import AccountSid, Address, CallSid, new_sid
from telecore.twiml.document import Document
from telecore.twiml.verbs.hangup import Hangup
from telecore.verify_texts import locale_of

log = logging.getLogger(__name__)

TTL = timedelta(minutes=10)
MOST_SENDS = MOST_CHECKS = 5
INVALID, TOO_MANY_CHECKS, TOO_MANY_SENDS, LANDLINE, NOT_ALLOWED, NEEDS_PAYMENT, NO_CALL = (
    60200, 60202, 60203, 60205, 60204, 60206, 60214,
)  # fmt: skip
RATE_LIMITED = 20429
_CAPPED = {NO_REGION: 60605, NO_DIALLING: 60605, PUMPING: 60410}
"""What the account's caps say, in Verify's words: not that region, and fraud."""
_POLL_S = 5.0


@dataclass(frozen=True, slots=True)
class NewVerification:
    """``channel``: sms or call. No ``locale``: that of the number's country. ``limits``: rate limit → value."""

    to: Address
    channel: str
    locale: str = ""
    custom_code: str = ""
    friendly_name: str = ""
    amount: str = ""
    payee: str = ""
    send_digits: str = ""
    limits: Mapping[str, str] = field(default_factory=dict)

    @property
    def payment(self) -> str:
        """What PSD2 wants said, in no language."""
        return f"{self.payee}: {self.amount}" if self.amount and self.payee else ""


@dataclass(frozen=True, slots=True)
class Check:
    """A code that somebody gave, with what PSD2 wants given again."""

    code: str
    amount: str = ""
    payee: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """A verification and every code that was sent for it, the oldest first."""

    record: VerificationRecord
    attempts: tuple[AttemptRecord, ...]


class Verify:
    """``told`` is called after a commit with the edges that have news."""

    def __init__(
        self,
        db: Database,
        sending: Sending,
        calls: Calls,
        *,
        told: Callable[[Woken], None],
        now: Callable[[], datetime] = utc_now,
        new_code: Callable[[int], str] = new_code,
    ) -> None:
        self._db = db
        self._sms = BySms(sending)
        self._calls = calls
        self._told = told
        self._now = now
        self._new_code = new_code
        self._spoken: dict[CallSid, Spoken] = {}

    # ------------------------------------------------------------------ what customers ask

    async def start(self, account: AccountSid, service: str, wanted: NewVerification) -> Sent:
        """Send a code; within its ten minutes the same verification is gone on with.

        Raises NotFound; InvalidRequest 60200, 60204, 60205, 60206, 60214, 60223; Refused 60203 and 20429 (both 429),
        60605 and 60410 (403) for a number that the account's caps keep it from, UsedUp by those that count.
        """
        settings = await self._db.read(lambda conn: own_service(conn, account, service))
        code = _code(settings, wanted) or self._new_code(settings.code_length)
        _check_channel(settings, wanted)
        known = await self._db.read(lambda conn: verify.pending(conn, service, wanted.to, self._now()))
        salt = known.salt if known is not None else new_salt()
        hashed = await asyncio.to_thread(hash_of, code, salt)
        made = await self._db.write(lambda conn: self._enter(conn, settings, wanted, salt, hashed))
        attempt = made.attempts[-1]
        try:
            await self._carry(settings, wanted, attempt, code)
        except (Refused, Transient) as error:
            await self._db.write(lambda conn: _take_back(conn, attempt))
            if isinstance(error, Refused) and error.code in _CAPPED:
                raise Refused(error.message, code=_CAPPED[error.code], status=403) from error
            raise
        return made

    async def check(
        self, account: AccountSid, service: str, key: str, wanted: Check
    ) -> tuple[VerificationRecord, bool]:
        """Whether it is one of the codes that were sent. A try is counted before it is looked at.

        Raises NotFound for what does not wait (any more); Refused 60202 (429) for the sixth try.
        """

        def reserve(conn: Connection) -> tuple[VerificationRecord, dict[str, str]]:
            record = self._waiting(conn, account, service, key)
            if record.checks >= MOST_CHECKS:
                raise Refused("Max check attempts reached", code=TOO_MANY_CHECKS, status=429)
            verify.count_check(conn, record.sid)
            return record, {a.sid: a.code_hash for a in verify.attempts_of(conn, record.sid) if a.code_hash}

        record, hashes = await self._db.write(reserve)
        found = await asyncio.to_thread(matching, wanted.code, record.salt, hashes)
        if found is None or (record.amount, record.payee) != (wanted.amount, wanted.payee):
            return record, False

        def approve(conn: Connection) -> VerificationRecord:
            self._waiting(conn, account, service, record.sid)
            verify.update_attempt(conn, found, converted=True)
            return verify.end(conn, record.sid, "approved") or record

        return await self._db.write(approve), True

    async def fetch(self, account: AccountSid, service: str, key: str) -> Sent:
        """Raises NotFound for what does not wait (any more)."""

        def read(conn: Connection) -> Sent:
            record = self._waiting(conn, account, service, key)
            return Sent(record, tuple(verify.attempts_of(conn, record.sid)))

        return await self._db.read(read)

    async def end(self, account: AccountSid, service: str, key: str, status: str) -> Sent:
        """``canceled`` or ``approved``, by the application's own word. Raises NotFound."""

        def write(conn: Connection) -> Sent:
            record = self._waiting(conn, account, service, key)
            after = verify.end(conn, record.sid, status) or record
            return Sent(after, tuple(verify.attempts_of(conn, record.sid)))

        return await self._db.write(write)

    # ------------------------------------------------------------------ what happens meanwhile

    async def page(self, record: CallRecord, told: Mapping[str, str]) -> Document:
        """What a call of ours says next. After a restart nobody knows the code any more, and the call ends."""
        spoken = self._spoken.get(record.sid)
        if spoken is None:
            return Document((Hangup(),))
        return ask_for_a_key(spoken) if spoken.after_a_key and "Digits" not in told else speak(spoken)

    def over(self, record: CallRecord) -> None:
        """What a call has spoken is forgotten with it."""
        self._spoken.pop(record.sid, None)

    async def run(self) -> None:
        """End what has waited too long."""
        while True:
            with contextlib.suppress(Transient):
                await self._db.write(lambda conn: verify.expire(conn, self._now()))
            await asyncio.sleep(_POLL_S)

    # ------------------------------------------------------------------ how it is done

    def _waiting(self, conn: Connection, account: AccountSid, service: str, key: str) -> VerificationRecord:
        own_service(conn, account, service)
        record = verify.pending(conn, service, key, self._now())
        if record is None:
            raise NotFound(f"The requested resource /v2/Services/{service}/Verifications/{key[:64]} was not found")
        return record

    def _enter(
        self, conn: Connection, service: VerifyServiceRecord, wanted: NewVerification, salt: str, hashed: str
    ) -> Sent:
        """The verification, new or gone on with, and its next attempt. Raises Refused; then nothing is kept."""
        now = self._now()
        record = verify.pending(conn, service.sid, wanted.to, now)
        before = verify.attempts_of(conn, record.sid) if record is not None else []
        if len(before) >= MOST_SENDS:
            raise Refused("Max send attempts reached", code=TOO_MANY_SENDS, status=429)
        _count(conn, service, wanted.limits, now)
        if record is None:
            record = verify.insert(conn, _new(service, wanted, salt, now))
        elif record.salt != salt:  # one that was begun at the same moment
            raise Refused("Too many concurrent requests for phone number", code=60212, status=429)
        changes = {"channel": wanted.channel, "amount": wanted.amount, "payee": wanted.payee}
        record = verify.update_verification(conn, record.sid, **changes) or record
        attempt = verify.insert_attempt(conn, _attempt(record, wanted, hashed, now))
        return Sent(record, (*before, attempt))

    async def _carry(
        self, service: VerifyServiceRecord, wanted: NewVerification, attempt: AttemptRecord, code: str
    ) -> None:
        name, locale = wanted.friendly_name or service.friendly_name, wanted.locale or locale_of(attempt.country)
        if wanted.channel == "sms":
            woken: Woken = []
            words = Words(name, locale, code, service.do_not_share_warning_enabled, wanted.payment)
            await self._db.write(lambda conn: self._sms.send(conn, attempt, words, woken))
            self._told(woken)
            return
        call = await place_call(self._db, self._calls, attempt, wanted.send_digits)
        self._spoken[call] = Spoken(locale, name, code, service.dtmf_input_required)


def own_service(conn: Connection, account: AccountSid, sid: str) -> VerifyServiceRecord:
    """Raises NotFound for one that is not the account's."""
    record = verify.get_service(conn, sid)
    if record is None or record.account != account:
        raise NotFound(f"The requested resource /v2/Services/{sid[:64]} was not found")
    return record


def _code(service: VerifyServiceRecord, wanted: NewVerification) -> str:
    if wanted.custom_code and not service.custom_code_enabled:
        raise InvalidRequest("Custom code not allowed", field="CustomCode", code=NOT_ALLOWED, status=403)
    return wanted.custom_code


def _check_channel(service: VerifyServiceRecord, wanted: NewVerification) -> None:
    if service.psd2_enabled and not (wanted.amount and wanted.payee):
        raise InvalidRequest("'Amount' & 'Payee' params are required", field="Amount", code=NEEDS_PAYMENT)
    if service.psd2_enabled and wanted.channel == "call":
        raise InvalidRequest("Call channel is not supported when using PSD2", field="Channel", code=NO_CALL)
    if service.skip_sms_to_landlines and wanted.channel == "sms" and look_up(wanted.to).line == "landline":
        message = "SMS is not supported by landline phone number"
        raise InvalidRequest(message, field="To", code=LANDLINE, status=403)


def _count(conn: Connection, service: VerifyServiceRecord, limits: Mapping[str, str], now: datetime) -> None:
    """Raises InvalidRequest 60200 for a limit that there is not, Refused 20429 (429) for one that is reached."""
    for name, value in limits.items():
        limit = verify_limits.named(conn, service.sid, name)
        if limit is None:
            raise InvalidRequest(f"Invalid parameter `RateLimits`: {name[:64]}", field="RateLimits", code=INVALID)
        hashed = hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()
        for bucket in verify_limits.buckets(conn, limit.sid):
            if not verify_limits.take(conn, bucket, hashed, now):
                raise Refused(f"Rate limit {name[:64]} is reached", code=RATE_LIMITED, status=429)


def _new(service: VerifyServiceRecord, wanted: NewVerification, salt: str, now: datetime) -> VerificationRecord:
    return VerificationRecord(
        sid=new_sid("VE"),
        account=service.account,
        service=service.sid,
        recipient=wanted.to,
        channel=wanted.channel,
        created_at=now,
        updated_at=now,
        expires_at=now + TTL,
        salt=salt,
    )


def _attempt(record: VerificationRecord, wanted: NewVerification, hashed: str, now: datetime) -> AttemptRecord:
    return AttemptRecord(
        sid=new_sid("VL"),
        account=record.account,
        service=record.service,
        verification=record.sid,
        channel=wanted.channel,
        recipient=wanted.to,
        country=country_of(wanted.to),
        code_hash=hashed,
        created_at=now,
        updated_at=now,
    )


def _take_back(conn: Connection, attempt: AttemptRecord) -> None:
    """What could not be sent is no attempt; a verification without any is none."""
    verify.remove_attempt(conn, attempt.sid)
    if not verify.attempts_of(conn, attempt.verification):
        verify.end(conn, attempt.verification, "canceled")
