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
MIN_PASSWORD = 10
ROLES = ("operator", "account", "auditor")
"""Who sees and does all; who sees and does what is of one account; who sees all and does nothing."""
MEDIA_ACCESS = ("authenticated", "signed")
"""What opens the sound of a recording: the account's credentials; those, or a link that is signed and expires."""
MAX_LINK_S = 366 * 86400
REDACTED, DELETED = RETENTION = ("redacted", "deleted")
"""What becomes of messages after their days: without what they said and whose number it was; gone."""
MAX_RETENTION_DAYS = 3650


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """``status``: active, suspended or closed. ``secondary_token`` opens it too, where there is one.

    ``compat``: twilio, or somleng (its statuses and codes of errors). ``webhook_log``: full, brief or off.
    ``requests_per_s``: of its API; None as cloud.yaml says, 0 as many as there come. ``media_key`` signs links to
    recordings, which hold for ``media_link_s`` seconds. ``message_days``, ``recording_days``, ``call_days``: how long
    these are kept, 0 for ever; then messages are redacted or deleted (``message_retention``), the others deleted.
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
    requests_per_s: int | None = None
    media_access: str = "authenticated"
    media_key: str = ""
    media_link_s: int = 604800
    message_retention: str = REDACTED
    message_days: int = 0
    recording_days: int = 0
    call_days: int = 0


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
    """Who may see the operator's page. ``password`` is the salted hash, see ``cloud/web/passwords.py``.

    ``account``: the only one that a role ``account`` sees. ``stamp`` changes with password, role and second factor,
    and ends what sessions there are. ``totp_step``: the last one a code was taken of; ``recovery``: hashes of codes.
    """

    name: str
    password: str
    created_at: datetime
    role: str = "operator"
    account: str | None = None
    disabled: bool = False
    stamp: str = ""
    totp_secret: str = ""
    totp_step: int = 0
    recovery: tuple[str, ...] = ()
