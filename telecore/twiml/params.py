"""The form fields of each webhook, in Twilio's names. Values are text; order does not matter to a signature."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime

from telecore.model import Direction

API_VERSION = "2010-04-01"
Fields = dict[str, str]


def moment(when: datetime) -> str:
    """RFC 2822 with ``+0000``: ``Fri, 24 May 2019 17:44:46 +0000``."""
    return format_datetime(when.astimezone(UTC))


def voice(
    *,
    call: str,
    account: str,
    caller: str,
    called: str,
    status: str,
    direction: Direction,
    parent: str | None = None,
    answered_by: str | None = None,
) -> Fields:
    """What every voice request says. An inbound call's first request has the status ``ringing``."""
    fields = {
        "CallSid": call,
        "AccountSid": account,
        "From": caller,
        "To": called,
        "Caller": caller,
        "Called": called,
        "CallStatus": status,
        "Direction": str(direction),
        "ApiVersion": API_VERSION,
    }
    if parent:
        fields["ParentCallSid"] = parent
    if answered_by:
        fields["AnsweredBy"] = answered_by
    return fields


def answerer(account: str, call: str, answered_by: str, ms: int) -> Fields:
    """What is told of who answered, where nobody waited for it. The duration is in milliseconds."""
    return {
        "AccountSid": account,
        "CallSid": call,
        "AnsweredBy": answered_by,
        "MachineDetectionDuration": str(ms),
    }


def call_progress(
    base: Mapping[str, str],
    *,
    sequence: int,
    at: datetime,
    duration_s: int | None = None,
    sip_response: int | None = None,
) -> Fields:
    """A call's status callback. The final one carries its duration (0 if unanswered) and a SIP response code."""
    fields = dict(base) | {
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(sequence),
        "Timestamp": moment(at),
    }
    if sip_response is not None:
        seconds = duration_s or 0
        fields |= {
            "CallDuration": str(seconds),
            "Duration": str((seconds + 59) // 60),
            "SipResponseCode": str(sip_response),
        }
    return fields


def message_received(
    *,
    message: str,
    account: str,
    sender: str,
    recipient: str,
    body: str,
    segments: int,
    service: str | None = None,
    opt_out: str | None = None,
) -> Fields:
    """The webhook of an inbound message. ``service`` is the messaging service of the number it came to."""
    fields = {
        "MessageSid": message,
        "SmsSid": message,
        "SmsMessageSid": message,
        "AccountSid": account,
        "From": sender,
        "To": recipient,
        "Body": body,
        "NumMedia": "0",
        "NumSegments": str(segments),
        "SmsStatus": "received",
        "ApiVersion": API_VERSION,
    }
    if service is not None:
        fields["MessagingServiceSid"] = service
    if opt_out is not None:
        fields["OptOutType"] = opt_out
    return fields


def message_status(
    *, message: str, account: str, sender: str, recipient: str, status: str, error_code: int | None = None
) -> Fields:
    """A message's status callback."""
    fields = {
        "MessageSid": message,
        "SmsSid": message,
        "MessageStatus": status,
        "SmsStatus": status,
        "AccountSid": account,
        "From": sender,
        "To": recipient,
        "ApiVersion": API_VERSION,
    }
    if error_code is not None and status in ("failed", "undelivered"):
        fields["ErrorCode"] = str(error_code)
    return fields


def of_recording(sid: str, url: str, duration_s: float) -> Fields:
    """What requests say of a recording. The duration is in whole seconds."""
    return {"RecordingSid": sid, "RecordingUrl": url, "RecordingDuration": str(round(duration_s))}


def transcription(
    base: Mapping[str, str], *, sid: str, status: str, text: str, url: str, recording: str, recording_url: str
) -> Fields:
    """What ``transcribeCallback`` is told: the call's fields, and the words or that there are none."""
    return dict(base) | {
        "TranscriptionSid": sid,
        "TranscriptionStatus": status,
        "TranscriptionText": text,
        "TranscriptionType": "fast",
        "TranscriptionUrl": url,
        "RecordingSid": recording,
        "RecordingUrl": recording_url,
    }


def recording_status(
    *,
    account: str,
    call: str,
    recording: str,
    url: str,
    status: str,
    duration_s: float,
    channels: int,
    started_at: datetime,
    source: str,
    track: str,
    conference: str | None = None,
) -> Fields:
    """A recording's status callback; a conference's names no call."""
    return {
        "AccountSid": account,
        **({"ConferenceSid": conference} if conference else {"CallSid": call}),
        **of_recording(recording, url, duration_s),
        "RecordingStatus": status,
        "RecordingChannels": str(channels),
        "RecordingStartTime": moment(started_at),
        "RecordingSource": source,
        "RecordingTrack": track,
    }


def conference_event(*, conference: str, name: str, account: str, event: str, sequence: int, at: datetime) -> Fields:
    """What every callback of a conference says."""
    return {
        "ConferenceSid": conference,
        "FriendlyName": name,
        "AccountSid": account,
        "StatusCallbackEvent": event,
        "SequenceNumber": str(sequence),
        "Timestamp": moment(at),
    }


def stream_status(*, account: str, call: str, stream: str, name: str, event: str, error: str, at: datetime) -> Fields:
    """A media stream's status callback. ``event``: ``stream-started``, ``stream-stopped`` or ``stream-error``."""
    fields = {
        "AccountSid": account,
        "CallSid": call,
        "StreamSid": stream,
        "StreamName": name,
        "StreamEvent": event,
        "Timestamp": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    if error:
        fields["StreamError"] = error
    return fields
