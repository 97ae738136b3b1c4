"""The log of webhooks, and what an account sets of ours."""

from __future__ import annotations

from cloud.api.description.model import Endpoint, Family, Json, one, ours, page
from cloud.api.description.words import (
    a_flag,
    a_map,
    a_sid,
    a_text,
    a_whole,
    a_word,
    an_iso,
    flag,
    sid,
    text,
    whole,
    word,
)
from cloud.api.webhooks import MAX_CODE
from cloud.store.records.accounts import (
    COMPAT,
    LEVELS,
    MAX_DAYS,
    MAX_LINK_S,
    MAX_RETENTION_DAYS,
    MEDIA_ACCESS,
    RETENTION,
)
from telecore.caps import BURSTS, MOST, NUMBERS, WARNINGS

SCHEMAS: dict[str, Json] = {
    "webhook": {
        "sid": a_sid("WH"),
        "account_sid": a_sid("AC"),
        "subject": a_text(null=True),
        "at": an_iso(),
        "duration_ms": a_whole(),
        "request": a_map(),
        "response": {"type": ["object", "null"]},
        "code": a_whole(null=True),
        "fault": a_text(null=True),
        "can_be_replayed": a_flag(),
        "replay_of": a_sid("WH", null=True),
    },
    "settings": {
        "sid": a_sid("AC"),
        "friendly_name": a_text(),
        "compat": a_word(*COMPAT),
        "webhook_log": a_word(*LEVELS),
        "webhook_log_days": a_whole(),
        "media_access": a_word(*MEDIA_ACCESS),
        "media_link_s": a_whole(),
        "message_retention": a_word(*RETENTION),
        "message_days": a_whole(),
        "recording_days": a_whole(),
        "call_days": a_whole(),
    },
    "caps": {
        "sid": a_sid("AC"),
        **{name: a_whole() for name in NUMBERS},
        "prefixes": a_map(),
        "allow": {"type": "array", "items": {"type": "string"}},
        "deny": {"type": "array", "items": {"type": "string"}},
        "special": a_flag(),
        "bursts": a_word(*BURSTS),
        "warnings": a_word(*WARNINGS),
        "used": a_map(),
        "blocked": {"type": "array", "items": {"type": "object"}},
    },
}

_OURS = ours()
_WHOSE = sid("account", "AC", ours("a subaccount of yours"))
FAMILY = Family(
    "Webhooks and settings",
    (
        Endpoint(
            "GET", "webhooks", "What was asked of your applications, newest first.", page("webhooks", "webhook"),
            (
                text("subject", ours("the SID of a call or message")), whole("code", 0, MAX_CODE, standing=_OURS),
                whole("status", 100, 599, standing=_OURS), flag("failed", None, _OURS),
            ),
            standing=_OURS, examples=({"failed": "true", "code": "11200", "status": "500"},),
        ),
        Endpoint("GET", "webhook", "One request and its answer.", one("webhook"), standing=_OURS),
        Endpoint(
            "POST", "webhook_replay", "Ask again, signed anew; the answer is kept, and not run.", one("webhook"),
            status=201, standing=_OURS, errors=(409,),
        ),
        Endpoint("GET", "settings", "What the account has set.", one("settings"), (_WHOSE,), standing=_OURS),
        Endpoint(
            "POST", "settings", "Set it.", one("settings"),
            (
                _WHOSE, word("compat", *COMPAT, standing=_OURS), word("webhook_log", *LEVELS, standing=_OURS),
                whole("webhook_log_days", 1, MAX_DAYS, standing=_OURS),
                word("media_access", *MEDIA_ACCESS, standing=_OURS),
                whole("media_link_s", 60, MAX_LINK_S, standing=_OURS),
                flag("revoke_media_links", None, _OURS),
                word("message_retention", *RETENTION, standing=_OURS),
                *(
                    whole(name, 0, MAX_RETENTION_DAYS, standing=_OURS)
                    for name in ("message_days", "recording_days", "call_days")
                ),
            ),
            standing=_OURS,
            example={
                "compat": "twilio", "webhook_log": "full", "webhook_log_days": "30", "media_access": "authenticated",
                "media_link_s": "3600", "revoke_media_links": "false", "message_retention": "redacted",
                "message_days": "90", "recording_days": "30", "call_days": "0",
            },
        ),
        Endpoint(
            "GET", "caps", "What the account may spend, and has.", one("caps"), (_WHOSE,), standing=_OURS,
        ),
        Endpoint(
            "POST", "caps", "Set a subaccount's.", one("caps"),
            (
                _WHOSE, *(whole(name, 0, MOST, standing=_OURS) for name in NUMBERS),
                text("prefixes", ours("`+84=100,+855=5000`")), text("allow", ours("`+855,+84`")),
                text("deny", ours("likewise")), flag("special", None, _OURS),
                word("bursts", *BURSTS, standing=_OURS), word("warnings", *WARNINGS, standing=_OURS),
            ),
            standing=_OURS, errors=(403,),
            example={
                "account": "{subaccount}", "messages_per_hour": "100", "messages_per_day": "500",
                "minutes_per_hour": "60", "minutes_per_day": "240", "calls_at_once": "4", "messages_per_number": "10",
                "calls_per_number": "5", "prefixes": "+84=100", "allow": "+855,+84", "deny": "+8491",
                "special": "false", "bursts": "block", "warnings": "home",
            },
        ),
    ),
)  # fmt: skip
