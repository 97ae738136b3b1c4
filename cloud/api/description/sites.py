"""``/simferry/v1`` and enrolment: ours."""

from __future__ import annotations

from cloud.api.clients import LIFE_S, MIN_LIFE_S
from cloud.api.description.model import Answer, Endpoint, Family, Json, Params, one, ours
from cloud.api.description.words import (
    a_flag,
    a_map,
    a_text,
    a_whole,
    a_word,
    an_iso,
    flag,
    sid,
    text,
    url,
    whole,
    word,
)
from cloud.api.fleet_forms import GIVE_BACK, HELD, MAX_NOTE, MAX_USSD
from cloud.api.releases import MOST_WHY
from cloud.api.sites import MAX_NAME
from cloud.api.urls import (
    CHANNEL,
    CHANNELS,
    CLIENT_SOCKET,
    CLIENT_TOKENS,
    CLIENTS,
    EDGE,
    EDGES,
    OPENAPI,
    RELEASE,
    RELEASES,
    TASK,
)
from cloud.services.access_token import MAX_LIFE_S
from telecore.model import ChannelState

_NULLABLE: Json = {"type": ["object", "null"]}
_CHANNEL: Json = {
    "channel": a_text(),
    "edge": a_text(),
    "device": a_text(),
    "connected": a_flag(),
    "heard_at": an_iso(null=True),
    "number": a_text(null=True),
    "numbers": {"type": "array", "items": a_text()},
    "calls_at_once": a_whole(),
    "iccid": a_text(null=True),
    "operator": a_text(null=True),
    "signal_dbm": a_whole(null=True),
    "access": a_text(null=True),
    "state": a_word(*(state.value for state in ChannelState)),
    "reason": a_text(null=True),
    "since": an_iso(null=True),
    "in_call": a_flag(),
    "line_call": a_text(null=True),
    "health": _NULLABLE,
    "balance": _NULLABLE,
    "usage": _NULLABLE,
    "store": _NULLABLE,
    "last_self_test": _NULLABLE,
    "last_sound": _NULLABLE,
    "warnings": {"type": "array", "items": a_map()},
}
SCHEMAS: dict[str, Json] = {
    "channel": _CHANNEL,
    "channel_with_history": {**_CHANNEL, "history": {"type": "array", "items": a_map()}},
    "task": {
        "sid": a_text(),
        "kind": a_text(),
        "channel": a_text(),
        "status": a_word("queued", "done", "failed"),
        "created_at": an_iso(),
        "updated_at": an_iso(),
        "result": _NULLABLE,
        "uri": a_text(),
    },
    "client": {"identity": a_text(), "handsets": a_whole(), "in_call": a_flag()},
    "client_token": {"identity": a_text(), "token": a_text(), "expires_at": an_iso(), "page": a_text()},
    "edge": {
        "edge": a_text(),
        "account": a_text(),
        "enrolled": a_flag(),
        "connected": a_flag(),
        "shut_out": a_text(),
        "version": a_text(),
        "public_key": a_text(),
    },
    "edge_token": {"edge": a_text(), "account": a_text(), "token": a_text(), "command": a_text()},
    "edge_changed": {"edge": a_text(), "vouchers_removed": a_whole()},
    "release": {
        "sha256": a_text(),
        "what": a_text(),
        "version": a_text(),
        "channel": a_text(),
        "size": a_whole(),
        "state": a_word("added", "staged", "paused", "halted"),
        "reason": a_text(),
        "percent": {"type": "number"},
        "attempt": a_whole(),
        "urgent": a_flag(),
        "added_at": an_iso(),
        "counts": a_map(),
        "edges": {"type": "array", "items": a_map()},
    },
    "enrolled": {
        "edge": a_text(),
        "tunnel_url": a_text(),
        "cloud_key": a_text(),
        "state": a_text(),
        "signature": a_text(),
    },
}
_OURS = ours()
_RELEASE_ERRORS = (400, 404)
"""Of a release there may be none, or none that is the account's to roll out."""


def _ask(name: str, summary: str, *takes: Params, **example: str) -> Endpoint:
    params = tuple(param for group in takes for param in group)
    return Endpoint("POST", f"{CHANNEL}/{name}", summary, one("task"), params, 202, _OURS, example)


