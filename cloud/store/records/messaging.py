"""Messaging services, their numbers, and what recipients have said."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from cloud.store.records.accounts import Hook
from telecore.ids import AccountSid, MessageSid, NumberSid


@dataclass(frozen=True, slots=True)
class MessagingServiceRecord:
    """Numbers that send as one. ``validity_s`` is for messages that bring none of their own.

    ``stop_reply``, ``start_reply``, ``help_reply``: what a keyword is answered with; None: our words, empty: nothing.
    """

    sid: str
    account: AccountSid
    friendly_name: str
    created_at: datetime
    updated_at: datetime
    inbound: Hook = field(default_factory=Hook)
    fallback: Hook = field(default_factory=Hook)
    status_callback: str = ""
    sticky_sender: bool = True
    smart_encoding: bool = True
    area_code_geomatch: bool = True
    use_inbound_webhook_on_number: bool = False
    validity_s: int = 36000
    usecase: str = "undeclared"
    mms_converter: bool = True
    fallback_to_long_code: bool = True
    synchronous_validation: bool = False
    scan_message_content: str = "inherit"
    stop_reply: str | None = None
    start_reply: str | None = None
    help_reply: str | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class ServiceNumberRecord:
    """A number in a service. ``sid`` is the row's own, ``number`` the SID of the IncomingPhoneNumber."""

    sid: str
    account: AccountSid
    service: str
    number: NumberSid
    created_at: datetime
    updated_at: datetime
    id: int = 0


@dataclass(frozen=True, slots=True)
class FeedbackRecord:
    """``outcome``: confirmed or unconfirmed."""

    message: MessageSid
    account: AccountSid
    outcome: str
    created_at: datetime
    updated_at: datetime
