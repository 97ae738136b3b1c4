"""Verify: services, verifications, attempts and rate limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from telecore.ids import AccountSid, Address


@dataclass(frozen=True, slots=True)
class VerifyServiceRecord:
    sid: str
    account: AccountSid
    friendly_name: str
    created_at: datetime
    updated_at: datetime
    code_length: int = 6
    lookup_enabled: bool = False
    skip_sms_to_landlines: bool = False
    dtmf_input_required: bool = True
    tts_name: str = ""
    do_not_share_warning_enabled: bool = False
    custom_code_enabled: bool = False
    psd2_enabled: bool = False
    id: int = 0


@dataclass(frozen=True, slots=True)
class VerificationRecord:
    """``status``: pending, approved, canceled or expired. ``salt`` is that of all its codes' hashes."""

    sid: str
    account: AccountSid
    service: str
    recipient: Address
    channel: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    salt: str
    status: str = "pending"
    checks: int = 0
    amount: str = ""
    payee: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One code sent. ``carrier``: the SID of the message or call; ``converted``: it was this code that came back."""

    sid: str
    account: AccountSid
    service: str
    verification: str
    channel: str
    recipient: Address
    country: str
    code_hash: str
    created_at: datetime
    updated_at: datetime
    carrier: str = ""
    converted: bool = False
    id: int = 0


@dataclass(frozen=True, slots=True)
class RateLimitRecord:
    sid: str
    account: AccountSid
    service: str
    unique_name: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class BucketRecord:
    """At most ``max`` verifications for one value within ``interval_s`` seconds."""

    sid: str
    account: AccountSid
    service: str
    rate_limit: str
    max: int
    interval_s: int
    created_at: datetime
    updated_at: datetime
    id: int = 0
