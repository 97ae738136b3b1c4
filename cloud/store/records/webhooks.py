"""The log of webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from telecore.ids import AccountSid


@dataclass(frozen=True, slots=True)
class WebhookLogRecord:
    """One request and its answer. ``whole``: what was asked is kept, so that it can be asked again.

    ``sent`` and ``got`` are the headers that matter; ``body`` the beginning of the answer, of which ``size`` bytes were
    read. ``code`` is Twilio's for what went wrong, or 0; ``status`` HTTP's, where there was an answer.
    """

    sid: str
    account: AccountSid
    subject: str
    url: str
    method: str
    params: dict[str, str]
    whole: bool
    sent: dict[str, str]
    status: int | None
    code: int
    fault: str
    got: dict[str, str]
    body: str
    size: int
    duration_ms: int
    at: datetime
    replay_of: str = ""
    id: int = 0
