"""Where the pages for operators are."""

from __future__ import annotations

HOME = "/operator"
LOGIN = f"{HOME}/login"
ME = f"{HOME}/me"
AUDIT = f"{HOME}/audit"
CAPS = f"{HOME}/caps"
ACCOUNT_CAPS = f"{CAPS}/{{account:AC[0-9a-f]{{32}}}}"
CHANNEL = f"{HOME}/channels/{{edge}}/{{device:[a-z0-9-]+(?:/[0-9]+)?}}"
CHANNEL_ACTIONS = ("ussd", "ussd/cancel", "balance", "top_up", "self_test", "health", "restart")
SITES = f"{HOME}/sites"
SITE = f"{SITES}/{{edge}}"
RELEASES = f"{HOME}/releases"
RELEASE = f"{RELEASES}/{{sha256:[0-9a-f]{{64}}}}"
RELEASE_ACTIONS = ("stage", "pause", "resume", "halt")
WEBHOOKS = f"{HOME}/webhooks"
WEBHOOK = f"{WEBHOOKS}/{{sid:WH[0-9a-f]{{32}}}}"
