"""Whose what is: accounts, their numbers, and who may see the operator's page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from telecore.ids import E164, AccountSid, ChannelId, NumberSid

COMPAT = ("twilio", "somleng")
"""Whose statuses and codes the errors of an account's requests have."""
LEVELS = ("full", "brief", "off")
"""What is kept of requests to an account's applications: all; neither values nor answers; nothing."""
MAX_DAYS = 90


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """``status``: active, suspended or closed. ``secondary_token`` opens it too, where there is one.

    ``compat``: twilio, or somleng (its statuses and codes of errors). ``webhook_log``: full, brief or off.
    """

    sid: AccountSid
    friendly_name: str
    auth_token: str
    created_at: datetime
    updated_at: datetime
    status: str = "active"
    owner: AccountSid | None = None
    secondary_token: str = ""
    compat: str = "twilio"
    webhook_log: str = "full"
    webhook_log_days: int = 7


@dataclass(frozen=True, slots=True)
class Hook:
    """A URL of the customer's and how to call it."""

    url: str = ""
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class NumberRecord:
    """A SIM's number, Twilio's IncomingPhoneNumber. ``channel`` is where its SIM was seen last.

    The URLs of an application count in place of its own, see ``applications.applied``. ``kind``: numbering.kind_of.
    """

    sid: NumberSid
    account: AccountSid
    number: E164
    friendly_name: str
    created_at: datetime
    updated_at: datetime
    channel: ChannelId | None = None
    voice: Hook = field(default_factory=Hook)
    voice_fallback: Hook = field(default_factory=Hook)
    sms: Hook = field(default_factory=Hook)
    sms_fallback: Hook = field(default_factory=Hook)
    status_callback: Hook = field(default_factory=Hook)
    voice_application: str | None = None
    sms_application: str | None = None
    kind: str = "mobile"


@dataclass(frozen=True, slots=True)
class OperatorRecord:
    """Who may see the operator's page. ``password`` is the salted hash, see ``cloud/web/passwords.py``."""

    name: str
    password: str
    created_at: datetime
