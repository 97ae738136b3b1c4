"""Applications, and caller ids that are validated."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from cloud.store.records.accounts import Hook
from telecore.ids import E164, AccountSid, CallSid


@dataclass(frozen=True, slots=True)
class ApplicationRecord:
    """``public``: other accounts' clients might connect to it; kept and shown, for there is no such thing here."""

    sid: str
    account: AccountSid
    friendly_name: str
    created_at: datetime
    updated_at: datetime
    voice: Hook = field(default_factory=Hook)
    voice_fallback: Hook = field(default_factory=Hook)
    status_callback: Hook = field(default_factory=Hook)
    sms: Hook = field(default_factory=Hook)
    sms_fallback: Hook = field(default_factory=Hook)
    sms_status_callback: str = ""
    message_status_callback: str = ""
    public: bool = False
    id: int = 0


@dataclass(frozen=True, slots=True)
class CallerIdRecord:
    """A number whose owner typed the code he was asked for."""

    sid: str
    account: AccountSid
    number: E164
    friendly_name: str
    created_at: datetime
    updated_at: datetime
    id: int = 0


@dataclass(frozen=True, slots=True)
class ValidationRecord:
    """A call that asks for ``code``. ``caller_id``: the SID of what it has made."""

    call: CallSid
    account: AccountSid
    number: E164
    friendly_name: str
    code: str
    created_at: datetime
    tries: int = 0
    caller_id: str | None = None
