"""Media streams of calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from telecore.ids import AccountSid, CallSid


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """``status``: ``in-progress`` or ``stopped``. ``name``: the customer's, empty for none."""

    sid: str
    account: AccountSid
    call: CallSid
    name: str
    status: str
    created_at: datetime
    updated_at: datetime
    id: int = 0
