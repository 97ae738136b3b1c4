"""Conferences, participants, queues and members → Twilio's JSON."""

from __future__ import annotations

from datetime import datetime

from cloud.api.render import Json, date
from cloud.api.urls import VERSION, record_uri, subresource_uri
from cloud.services.conference_desk import status_of
from cloud.store.records import CallRecord, ConferenceRecord, MemberRecord, ParticipantRecord, QueueRecord
from cloud.tunnel.queue_steps import average_wait_s, position


def conference(record: ConferenceRecord) -> Json:
    below = {name: name.capitalize() for name in ("participants", "recordings")}
    return {
        "sid": record.sid,
        "account_sid": record.account,
        "friendly_name": record.name,
        "status": record.status,
        "region": "us1",
        "reason_conference_ended": record.reason or None,
        "call_sid_ending_conference": record.ended_by,
        "api_version": VERSION,
        "date_created": date(record.created_at),
        "date_updated": date(record.updated_at),
        "uri": record_uri(record.account, "Conferences", record.sid),
        "subresource_uris": {
            name: subresource_uri(record.account, "Conferences", record.sid, path) for name, path in below.items()
        },
    }


def participant(record: ParticipantRecord, call: CallRecord | None) -> Json:
    """``call``: the participant's, for how far it has come."""
    return {
        "account_sid": record.account,
        "call_sid": record.call,
        "call_sid_to_coach": record.coach or None,
        "coaching": record.coaching,
        "conference_sid": record.conference,
        "label": record.label or None,
        "muted": record.muted,
        "hold": record.hold,
        "start_conference_on_enter": record.start_on_enter,
        "end_conference_on_exit": record.end_on_exit,
        "status": status_of(record, call),
        "queue_time": "0",
        "date_created": date(record.created_at),
        "date_updated": date(record.updated_at),
        "uri": record_uri(record.account, f"Conferences/{record.conference}/Participants", record.call),
    }


def queue(record: QueueRecord, waiting: list[MemberRecord], now: datetime) -> Json:
    return {
        "sid": record.sid,
        "account_sid": record.account,
        "friendly_name": record.name,
        "max_size": record.max_size,
        "current_size": len(waiting),
        "average_wait_time": average_wait_s(waiting, now),
        "date_created": date(record.created_at),
        "date_updated": date(record.updated_at),
        "uri": record_uri(record.account, "Queues", record.sid),
        "subresource_uris": {"members": subresource_uri(record.account, "Queues", record.sid, "Members")},
    }


def member(record: MemberRecord, waiting: list[MemberRecord], now: datetime) -> Json:
    return {
        "call_sid": record.call,
        "queue_sid": record.queue,
        "position": position(waiting, record),
        "wait_time": round(((record.taken_at or now) - record.created_at).total_seconds()),
        "date_enqueued": date(record.created_at),
        "uri": record_uri(record.account, f"Queues/{record.queue}/Members", record.call),
    }
