"""Records → Twilio's JSON: its field names, its dates, and text where Twilio has text for numbers."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import format_datetime

from cloud.api.urls import ROOT, VERSION, account_uri, list_uri, record_uri, subresource_uri
from cloud.store.records import (
    AccountRecord,
    CallRecord,
    FeedbackRecord,
    KeyRecord,
    MessageRecord,
    NotificationRecord,
    NumberRecord,
    RecordingRecord,
)
from cloud.web.errors import MORE_INFO
from telecore.model import CallStatus, Direction, Service

Json = dict[str, object]

_CALL_PARTS = (
    "events",
    "notifications",
    "payments",
    "recordings",
    "siprec",
    "streams",
    "transcriptions",
    "user_defined_messages",
    "user_defined_message_subscriptions",
)
_ACCOUNT_PARTS = {
    "addresses": "Addresses",
    "applications": "Applications",
    "available_phone_numbers": "AvailablePhoneNumbers",
    "calls": "Calls",
    "conferences": "Conferences",
    "incoming_phone_numbers": "IncomingPhoneNumbers",
    "keys": "Keys",
    "messages": "Messages",
    "notifications": "Notifications",
    "outgoing_caller_ids": "OutgoingCallerIds",
    "queues": "Queues",
    "recordings": "Recordings",
    "short_codes": "SMS/ShortCodes",
    "signing_keys": "SigningKeys",
    "transcriptions": "Transcriptions",
    "usage": "Usage/Records",
}


def date(moment: datetime | None) -> str | None:
    """RFC 2822 in UTC: ``Fri, 24 May 2019 17:44:46 +0000``."""
    return None if moment is None else format_datetime(moment.astimezone(UTC))


def iso(moment: datetime | None) -> str | None:
    """As the younger APIs write it: ``2015-07-30T20:00:00Z``."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def key(record: KeyRecord) -> Json:
    """Without its secret."""
    return {
        "sid": record.sid,
        "friendly_name": record.friendly_name,
        "date_created": date(record.created_at),
        "date_updated": date(record.updated_at),
    }


def account(record: AccountRecord) -> Json:
    return {
        "sid": record.sid,
        "friendly_name": record.friendly_name,
        "auth_token": record.auth_token,
        "status": record.status,
        "type": "Full",
        "owner_account_sid": record.owner or record.sid,
        "date_created": date(record.created_at),
        "date_updated": date(record.updated_at),
        "uri": account_uri(record.sid),
        "subresource_uris": {name: list_uri(record.sid, path) for name, path in _ACCOUNT_PARTS.items()},
    }


def call(record: CallRecord) -> Json:
    return {
        "sid": record.sid,
        "account_sid": record.account,
        "parent_call_sid": record.parent,
        "to": record.called,
        "to_formatted": record.called,
        "from": record.caller,
        "from_formatted": record.caller,
        "phone_number_sid": record.number,
        "status": _call_status(record.status),
        "direction": record.direction.value,
        "start_time": date(record.started_at),
        "end_time": date(record.ended_at),
        "duration": None if record.duration_s is None else str(record.duration_s),
        "price": None,
        "price_unit": "USD",
        "answered_by": record.answered_by,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": "0",
        "trunk_sid": None,
        "annotation": None,
        "api_version": VERSION,
        "date_created": date(record.created_at),
        "date_updated": date(record.updated_at),
        "uri": record_uri(record.account, "Calls", record.sid),
        "subresource_uris": _parts(record.account, "Calls", record.sid, _CALL_PARTS),
    }


def _call_status(status: CallStatus) -> str:
    """``initiated`` is a word of callbacks only; here the call is still queued."""
    return CallStatus.QUEUED.value if status is CallStatus.INITIATED else status.value


def message(record: MessageRecord) -> Json:
    return {
        "sid": record.sid,
        "account_sid": record.account,
        "messaging_service_sid": record.service,
        "to": record.recipient,
        "from": record.sender or None,
        "body": record.body,
        "status": record.status.value,
        "direction": _message_direction(record.direction),
        "num_segments": str(record.segments if record.sender else 0),
        "num_media": "0",
        "error_code": record.error_code,
        "error_message": record.error_message,
        "price": None,
        "price_unit": "USD",
        "api_version": VERSION,
        "date_created": date(record.created_at),
        "date_updated": date(record.updated_at),
        "date_sent": date(record.sent_at),
        "uri": record_uri(record.account, "Messages", record.sid),
        "subresource_uris": {"media": subresource_uri(record.account, "Messages", record.sid, "Media")},
    }


