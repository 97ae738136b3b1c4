"""News that is stale if late: sent at once, never stored, lost with a cut line.

Whoever depends on an answer says it again after each reconnect; whoever answers answers again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from telecore.commands import Command
from telecore.events import Event
from telecore.ids import CallSid, DialId, FeedId, Sha256, StayId
from telecore.model import ChannelStatus, MachineSpec
from telecore.schema import Tagged
from telecore.sip_target import SipTarget
from telecore.stays import StaySpec
from telecore.tunnel.meter import Traffic
from telecore.twiml.control import DialSpec, SpeechSpec, StreamSpec
from telecore.twiml.page import Outcome


class Notice(Tagged, family=True):
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A leg that exists at the edge now. ``page`` is the last page it was given."""

    call: CallSid
    channel: str
    answered: bool
    page: int


class Detail(StrEnum):
    """How much an edge tells of itself, by what is left of its data budget."""

    FULL = "full"
    LESS = "less"
    ESSENTIAL = "essential"


@dataclass(frozen=True, slots=True)
class UplinkUsed:
    """What one uplink carried this month, in bytes; ``budget`` None: no limit. ``name`` empty: the only one."""

    name: str
    used: int
    budget: int | None = None


@dataclass(frozen=True, slots=True)
class DataUsed:
    """What the tunnel carried since ``month`` (ISO date) began, as the edge counts it, in bytes.

    ``waits``: for what recordings wait, empty if they do not. ``by``: the uplink that carries the tunnel now.
    ``releases``: of the bulk that came down, what was updates.
    """

    month: str
    traffic: Traffic
    budget: int | None = None
    detail: Detail = Detail.FULL
    waits: str = ""
    by: str = ""
    uplinks: tuple[UplinkUsed, ...] = ()
    releases: int = 0


@dataclass(frozen=True, slots=True)
class Heartbeat(Notice):
    """Up, after each greeting, on every change, and at least each 10 s: how the edge stands.

    Less often, but at once for calls and states of channels, when ``data`` says so by its ``detail``. ``channels`` are
    all in the first minute of a connection and now and then, else those that have changed; ``data`` comes each minute.
    """

    kind: ClassVar[str] = "heartbeat"
    instance: str
    version: str
    uptime_s: float
    channels: tuple[ChannelStatus, ...]
    calls: tuple[LiveCall, ...]
    spooled: int
    data: DataUsed | None = None


@dataclass(frozen=True, slots=True)
class Announced(Notice):
    """Up: an event of a live call, ahead of its numbered copy, which has the same id."""

    kind: ClassVar[str] = "announced"
    event: Event


@dataclass(frozen=True, slots=True)
class PageEnded(Notice):
    """Up, and again after a reconnect until a higher page comes."""

    kind: ClassVar[str] = "page.ended"
    call: CallSid
    page: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class PageFaulted(Notice):
    """Up: something of a running page could not be done as asked; ``code`` is Twilio's. The page goes on."""

    kind: ClassVar[str] = "page.faulted"
    call: CallSid
    page: int
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class RouteWanted(Notice):
    """Up: a <Dial> wants legs. Answered by ``Do(RouteDial)``."""

    kind: ClassVar[str] = "route.wanted"
    call: CallSid
    dial: DialId
    spec: DialSpec


@dataclass(frozen=True, slots=True)
class StreamWanted(Notice):
    """Up, and again after each greeting until it is answered by ``Do(OpenFeed)`` or ``Do(CloseFeed)`` of ``stream``."""

    kind: ClassVar[str] = "stream.wanted"
    call: CallSid
    stream: FeedId
    spec: StreamSpec


@dataclass(frozen=True, slots=True)
class SpeechAsked(Notice):
    """Up, and again after each greeting: a <Gather> listens. The cloud opens this feed and hears in it.

    ``spoken``: the party has begun to speak (what came before the last second is of no account).
    """

    kind: ClassVar[str] = "speech.asked"
    call: CallSid
    feed: FeedId
    spec: SpeechSpec
    spoken: bool = False


@dataclass(frozen=True, slots=True)
class SpeechOver(Notice):
    """Up: the party has finished. ``wanted``: answered by ``Do(SpeechHeard)``; else nobody waits for the words."""

    kind: ClassVar[str] = "speech.over"
    call: CallSid
    feed: FeedId
    wanted: bool


@dataclass(frozen=True, slots=True)
class FeedOpened(Notice):
    """Up, and again after each greeting: the tunnel's streams that carry this call's sound, 20 ms of µ-law a frame.

    ``inbound`` carries what the party says up and what the cloud says down, ``outbound`` what the party hears; None
    when that was not asked for.
    """

    kind: ClassVar[str] = "feed.opened"
    call: CallSid
    feed: FeedId
    inbound: int | None = None
    outbound: int | None = None


@dataclass(frozen=True, slots=True)
class FeedClosed(Notice):
    """Up: it is over, or never was. ``because`` is for a person to read."""

    kind: ClassVar[str] = "feed.closed"
    call: CallSid
    feed: FeedId
    because: str


@dataclass(frozen=True, slots=True)
class FeedKey(Notice):
    """Up: the party pressed a key."""

    kind: ClassVar[str] = "feed.key"
    call: CallSid
    feed: FeedId
    key: str


@dataclass(frozen=True, slots=True)
class FeedsHeld(Notice):
    """Up, after each greeting and its FeedOpened: all that are open here. What is not among them is over."""

    kind: ClassVar[str] = "feed.held"
    feeds: tuple[FeedId, ...]


