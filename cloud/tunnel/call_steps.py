"""Steps in the life of a call, each with the status callback that tells of it, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from cloud.store import callbacks, caller_ids, calls, caps
from cloud.store.database import Connection
from cloud.store.records import CallRecord, EdgeRecord, Hook, NumberRecord
from cloud.tunnel import stay_steps
from telecore.causes import Cause, sip_response_of, status_of
from telecore.events import AnswererDetected, CallOffered
from telecore.ids import Address, CallSid
from telecore.model import ANSWERED_BY, CallStatus, Direction
from telecore.states import CALL_STATES, FINAL_CALL, may_become
from telecore.twiml import params

_NOTHING: Mapping[str, str] = MappingProxyType({})
ANONYMOUS = Address("anonymous")
"""``From`` of a caller whom the network withholds."""
_EVENTS = {CallStatus.INITIATED: "initiated", CallStatus.RINGING: "ringing", CallStatus.IN_PROGRESS: "answered"}


def offered(
    edge: EdgeRecord, event: CallOffered, number: NumberRecord | None, at: datetime, now: datetime
) -> CallRecord:
    """The row of a call that comes in, by what its number's owner has set."""
    return CallRecord(
        sid=event.call,
        account=number.account if number else edge.account,
        direction=Direction.INBOUND,
        caller=event.caller or ANONYMOUS,
        called=Address(number.number if number else event.called or ""),
        status=CallStatus.RINGING,
        created_at=now,
        updated_at=now,
        number=number.sid if number else None,
        channel=event.channel,
        edge=edge.edge,
        started_at=at,
        url=number.voice.url if number else "",
        method=number.voice.method if number else "POST",
        fallback=number.voice_fallback if number else Hook(),
        status_callback=number.status_callback if number else Hook(),
    )


def step(
    conn: Connection,
    record: CallRecord,
    status: CallStatus,
    at: datetime,
    also: Mapping[str, str] = _NOTHING,
    /,
    **changes: object,
) -> CallRecord | None:
    """Take the step; None when the table does not allow it (a repetition, or news that came late).

    ``also``: what the callback says besides.
    """
    if not may_become(CALL_STATES, record.status, status):
        return None
    wanted = record.status_callback.url and _event_of(status) in record.status_callback_events
    if wanted:
        changes["sequence"] = record.sequence + 1
    after = calls.update(conn, record.sid, status=status, **changes)
    if after is not None and wanted:
        final = status in FINAL_CALL
        fields = params.call_progress(
            voice_fields(after),
            sequence=record.sequence,
            at=at,
            duration_s=after.duration_s,
            sip_response=_sip_response(after) if final else None,
        )
        validated = _validated(conn, after) if final else {}
        callbacks.add(conn, after.account, after.sid, after.status_callback, fields | dict(also) | validated)
    return after


def end(
    conn: Connection,
    record: CallRecord,
    at: datetime,
    cause: int,
    *,
    duration_s: int | None = None,
    status: CallStatus | None = None,
    also: Mapping[str, str] = _NOTHING,
) -> CallRecord | None:
    """The last step. Without ``status`` it follows from the cause (Q.850), without a duration from the clock."""
    answered = record.answered_at
    if answered is not None and duration_s is None:
        duration_s = max(0, round((at - answered).total_seconds()))
    after = step(
        conn,
        record,
        status or status_of(cause, answered=answered is not None),
        at,
        also,
        ended_at=at,
        cause=cause,
        duration_s=duration_s if answered is not None else None,
    )
    if after is not None:
        stay_steps.call_over(conn, record.sid, at)
        caps.count_minutes(conn, after, at)
    return after


def detected(conn: Connection, record: CallRecord, event: AnswererDetected) -> CallRecord | None:
    """Who answered, and the callback that was wished of it; None when it was told before."""
    if record.answered_by is not None or event.answered_by not in ANSWERED_BY:
        return None
    after = calls.update(conn, record.sid, answered_by=event.answered_by)
    if after is not None and after.machine_callback.url:
        fields = params.answerer(after.account, after.sid, event.answered_by, event.ms)
        callbacks.add(conn, after.account, after.sid, after.machine_callback, fields)
    return after


def voice_fields(record: CallRecord, status: CallStatus | None = None) -> dict[str, str]:
    """What every request about this call says."""
    return params.voice(
        call=record.sid,
        account=record.account,
        caller=record.caller,
        called=record.called,
        status=str(status or record.status),
        direction=record.direction,
        parent=record.parent,
        answered_by=record.answered_by,
    )


def of_edge(conn: Connection, call: CallSid, edge: str) -> CallRecord | None:
    """The call, if it is this edge's."""
    record = calls.get(conn, call)
    return record if record is not None and record.edge == edge else None


def _validated(conn: Connection, record: CallRecord) -> dict[str, str]:
    """What the end of a call that asked for a code says of it."""
    found = caller_ids.validation(conn, record.sid) if record.url == caller_ids.PAGE else None
    if found is None:
        return {}
    made = {"OutgoingCallerIdSid": found.caller_id} if found.caller_id else {}
    return {"VerificationStatus": "success" if found.caller_id else "failed", **made}


def _sip_response(record: CallRecord) -> int:
    answered, cause = record.answered_at is not None, record.cause or Cause.NORMAL_CLEARING
    given_up = record.direction is Direction.INBOUND and cause == Cause.NORMAL_CLEARING and not answered
    if record.status is CallStatus.CANCELED or given_up:
        return 487  # RFC 3261 §21.4.25: Request Terminated
    return sip_response_of(cause, answered=answered)


def _event_of(status: CallStatus) -> str:
    return "completed" if status in FINAL_CALL else _EVENTS.get(status, "")