def feedback(record: FeedbackRecord) -> Json:
    return {
        "account_sid": record.account,
        "message_sid": record.message,
        "outcome": record.outcome,
        "date_created": date(record.created_at),
        "date_updated": date(record.updated_at),
        "uri": subresource_uri(record.account, "Messages", record.message, "Feedback"),
    }


def _message_direction(direction: Direction) -> str:
    """A message sent from within a call has a name of its own."""
    return "outbound-call" if direction is Direction.OUTBOUND_DIAL else direction.value


def number(record: NumberRecord, offers: frozenset[Service] | None = None) -> Json:
    """``offers``: what its channel does, None where it is in none: then whatever a SIM can do."""
    able = offers if offers is not None else frozenset(Service)
    return {
        "sid": record.sid,
        "account_sid": record.account,
        "phone_number": record.number,
        "friendly_name": record.friendly_name,
        "voice_url": record.voice.url,
        "voice_method": record.voice.method,
        "voice_fallback_url": record.voice_fallback.url,
        "voice_fallback_method": record.voice_fallback.method,
        "voice_caller_id_lookup": False,
        "voice_application_sid": record.voice_application,
        "voice_receive_mode": "voice",
        "sms_url": record.sms.url,
        "sms_method": record.sms.method,
        "sms_fallback_url": record.sms_fallback.url,
        "sms_fallback_method": record.sms_fallback.method,
        "sms_application_sid": record.sms_application,
        "status_callback": record.status_callback.url,
        "status_callback_method": record.status_callback.method,
        "capabilities": {
            "voice": Service.VOICE in able,
            "sms": Service.SMS in able,
            "mms": False,
            "fax": False,
        },
        "address_requirements": "none",
        "address_sid": None,
        "identity_sid": None,
        "bundle_sid": None,
        "trunk_sid": None,
        "emergency_status": "Inactive",
        "emergency_address_sid": None,
        "emergency_address_status": "unregistered",
        "beta": False,
        "origin": "hosted",
        "status": "in-use",
        "type": record.kind,
        "api_version": VERSION,
        "date_created": date(record.created_at),
        "date_updated": date(record.updated_at),
        "uri": record_uri(record.account, "IncomingPhoneNumbers", record.sid),
        "subresource_uris": {
            "assigned_add_ons": subresource_uri(record.account, "IncomingPhoneNumbers", record.sid, "AssignedAddOns")
        },
    }


def recording(record: RecordingRecord, public_url: str) -> Json:
    ready = record.status == "completed"
    uri = record_uri(record.account, "Recordings", record.sid)
    return {
        "sid": record.sid,
        "account_sid": record.account,
        "call_sid": record.call,
        "conference_sid": record.conference,
        "status": record.status,
        "source": record.source,
        "channels": record.channels,
        "duration": str(math.ceil(record.duration_s)) if ready else None,
        "start_time": date(record.created_at),
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "encryption_details": None,
        "media_url": f"{public_url}{uri.removesuffix('.json')}",
        "api_version": VERSION,
        "date_created": date(record.created_at),
        "date_updated": date(record.updated_at),
        "uri": uri,
        "subresource_uris": _parts(record.account, "Recordings", record.sid, ("transcriptions",)),
    }


def call_recording(record: RecordingRecord, public_url: str) -> Json:
    """As a recording's own resource, with the track; its URI is below its call's."""
    uri = f"{ROOT}/{record.account}/Calls/{record.call}/Recordings/{record.sid}.json"
    return recording(record, public_url) | {"uri": uri, "track": record.track}


def notification(record: NotificationRecord) -> Json:
    return {
        "sid": record.sid,
        "account_sid": record.account,
        "call_sid": record.subject if record.subject.startswith("CA") else None,
        "error_code": str(record.code),
        "log": "0" if record.level == "error" else "1",
        "message_text": record.text,
        "message_date": date(record.created_at),
        "more_info": f"{MORE_INFO}{record.code}",
        "request_method": record.method,
        "request_url": record.url,
        "api_version": VERSION,
        "date_created": date(record.created_at),
        "date_updated": date(record.created_at),
        "uri": record_uri(record.account, "Notifications", record.sid),
    }


def _parts(account: str, collection: str, sid: str, names: tuple[str, ...]) -> Json:
    words = {name: "".join(word.capitalize() for word in name.split("_")) for name in names}
    return {name: subresource_uri(account, collection, sid, word) for name, word in words.items()}
