"""API keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from telecore.ids import AccountSid, Sha256


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """Its secret is known to whom it was given; here there is only the hash."""

    sid: str
    account: AccountSid
    friendly_name: str
    secret_sha256: Sha256
    created_at: datetime
    updated_at: datetime
    id: int = 0
