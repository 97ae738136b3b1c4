"""Everything that can be wished. Imperatives; they travel down.

``SendMessage``, ``PlaceCall``, ``RequestUssd`` and ``RestartChannel`` go through the outbox and the journal, once
each. The others matter only while their call lives and travel inside the notice ``Do``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from telecore.ids import E164, CallSid, ChannelId, CommandId, DialId, MessageSid, new_id
from telecore.schema import Tagged
from telecore.twiml.page import Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Tagged, family=True):
    """A wish. After ``not_after`` the edge answers ``CommandRejected`` instead of obeying."""

    id: CommandId = field(default_factory=lambda: CommandId(new_id()))
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage(Command):
    """Answered by MessageSubmitted, MessageFailed or CommandRejected, later MessageDelivered."""

    kind: ClassVar[str] = "message.send"
    message: MessageSid
    channel: ChannelId
    to: str
    body: str
    report: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestUssd(Command):
    """Answered by UssdReplied or CommandRejected. ``code`` may be a reply within a menu."""

    kind: ClassVar[str] = "ussd.request"
    channel: ChannelId
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartChannel(Command):
    kind: ClassVar[str] = "channel.restart"
    channel: ChannelId


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceCall(Command):
    """Dial out. Answered by CallInitiated, CallRinging, CallAnswered, CallEnded, or CommandRejected.

    ``send_digits`` are pressed after the answer, before any page.
    """

    kind: ClassVar[str] = "call.place"
    call: CallSid
    channel: ChannelId
    to: str
    caller: E164 | None = None
    timeout_s: float = 60.0
    time_limit_s: float = 14400.0
    send_digits: str = ""
    record: bool = False
    record_channels: int = 1
    record_trim: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage(Command):
    """Run these verbs on this call, interrupting whatever page runs.

    ``page`` counts up within a call; a number not above the last one is a repetition and is ignored.
    """

    kind: ClassVar[str] = "call.run_page"
    call: CallSid
    page: int
    verbs: tuple[Verb, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp(Command):
    kind: ClassVar[str] = "call.hang_up"
    call: CallSid
    cause: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitCall(Command):
    """End the call this many seconds after its answer."""

    kind: ClassVar[str] = "call.limit"
    call: CallSid
    time_limit_s: float


@dataclass(frozen=True, slots=True)
class RoutedLeg:
    """A leg the cloud has made a row for. ``target`` is its place in the DialSpec's targets."""

    call: CallSid
    channel: ChannelId
    to: str
    target: int
    caller: E164 | None = None
    whisper: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDial(Command):
    """The answer to RouteWanted. A target without a leg has its reason in ``refusals``."""

    kind: ClassVar[str] = "call.route_dial"
    call: CallSid
    dial: DialId
    legs: tuple[RoutedLeg, ...]
    refusals: tuple[str, ...] = ()
