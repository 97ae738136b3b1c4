"""Who may do what on the operator's page: one table, and a route that is not in it is not served."""

from __future__ import annotations

from collections.abc import Mapping

from cloud.dashboard.paths import (
    ACCOUNT_CAPS,
    AUDIT,
    CAPS,
    CHANNEL,
    CHANNEL_ACTIONS,
    HOME,
    LOGIN,
    ME,
    RELEASE,
    RELEASE_ACTIONS,
    RELEASES,
    SITE,
    SITES,
    WEBHOOK,
    WEBHOOKS,
)

OPERATOR, ACCOUNT, AUDITOR = "operator", "account", "auditor"
NOBODY = "nobody"
"""Whoever has not logged in."""

ANYBODY = frozenset({NOBODY, OPERATOR, ACCOUNT, AUDITOR})
SELF = frozenset({OPERATOR, ACCOUNT, AUDITOR})
"""One's own password, second factor and sessions."""
LOOK = frozenset({OPERATOR, ACCOUNT, AUDITOR})
ACT = frozenset({OPERATOR, ACCOUNT})
LOOK_AT_ALL = frozenset({OPERATOR, AUDITOR})
MANAGE = frozenset({OPERATOR})
"""Who may come in as an edge, and what edges run: it concerns all accounts. What bounds an account, too."""

RULES: Mapping[tuple[str, str], frozenset[str]] = {
    ("GET", HOME): LOOK,
    ("GET", f"{HOME}/"): LOOK,
    ("GET", f"{HOME}/events"): LOOK,
    ("GET", f"{HOME}/static/{{name}}"): ANYBODY,
    ("POST", LOGIN): ANYBODY,
    ("POST", f"{LOGIN}/code"): ANYBODY,
    ("POST", f"{HOME}/logout"): SELF,
    ("GET", ME): SELF,
    ("POST", f"{ME}/password"): SELF,
    ("POST", f"{ME}/two-factor"): SELF,
    ("POST", f"{ME}/two-factor/off"): SELF,
    ("POST", f"{ME}/sessions/end"): SELF,
    ("GET", CHANNEL): LOOK,
    **{("POST", f"{CHANNEL}/{name}"): ACT for name in CHANNEL_ACTIONS},
    ("GET", WEBHOOKS): LOOK,
    ("GET", WEBHOOK): LOOK,
    ("POST", f"{WEBHOOK}/replay"): ACT,
    ("GET", AUDIT): LOOK_AT_ALL,
    ("GET", CAPS): LOOK_AT_ALL,
    ("GET", ACCOUNT_CAPS): LOOK_AT_ALL,
    ("POST", ACCOUNT_CAPS): MANAGE,
    ("GET", SITES): LOOK_AT_ALL,
    ("POST", f"{SITES}/enrol"): MANAGE,
    ("POST", f"{SITES}/rotate"): MANAGE,
    ("POST", f"{SITES}/drop-old-keys"): MANAGE,
    ("POST", f"{SITE}/revoke"): MANAGE,
    ("POST", f"{SITE}/forgive"): MANAGE,
    ("GET", RELEASES): LOOK_AT_ALL,
    **{("POST", f"{RELEASE}/{name}"): MANAGE for name in RELEASE_ACTIONS},
}
"""Method and path → the roles that it is open to."""

UNFINISHED = frozenset({ME, f"{ME}/two-factor", f"{ME}/password", f"{HOME}/logout", f"{HOME}/static/{{name}}"})
"""What is open to somebody who must first set up a second factor."""
RENEWS_ITSELF = frozenset({f"{HOME}/events"})
"""Asked by pages, not by people: it keeps no session alive."""
EVENTS = f"{HOME}/events"
TELLS_ITSELF = frozenset(
    {f"{HOME}/logout", f"{ME}/password", f"{ME}/two-factor", f"{ME}/two-factor/off", f"{ME}/sessions/end"}
)
"""Whose handlers write what they did to the audit log; for all others it is done where they are let through."""
