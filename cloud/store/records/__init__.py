"""What the store gives and takes, as values. Moments are aware UTC datetimes; ``id`` orders rows by creation."""

from __future__ import annotations

from cloud.store.records.accounts import AccountRecord, Hook, NumberRecord, OperatorRecord
from cloud.store.records.applications import ApplicationRecord, CallerIdRecord, ValidationRecord
from cloud.store.records.conferences import ConferenceRecord, MemberRecord, ParticipantRecord, QueueRecord
from cloud.store.records.keys import KeyRecord
from cloud.store.records.messaging import FeedbackRecord, MessagingServiceRecord, ServiceNumberRecord
from cloud.store.records.paging import Between, Cursor, PageOf
from cloud.store.records.sites import ChannelRecord, EdgeRecord, EventRecord, HistoryRecord, TaskRecord, WarningRecord
from cloud.store.records.streams import StreamRecord
from cloud.store.records.traffic import CallbackRecord, CallRecord, MessageRecord, NotificationRecord, RecordingRecord
from cloud.store.records.transcriptions import TranscriptionRecord
from cloud.store.records.verify import (
    AttemptRecord,
    BucketRecord,
    RateLimitRecord,
    VerificationRecord,
    VerifyServiceRecord,
)
from cloud.store.records.webhooks import WebhookLogRecord

__all__ = [
    "AccountRecord",
    "ApplicationRecord",
    "AttemptRecord",
    "Between",
    "BucketRecord",
    "CallRecord",
    "CallbackRecord",
    "CallerIdRecord",
    "ChannelRecord",
    "ConferenceRecord",
    "Cursor",
    "EdgeRecord",
    "EventRecord",
    "FeedbackRecord",
    "HistoryRecord",
    "Hook",
    "KeyRecord",
    "MemberRecord",
    "MessageRecord",
    "MessagingServiceRecord",
    "NotificationRecord",
    "NumberRecord",
    "OperatorRecord",
    "PageOf",
    "ParticipantRecord",
    "QueueRecord",
    "RateLimitRecord",
    "RecordingRecord",
    "ServiceNumberRecord",
    "StreamRecord",
    "TaskRecord",
    "TranscriptionRecord",
    "ValidationRecord",
    "VerificationRecord",
    "VerifyServiceRecord",
    "WarningRecord",
    "WebhookLogRecord",
]
