"""Placing a call: the row and the command to its edge, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cloud.services import application_hooks
from cloud.services.caps import CapKeeper, dialled
from cloud.services.dial_targets import NO_SIP
from cloud.services.requests import NewCall
from cloud.services.routing import Routing
from cloud.store import calls, numbers, outbox
from cloud.store.database import Connection
from cloud.store.records import CallRecord, Hook, NumberRecord
from cloud.tunnel.message_steps import owner_of
from telecore.commands import PlaceCall
from telecore.errors import InvalidRequest, NoRoute
from telecore.ids import (
    AccountSid,
    Address,
    CallSid,
    ChannelId,
    CommandId,
    EdgeId,
    client_channel,
    is_client,
    new_sid,
)
from telecore.model import CallStatus, Direction
from telecore.numbers import is_emergency
from telecore.routing import Decision
from telecore.sip_target import SipTarget

NOT_OURS = 21210
UNREACHABLE = 21214
BLOCKED = 21216
TOO_MANY = 10004
PLACE_WITHIN = timedelta(seconds=60)
"""A call that its edge hears of later than this is not placed any more."""


@dataclass(frozen=True, slots=True)
class Way:
    """By what a call leaves."""

    channel: ChannelId
    edge: EdgeId


def place(
    conn: Connection, routing: Routing, account: AccountSid, wanted: NewCall, *, caps: CapKeeper, now: datetime
) -> tuple[CallRecord, EdgeId]:
    """The call, and the edge whose outbox has its command.

    Raises InvalidRequest 21210 for a caller that is not the account's, 21216 for an emergency number; NoRoute, 13246
    when no trunk calls the URI's host; Refused 21215 and UsedUp by the account's caps.
    """
    number = numbers.get_by_number(conn, wanted.caller)
    if number is None or number.account != account:
        message = f"The source phone number provided, {wanted.caller}, is not a number of this account"
        raise InvalidRequest(message, field="From", code=NOT_OURS)
    if is_emergency(wanted.to if wanted.sip is None else wanted.sip.user):
        raise InvalidRequest("Calls to emergency numbers are not carried", field="To", code=BLOCKED)
    wanted = application_hooks.of_call(conn, account, wanted)
    sid = CallSid(new_sid("CA"))
    way = _way(conn, routing, sid, number, wanted)
    if not is_client(wanted.to):
        caps.call(conn, account, dialled(wanted.to, wanted.sip), urgent=wanted.urgent)
    outbox.append(conn, way.edge, _command(sid, way, wanted, now))
    record = calls.insert(conn, _record(sid, way, number, wanted, now))
    return record, way.edge


def _way(conn: Connection, routing: Routing, sid: CallSid, number: NumberRecord, wanted: NewCall) -> Way:
    """Raises NoRoute."""
    if is_client(wanted.to):
        return _to_browser(number)
    if wanted.sip is not None:
        decision = routing.for_uri(conn, sid, number.account, wanted.sip)
    else:
        decision = routing.for_call(conn, sid, number, wanted.to, urgent=wanted.urgent)
    if decision.chosen is None:
        raise _no_trunk(wanted.sip) if wanted.sip is not None and not decision.eligible else _refusal(decision)
    return Way(decision.chosen.channel, decision.chosen.edge)


def _to_browser(number: NumberRecord) -> Way:
    """Its pages run at the edge of the caller's number."""
    if number.channel is None:
        raise NoRoute(f"The SIM of {number.number} has not been seen at any edge", code=UNREACHABLE)
    edge = EdgeId(owner_of(number.channel))
    return Way(client_channel(edge), edge)


def _record(sid: CallSid, chosen: Way, number: NumberRecord, wanted: NewCall, now: datetime) -> CallRecord:
    return CallRecord(
        sid=sid,
        account=number.account,
        direction=Direction.OUTBOUND_API,
        caller=Address(wanted.caller),
        called=wanted.to,
        status=CallStatus.QUEUED,
        created_at=now,
        updated_at=now,
        number=number.sid,
        channel=chosen.channel,
        edge=chosen.edge,
        url=wanted.url,
        method=wanted.method,
        twiml="" if wanted.url else wanted.twiml,
        fallback=wanted.fallback,
        status_callback=wanted.status_callback,
        status_callback_events=wanted.status_callback_events,
        recording_callback=wanted.recording_callback,
        recording_callback_events=wanted.recording_callback_events,
        time_limit_s=wanted.time_limit_s,
        machine_first=wanted.machine is not None and wanted.machine_first,
        machine_callback=wanted.machine_callback if wanted.machine is not None else Hook(),
    )


def _command(sid: CallSid, chosen: Way, wanted: NewCall, now: datetime) -> PlaceCall:
    return PlaceCall(
        id=CommandId(sid),
        not_after=now + PLACE_WITHIN,
        call=sid,
        channel=chosen.channel,
        to=wanted.to,
        caller=wanted.caller,
        timeout_s=float(wanted.timeout_s),
        time_limit_s=float(wanted.time_limit_s),
        send_digits=wanted.send_digits,
        record=wanted.record,
        record_channels=wanted.record_channels,
        record_trim=wanted.trim_silence,
        record_track=wanted.record_track,
        urgent=wanted.urgent,
        hide_caller=wanted.hide_caller,
        machine=wanted.machine,
        machine_first=wanted.machine is not None and wanted.machine_first,
        sip=replace(wanted.sip, caller=wanted.caller) if wanted.sip is not None else None,
    )


def _no_trunk(sip: SipTarget) -> NoRoute:
    return NoRoute(f"No trunk of this account calls SIP URIs of {sip.host}", code=NO_SIP)


def _refusal(decision: Decision) -> NoRoute:
    """Busy lines pass; other obstacles may not."""
    if any(reason.startswith("is busy") for _, reason in decision.passed_over):
        return NoRoute(f"The line is busy: {decision.outline()}", code=TOO_MANY, status=429)
    return NoRoute(f"The call cannot be placed now: {decision.outline()}", code=UNREACHABLE)
