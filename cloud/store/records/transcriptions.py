"""What was said in a recording, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from cloud.store.records.accounts import Hook
from telecore.ids import AccountSid, CallSid, RecordingSid


@dataclass(frozen=True, slots=True)
class TranscriptionRecord:
    """``status``: in-progress until the recording was heard, then completed or failed."""

    sid: str
    account: AccountSid
    call: CallSid
    recording: RecordingSid
    status: str
    duration_s: float
    created_at: datetime
    updated_at: datetime
    text: str = ""
    callback: Hook = field(default_factory=Hook)
    id: int = 0
