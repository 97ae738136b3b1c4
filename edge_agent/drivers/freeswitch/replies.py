"""What FreeSWITCH tells of its trunks and of calls, as our values (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_agent.contracts import RadioStatus, VoiceEventKind
from edge_agent.drivers.freeswitch.causes import cause_of
from edge_agent.drivers.freeswitch.event_text import EslMessage
from telecore.model import ChannelState

GATEWAY_STATE = "sofia::gateway_state"
GATEWAY_DELETED = "sofia::gateway_delete"
GATEWAY_ADDED = "sofia::gateway_add"
EVENTS = (
    "CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_HANGUP_COMPLETE BACKGROUND_JOB"
    f" CUSTOM {GATEWAY_STATE} {GATEWAY_DELETED} {GATEWAY_ADDED}"
)
"""What is subscribed to; CUSTOM and its subclasses come last (mod_event_socket)."""

_FIELD = re.compile(r"([A-Za-z]+) *\t(.*)")
_SERVES = frozenset({"REGED", "NOREG", "UNREGED", "TRYING", "REGISTER"})
"""mod_sofia's states of a gateway by which calls go out while its status is UP. Three of them are passed at each
renewal of the registration, during which the old one holds."""
_WORDS = {
    "FAILED": "registration refused",
    "FAIL_WAIT": "registration refused",
    "TIMEOUT": "registration is not answered",
    "NOREG": "does not answer OPTIONS",
    "TRYING": "registering",
    "REGISTER": "registering",
    "UNREGED": "not registered",
    "UNREGISTER": "unregistered",
    "EXPIRED": "registration expired",
    "DOWN": "switched off",
}


@dataclass(frozen=True, slots=True)
class Gateway:
    """A trunk as mod_sofia knows it. ``state``: of its registration; ``up``: whether FreeSWITCH would dial by it.

    ``code``, ``phrase``: the SIP response that brought it there, where that is told.
    """

    name: str
    state: str
    up: bool
    profile: str = ""
    code: int | None = None
    phrase: str = ""


def read_gateway(text: str) -> Gateway | None:
    """The answer to ``sofia status gateway``; None when there is none of that name."""
    fields = {match[1]: match[2].strip() for match in map(_FIELD.match, text.split("\n")) if match}
    if "State" not in fields:
        return None
    up = fields.get("Status", "").split(" ")[0] == "UP"
    return Gateway(fields.get("Name", ""), fields["State"], up, fields.get("Profile", ""))


def gateway_told(event: EslMessage) -> Gateway | None:
    """What an event tells of a trunk; None for an event that tells nothing of one."""
    name = event.get("Gateway")
    if event.name != GATEWAY_STATE or not name:
        return None
    status = event.get("Status")
    code = int(status) if re.fullmatch(r"[1-6][0-9]{2}", status, re.ASCII) else None
    return Gateway(name, event.get("State"), event.get("Ping-Status") == "UP", "", code, event.get("Phrase")[:80])


def gateway_changed(event: EslMessage) -> str:
    """The trunk that was added or deleted; empty for any other event."""
    name = event.get("Gateway") or event.get("gateway-name")
    return name if event.name in (GATEWAY_ADDED, GATEWAY_DELETED) else ""


def radio_of(gateway: Gateway | None) -> RadioStatus:
    """How the trunk's channel stands."""
    if gateway is None:
        return RadioStatus(ChannelState.FAULTY, reason="FreeSWITCH has no such gateway")
    if gateway.up and gateway.state in _SERVES:
        return RadioStatus(ChannelState.REGISTERED)
    words = _WORDS.get(gateway.state, f"state {gateway.state[:20]}")
    refused = f": {gateway.code} {gateway.phrase}".rstrip() if gateway.code and gateway.code >= 300 else ""
    return RadioStatus(ChannelState.FAULTY, reason=words + refused)


@dataclass(frozen=True, slots=True)
class LegNews:
    """Something happened to a leg. ``cause`` with ENDED."""

    uuid: str
    kind: VoiceEventKind
    cause: int | None = None


_KINDS = {
    "CHANNEL_PROGRESS": VoiceEventKind.RINGING,
    "CHANNEL_PROGRESS_MEDIA": VoiceEventKind.RINGING,
    "CHANNEL_ANSWER": VoiceEventKind.ANSWERED,
    "CHANNEL_HANGUP_COMPLETE": VoiceEventKind.ENDED,
}


def leg_news(event: EslMessage) -> LegNews | None:
    """What an event tells of a leg, None for an event of another kind."""
    kind = _KINDS.get(event.name)
    if kind is None:
        return None
    if kind is not VoiceEventKind.ENDED:
        return LegNews(event.get("Unique-ID"), kind)
    # A leg that was to be bridged to another that never came to be ends with a cause of its own; this is the reason.
    name = event.get("variable_originate_failed_cause") or event.get("Hangup-Cause")
    return LegNews(event.get("Unique-ID"), kind, cause_of(name))


def job_error(text: str) -> str | None:
    """Why a job failed (``USER_BUSY``, …); None when it did not."""
    return text.removeprefix("-").removeprefix("ERR").strip()[:60] if text.startswith("-") else None


def read_version(text: str) -> str:
    """``version short`` → ``1.11.2``; empty for anything that is no version."""
    match = re.match(r"[0-9]+\.[0-9]+(\.[0-9]+)?", text.strip(), re.ASCII)
    return match[0] if match else ""
