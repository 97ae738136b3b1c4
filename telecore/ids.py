"""Names of things. SIDs have Twilio's shape: two letters and 32 lower-case hex digits."""

from __future__ import annotations

import re
import secrets
from typing import NewType

EdgeId = NewType("EdgeId", str)
"""The slug an operator gave the edge at enrolment, unique in a cloud: ``site-1``."""
DeviceId = NewType("DeviceId", str)
"""Name of a device on its edge: ``modem1``."""
ChannelId = NewType("ChannelId", str)
"""``<edge>/<device>`` or ``<edge>/<device>/<line>``: unique in a cloud."""
AccountSid = NewType("AccountSid", str)
CallSid = NewType("CallSid", str)
"""Also names the leg: what Twilio calls a Call is one party's connection."""
MessageSid = NewType("MessageSid", str)
RecordingSid = NewType("RecordingSid", str)
NumberSid = NewType("NumberSid", str)
EventId = NewType("EventId", str)
CommandId = NewType("CommandId", str)
DialId = NewType("DialId", str)
"""One execution of a ``<Dial>``."""
FeedId = NewType("FeedId", str)
"""One flow of a call's live sound to the cloud. A media stream's is its SID."""
StayId = NewType("StayId", str)
"""One execution of a verb that keeps a call in a conference or a queue."""
Sha256 = NewType("Sha256", str)
"""64 lower-case hex digits."""

E164 = NewType("E164", str)
Address = NewType("Address", str)
"""Who speaks or is spoken to: E.164, a short code or an alphanumeric sender. See ``numbers.py``."""
Iccid = NewType("Iccid", str)
Imsi = NewType("Imsi", str)
Imei = NewType("Imei", str)
Plmn = NewType("Plmn", str)
"""MCC and MNC together, five or six digits."""

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")


def new_sid(prefix: str) -> str:
    """``new_sid("CA")`` → ``CA`` and 32 random hex digits."""
    return prefix + new_id()


def sid_of_uuid(text: str, prefix: str) -> str:
    """``CA`` and a UUID's digits, as other platforms write SIDs; anything else as it is."""
    return prefix + text.replace("-", "").lower() if _UUID.fullmatch(text) else text


def new_id() -> str:
    """An id for an event, a command or a dial: 32 random hex digits."""
    try:
        return _ready.pop()
    except IndexError:  # the kernel is asked for many at once: each question lets other threads in
        digits = secrets.token_hex(16 * _AT_ONCE)
        _ready.extend(digits[at : at + 32] for at in range(32, len(digits), 32))
        return digits[:32]


_AT_ONCE = 256
_ready: list[str] = []
"""Nothing of ours forks: a child would be given the same ones."""


def is_sid(text: str, prefix: str) -> bool:
    """Whether ``text`` is a SID of this kind."""
    return text.startswith(prefix) and _SID.fullmatch(text) is not None


def is_slug(text: str) -> bool:
    """Whether ``text`` may name an edge or a device: lower-case letters, digits and inner hyphens, up to 63."""
    return _SLUG.fullmatch(text) is not None


def channel_id(edge: EdgeId, device: DeviceId, line: int | None = None) -> ChannelId:
    """The cloud-wide name of a channel."""
    return ChannelId(f"{edge}/{device}" if line is None else f"{edge}/{device}/{line}")


CLIENT = "client:"
"""Before the identity of a browser, where others have a number."""


def client_channel(edge: EdgeId) -> ChannelId:
    """Where an edge's calls with browsers are: no device can have this name."""
    return ChannelId(f"{edge}/~client")


def is_client(address: str) -> bool:
    """Whether it is a browser's."""
    return address.startswith(CLIENT)