FAMILY = Family(
    "SIMs and modems",
    (
        Endpoint("GET", CHANNELS, "The channels of your SIMs.", Answer("list", "channel", "channels"), standing=_OURS),
        Endpoint("GET", CHANNEL, "One channel, with its history.", one("channel_with_history"), standing=_OURS),
        Endpoint("GET", TASK, "What became of something asked of a channel.", one("task"), standing=_OURS),
        _ask("ussd", "Dial a USSD code.", (text("code", _OURS, upto=MAX_USSD, needed=True),), code="*100#"),
        _ask("ussd/cancel", "End the USSD session."),
        _ask("balance", "Ask for the balance."),
        _ask("top_up", "Spend a voucher.", (text("voucher", _OURS, needed=True),), voucher="123456789012"),
        _ask(
            "self_test", "An SMS and a call to another channel of the same edge.",
            (text("receiver", _OURS, needed=True), flag("sms", True, _OURS), flag("call", True, _OURS)),
            receiver="{edge}/modem2",
        ),
        _ask(
            "health", "Hold the SIM in a state, or give it back.",
            (
                word("state", *(state.value for state in HELD), GIVE_BACK, standing=_OURS, needed=True),
                text("note", _OURS, upto=MAX_NOTE),
            ),
            state="retired",
        ),
        _ask("restart", "Reset the modem."),
        Endpoint(
            "POST", CLIENT_TOKENS, "An access token for a browser that is to be called, and to call.",
            one("client_token"),
            (
                whole("ttl", MIN_LIFE_S, MAX_LIFE_S, LIFE_S, _OURS), url("voice_url", _OURS),
                word("voice_method", "POST", "GET", default="POST", standing=_OURS), flag("incoming", True, _OURS),
                sid("application_sid", "AP", _OURS),
            ),
            201, _OURS, {"ttl": "600", "voice_url": "https://app.example/voice"}, json=True,
        ),
        Endpoint(
            "GET", CLIENTS, "The browsers that are on the line.", Answer("list", "client", "clients"), standing=_OURS
        ),
        Endpoint(
            "GET", CLIENT_SOCKET, "The web socket of a browser (docs/client.md).", Answer("any"), status=101,
            standing=_OURS, errors=(426,), open=True,
        ),
        Endpoint("GET", EDGES, "Your sites.", Answer("list", "edge", "edges"), standing=_OURS),
        Endpoint(
            "POST", EDGES, "A token for the device of a new site, or for one that takes the place of another.",
            one("edge_token"),
            (
                text("name", _OURS, upto=MAX_NAME, needed=True, pattern="^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"),
                sid("account", "AC", _OURS),
            ),
            201, _OURS, {"name": "a-new-site"}, errors=(400,),
        ),
        Endpoint(
            "POST", f"{EDGE}/revoke", "Shut a stolen or lost device out, at once.", one("edge_changed"), standing=_OURS
        ),
        Endpoint(
            "POST", f"{EDGE}/forgive", "Unlock a site whose key seemed copied.", one("edge_changed"), standing=_OURS
        ),
        Endpoint(
            "GET", RELEASES, "What edges are to run, and how far each is.", Answer("list", "release", "releases"),
            standing=_OURS,
        ),
        Endpoint("GET", RELEASE, "One release.", one("release"), standing=_OURS, errors=_RELEASE_ERRORS),
        Endpoint(
            "POST", f"{RELEASE}/stage", "Offer it to so many percent of the edges.", one("release"),
            (
                text("percent", _OURS, needed=True, pattern="^[0-9]{1,3}([.][0-9]+)?$"), flag("again", False, _OURS),
                flag("urgent", False, _OURS),
            ),
            standing=_OURS, example={"percent": "5"}, errors=_RELEASE_ERRORS,
        ),
        Endpoint(
            "POST", f"{RELEASE}/pause", "No further edge begins.", one("release"), standing=_OURS,
            errors=_RELEASE_ERRORS,
        ),
        Endpoint(
            "POST", f"{RELEASE}/resume", "Go on for as many edges as before.", one("release"), standing=_OURS,
            errors=_RELEASE_ERRORS,
        ),
        Endpoint(
            "POST", f"{RELEASE}/halt", "It is over, until it is staged again.", one("release"),
            (text("why", _OURS, upto=MOST_WHY),), standing=_OURS, example={"why": "a site is silent"},
            errors=_RELEASE_ERRORS,
        ),
        Endpoint(
            "POST", "enrol", "An edge's one-time token becomes its key.", one("enrolled"),
            (
                text("token", _OURS, upto=200, needed=True),
                text("key_sha256", _OURS, needed=True, pattern="^[0-9a-f]{64}$"),
                text("public_key", _OURS, pattern="^([0-9a-f]{64})?$"), text("signature", _OURS, upto=128),
            ),
            standing=_OURS, example={"token": "{token}", "key_sha256": "0" * 64}, errors=(401, 429),
            json=True, open=True,
        ),
        Endpoint("GET", OPENAPI, "This description.", Answer("any"), standing=_OURS, open=True),
    ),
)  # fmt: skip