@dataclass(frozen=True, slots=True)
class FarLegHeld(Notice):
    """Up, when a <Dial> begins a leg that another edge dials, and again after each greeting: its sound goes by this
    stream of the tunnel, both ways, 20 ms of µ-law a frame. Answered by TellFarLeg.

    ``client``: no edge dials it, for its party is at the cloud itself: a browser. ``parameters`` are shown there.
    ``answered``: it is, which may not be written down yet.
    """

    kind: ClassVar[str] = "far_leg.held"
    call: CallSid
    stream: int
    ring_s: float = 30.0
    send_digits: str = ""
    sip: SipTarget | None = None
    machine: MachineSpec | None = None
    client: bool = False
    parameters: dict[str, str] = field(default_factory=dict)
    answered: bool = False


@dataclass(frozen=True, slots=True)
class FarLegLeft(Notice):
    """Up: whoever held this leg has let it go."""

    kind: ClassVar[str] = "far_leg.left"
    call: CallSid
    cause: int = 16
    client: bool = False


@dataclass(frozen=True, slots=True)
class FarLegReady(Notice):
    """Up, and again after each greeting: a leg dialled for another edge may be joined. ``taken``: no more.

    ``keys_apart``: its keys do not come in the sound. ``client``: a call that a browser made is answered.
    """

    kind: ClassVar[str] = "far_leg.ready"
    call: CallSid
    keys_apart: bool = False
    taken: bool = False
    client: bool = False


@dataclass(frozen=True, slots=True)
class StayWanted(Notice):
    """Up, and again after each reconnect while the stay lasts. Answered by ``Do(PlaceStay)``, ``Do(RunWait)`` or both.

    ``version`` and ``page`` are the last ones that the edge was given.
    """

    kind: ClassVar[str] = "stay.wanted"
    call: CallSid
    stay: StayId
    spec: StaySpec
    version: int = 0
    page: int = 0


@dataclass(frozen=True, slots=True)
class WaitEnded(Notice):
    """Up, and again after a reconnect until a higher page comes: what was heard in waiting is at its end."""

    kind: ClassVar[str] = "stay.wait_ended"
    call: CallSid
    stay: StayId
    page: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Spoke(Notice):
    """Up: somebody in a room began to speak, or is silent."""

    kind: ClassVar[str] = "stay.spoke"
    call: CallSid
    stay: StayId
    speaks: bool


@dataclass(frozen=True, slots=True)
class Announcement(Notice):
    """Up: an announcement was heard to its end, or could not be played."""

    kind: ClassVar[str] = "room.announced"
    announcement: str
    room: str
    heard: bool


@dataclass(frozen=True, slots=True)
class TrunkOpened(Notice):
    """Up, and again after each greeting: a room that spans edges is heard, and hears the others, by this stream of the
    tunnel, 20 ms of µ-law a frame. ``call`` is one that is in the room.
    """

    kind: ClassVar[str] = "room.trunk_opened"
    room: str
    call: CallSid
    stream: int


@dataclass(frozen=True, slots=True)
class TrunkClosed(Notice):
    """Up: nobody of this edge needs the others of the room any more."""

    kind: ClassVar[str] = "room.trunk_closed"
    room: str
    stream: int


@dataclass(frozen=True, slots=True)
class Do(Notice):
    """Down: a command that matters only while its call lives."""

    kind: ClassVar[str] = "do"
    command: Command


@dataclass(frozen=True, slots=True)
class OfferedRelease:
    """A release file by its hash. ``attempt`` counts up when somebody wants it tried again. ``urgent``: its bytes are
    worth their price at any hour."""

    sha256: Sha256
    size: int
    what: str
    version: str
    attempt: int = 1
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class UpdatesOffered(Notice):
    """Down, after each greeting and on every change: all releases that this edge is to have now."""

    kind: ClassVar[str] = "updates.offered"
    releases: tuple[OfferedRelease, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateEnded:
    """``outcome``: ``done``, ``refused`` or ``reverted``."""

    sha256: str
    outcome: str
    reason: str = ""
    attempt: int = 1
    version: str = ""


@dataclass(frozen=True, slots=True)
class UpdatesStand(Notice):
    """Up, after each greeting and on every change: how it stands with releases, and how the last ones ended.

    ``state``: ``idle``, ``fetching``, ``waiting`` (for its hour, for calls to end), ``unable`` (it takes none), or the
    updater's.
    """

    kind: ClassVar[str] = "updates.stand"
    state: str
    sha256: str = ""
    reason: str = ""
    ended: tuple[UpdateEnded, ...] = ()


@dataclass(frozen=True, slots=True)
class BlobWanted(Notice):
    """Either way: send me these bytes from ``offset`` on, as bulk frames that carry ``transfer``."""

    kind: ClassVar[str] = "blob.wanted"
    transfer: int
    sha256: Sha256
    offset: int = 0


@dataclass(frozen=True, slots=True)
class BlobMissing(Notice):
    """Either way: the answer to BlobWanted when there is no such thing."""

    kind: ClassVar[str] = "blob.missing"
    transfer: int
    sha256: Sha256


@dataclass(frozen=True, slots=True)
class BlobStored(Notice):
    """Down: these bytes are safe in the cloud; the edge may forget them."""

    kind: ClassVar[str] = "blob.stored"
    sha256: Sha256


@dataclass(frozen=True, slots=True)
class BlobHeld(Notice):
    """Up, after each greeting: recordings that still lie here, for the cloud to want, to call stored or unknown."""

    kind: ClassVar[str] = "blob.held"
    hashes: tuple[Sha256, ...]


@dataclass(frozen=True, slots=True)
class BlobUnknown(Notice):
    """Down, the answer to BlobHeld: the cloud has no recording with this sound. The edge may have yet to tell of it."""

    kind: ClassVar[str] = "blob.unknown"
    hashes: tuple[Sha256, ...]
