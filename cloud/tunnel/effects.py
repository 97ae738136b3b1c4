"""What one event changes in the store. Every effect runs in the transaction that also keeps the event itself.

An edge speaks of its own channels, calls and messages; what it says of others' is logged and changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from cloud.store import calls, edges, erasing, messages
from cloud.store.database import Connection
from cloud.store.records import EdgeRecord, MessageRecord
from cloud.tunnel import (
    call_steps,
    channel_steps,
    inbound_steps,
    message_steps,
    recording_steps,
    resync_steps,
    site_steps,
    sms_steps,
    stay_steps,
)
from cloud.tunnel.heard import Allow, Heard, RecordingUrl, Told, foreign, owns, told
from telecore.events import (
    AnswererDetected,
    CallAnswered,
    CallEnded,
    CallInitiated,
    CallOffered,
    CallRinging,
    ChannelChanged,
    CommandRejected,
    EdgeStarted,
    Event,
    MessageDelivered,
    MessageFailed,
    MessageReceived,
    MessageSubmitted,
    MessageWanted,
    RecordingBegan,
    RecordingChanged,
    RecordingDropped,
    RecordingMade,
    StayEnded,
    WarningCleared,
    WarningRaised,
)
from telecore.ids import Address, CallSid, MessageSid, is_sid
from telecore.model import CallStatus, ChannelStatus, Direction, MessageStatus

log = logging.getLogger(__name__)

REJECTED_CAUSE = 41
INCOMPLETE = 30009


def apply(
    conn: Connection,
    edge: EdgeRecord,
    event: Event,
    *,
    now: datetime,
    allow: Allow,
    history: bool = False,
    ahead: bool = False,
    recording_url: RecordingUrl = lambda account, sid: sid,
) -> Told:
    """Do what the event asks for. Kinds without an effect are only kept. Raises NotYet for one that is ``ahead``."""
    effect = _EFFECTS.get(type(event))
    heard = Heard(edge, event, now, history, recording_url, allow, ahead)
    outcome = effect(conn, heard) if effect is not None else None
    site_steps.answer(conn, edge.edge, event)
    return outcome or Told(edge.edge, event, history)


# ------------------------------------------------------------------ the edge and its channels


def _edge_started(conn: Connection, heard: Heard) -> None:
    event: EdgeStarted = heard.event
    edges.update(conn, heard.edge.edge, instance=event.instance[:64], version=event.version[:64])
    resync_steps.forget_warnings(conn, heard.edge.edge, heard.now)


def _channel_changed(conn: Connection, heard: Heard) -> Told | None:
    status: ChannelStatus = heard.event.status
    if not owns(heard, status.channel):
        return None
    channel_steps.hear(conn, heard.edge, status, heard.now)
    return told(heard, channel=status)


def _channel_told(conn: Connection, heard: Heard) -> Told | None:
    if not all(owns(heard, channel) for channel in site_steps.channels_of(heard.event)):
        return None
    return told(heard, channel=site_steps.keep(conn, heard.edge.edge, heard.event, heard.at))


def _warned(conn: Connection, heard: Heard) -> Told | None:
    if not site_steps.subject_is_own(heard.edge.edge, heard.event.subject):
        return foreign(heard, f"a warning about {heard.event.subject}")
    site_steps.warn(conn, heard.edge.edge, heard.event, heard.at)
    return None


# ------------------------------------------------------------------ messages


def _message_received(conn: Connection, heard: Heard) -> Told | None:
    event: MessageReceived = heard.event
    if not owns(heard, event.channel) or messages.get(conn, event.message) is not None:
        return None
    number = channel_steps.number_of(conn, heard.edge, event.recipient, event.channel)
    record = messages.insert(
        conn,
        MessageRecord(
            sid=event.message,
            account=number.account if number else heard.edge.account,
            direction=Direction.INBOUND,
            sender=Address(message_steps.storable(event.sender)),
            recipient=Address(number.number if number else event.recipient or ""),
            body=message_steps.storable(event.body),
            status=MessageStatus.RECEIVED,
            created_at=heard.now,
            updated_at=heard.now,
            sent_at=event.sent_at or heard.at,
            segments=event.parts,
            error_code=None if event.complete else INCOMPLETE,
            channel=event.channel,
        ),
    )
    if number is not None:
        record = inbound_steps.received(conn, number, record, heard.now, heard.allow)
    return told(heard, message=record)


def _message_submitted(conn: Connection, heard: Heard) -> Told | None:
    event: MessageSubmitted = heard.event
    return _message_step(conn, heard, MessageStatus.SENT, sent_at=heard.at, segments=event.segments)


def _message_delivered(conn: Connection, heard: Heard) -> Told | None:
    event: MessageDelivered = heard.event
    return _message_step(conn, heard, MessageStatus.DELIVERED, event.done_at)


def _message_failed(conn: Connection, heard: Heard) -> Told | None:
    event: MessageFailed = heard.event
    status = MessageStatus.UNDELIVERED if event.after_submit else MessageStatus.FAILED
    return _message_step(conn, heard, status, error_code=event.code, error_message=event.reason)


def _message_step(
    conn: Connection, heard: Heard, status: MessageStatus, done_at: datetime | None = None, **changes: object
) -> Told | None:
    sid: MessageSid = heard.event.message
    if message_steps.of_edge(conn, sid, heard.edge.edge) is None:
        return foreign(heard, f"message {sid}")
    return told(heard, message=message_steps.step(conn, sid, status, done_at, **changes))


def _message_wanted(conn: Connection, heard: Heard) -> Told | None:
    call = call_steps.of_edge(conn, heard.event.call, heard.edge.edge)
    if call is None:
        return foreign(heard, f"call {heard.event.call}")
    return told(heard, message=sms_steps.wanted(conn, call, heard.event, heard.now, heard.allow))


# ------------------------------------------------------------------ calls


def _call_offered(conn: Connection, heard: Heard) -> Told | None:
    event: CallOffered = heard.event
    if not owns(heard, event.channel) or not is_sid(event.call, "CA") or calls.get(conn, event.call) is not None:
        return None
    number = channel_steps.number_of(conn, heard.edge, event.called, event.channel)
    record = calls.insert(conn, call_steps.offered(heard.edge, event, number, heard.at, heard.now))
    return told(heard, call=record)


def _call_initiated(conn: Connection, heard: Heard) -> Told | None:
    """An answer that was announced may be here before it; when the call began is only said here."""
    done = _call_step(conn, heard, CallStatus.INITIATED, started_at=heard.at)
    record = call_steps.of_edge(conn, heard.event.call, heard.edge.edge)
    if record is not None and record.started_at is None:
        calls.update(conn, record.sid, started_at=heard.at)
    return done


def _call_ringing(conn: Connection, heard: Heard) -> Told | None:
    return _call_step(conn, heard, CallStatus.RINGING)


def _call_answered(conn: Connection, heard: Heard) -> Told | None:
    return _call_step(conn, heard, CallStatus.IN_PROGRESS, answered_at=heard.at)


def _call_step(conn: Connection, heard: Heard, status: CallStatus, **changes: object) -> Told | None:
    event = heard.event
    record = call_steps.of_edge(conn, event.call, heard.edge.edge)
    if record is None:
        return foreign(heard, f"call {event.call}")
    return told(heard, call=call_steps.step(conn, record, status, heard.at, **changes))


def _answerer_detected(conn: Connection, heard: Heard) -> Told | None:
    event: AnswererDetected = heard.event
    record = call_steps.of_edge(conn, event.call, heard.edge.edge)
    if record is None:
        return foreign(heard, f"call {event.call}")
    return told(heard, call=call_steps.detected(conn, record, event))


def _call_ended(conn: Connection, heard: Heard) -> Told | None:
    event: CallEnded = heard.event
    record = call_steps.of_edge(conn, event.call, heard.edge.edge)
    if record is None:
        return foreign(heard, f"call {event.call}")
    if event.duration_s is not None and record.answered_at is None:
        answered = heard.at - timedelta(seconds=event.duration_s)
        record = call_steps.step(conn, record, CallStatus.IN_PROGRESS, answered, answered_at=answered) or record
    also = recording_steps.whole(conn, record.sid, heard.recording_url)
    after = call_steps.end(conn, record, heard.at, event.cause, duration_s=event.duration_s, also=also)
    recording_steps.over(conn, record.sid, heard.recording_url)
    if event.media is not None and record.channel is not None:
        site_steps.keep_sound(conn, record.channel, heard.edge.edge, event, heard.at)
    return told(heard, call=after)


def _stay_ended(conn: Connection, heard: Heard) -> Told | None:
    event: StayEnded = heard.event
    record = call_steps.of_edge(conn, event.call, heard.edge.edge)
    if record is None:
        return foreign(heard, f"call {event.call}")
    stay_steps.ended(conn, record, event, heard.at, call_steps.voice_fields(record))
    return told(heard, call=record)


def _recording_made(conn: Connection, heard: Heard) -> Told | None:
    event: RecordingMade = heard.event
    if erasing.came_late(conn, heard.edge.edge, event):
        return None
    call = call_steps.of_edge(conn, event.call, heard.edge.edge)
    if call is None:
        return foreign(heard, f"call {event.call}")
    wish = recording_steps.wish_of(event, call)
    record = recording_steps.made(conn, call, event, wish, at=heard.at, now=heard.now)
    return told(heard, recording=record, call=call) if record is not None else None


def _recording_told(conn: Connection, heard: Heard) -> Told | None:
    event: RecordingBegan | RecordingDropped = heard.event
    if erasing.came_late(conn, heard.edge.edge, event):
        return None
    call = call_steps.of_edge(conn, event.call, heard.edge.edge)
    if call is None:
        return foreign(heard, f"call {event.call}")
    wish = recording_steps.wish_of(event, call)
    if isinstance(event, RecordingBegan):
        recording_steps.began(conn, call, event, wish, at=heard.at, url=heard.recording_url)
    else:
        recording_steps.dropped(conn, call, event, wish, at=heard.at, url=heard.recording_url)
    return told(heard, call=call)


def _recording_changed(conn: Connection, heard: Heard) -> Told | None:
    event: RecordingChanged = heard.event
    call = call_steps.of_edge(conn, event.call, heard.edge.edge)
    if call is None:
        return foreign(heard, f"call {event.call}")
    return told(heard, recording=recording_steps.changed(conn, call, event))


# ------------------------------------------------------------------ refusals


def _command_rejected(conn: Connection, heard: Heard) -> Told | None:
    """``subject`` is the SID that the command was about."""
    event: CommandRejected = heard.event
    if is_sid(event.subject, "SM"):
        sid = MessageSid(event.subject)
        if message_steps.of_edge(conn, sid, heard.edge.edge) is None:
            return foreign(heard, f"message {sid}")
        step = message_steps.step(conn, sid, MessageStatus.FAILED, error_code=event.code, error_message=event.reason)
        return told(heard, message=step)
    if is_sid(event.subject, "CA"):
        record = call_steps.of_edge(conn, CallSid(event.subject), heard.edge.edge)
        if record is None:
            return foreign(heard, f"call {event.subject}")
        ended = call_steps.end(conn, record, heard.now, REJECTED_CAUSE, status=CallStatus.FAILED)
        return told(heard, call=ended)
    log.info("edge %s refused a command about %r: %s", heard.edge.edge, event.subject[:64], event.reason)
    return None


_EFFECTS: Mapping[type[Event], Callable[[Connection, Heard], Told | None]] = {
    EdgeStarted: _edge_started,
    ChannelChanged: _channel_changed,
    MessageReceived: _message_received,
    MessageSubmitted: _message_submitted,
    MessageWanted: _message_wanted,
    MessageDelivered: _message_delivered,
    MessageFailed: _message_failed,
    CallOffered: _call_offered,
    CallInitiated: _call_initiated,
    CallRinging: _call_ringing,
    CallAnswered: _call_answered,
    AnswererDetected: _answerer_detected,
    CallEnded: _call_ended,
    StayEnded: _stay_ended,
    RecordingBegan: _recording_told,
    RecordingChanged: _recording_changed,
    RecordingDropped: _recording_told,
    RecordingMade: _recording_made,
    CommandRejected: _command_rejected,
    WarningRaised: _warned,
    WarningCleared: _warned,
    **dict.fromkeys(site_steps.KEPT, _channel_told),
}
