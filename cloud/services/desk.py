"""All services of one cloud, wired together, with the tunnel's news handed to whom they concern."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from cloud.fleet.keeper import Fleet
from cloud.fleet.state import ChannelHeard, LinkChanged, news_of
from cloud.services import verify_codes
from cloud.services.answering import Answering
from cloud.services.call_reaper import CallReaper
from cloud.services.call_recordings import CallRecordings
from cloud.services.call_session import InnerPage, SessionTools
from cloud.services.callbacks import Callbacks
from cloud.services.calls import CallService
from cloud.services.cap_watch import CapWatch
from cloud.services.caps import CapKeeper
from cloud.services.client_door import ClientDoor
from cloud.services.client_legs import ClientLegs
from cloud.services.debugger import Debugger
from cloud.services.dials import Dials
from cloud.services.documents import Documents
from cloud.services.far_legs import FarLegs
from cloud.services.feeds import Feeds
from cloud.services.files import Files
from cloud.services.fleet_tasks import FleetTasks
from cloud.services.hearing.gathers import Gathers, GatherTools
from cloud.services.hearing.recognisers import Recognisers
from cloud.services.hearing.transcriptions import Transcriptions
from cloud.services.live_tasks import LiveTasks
from cloud.services.messages import MessageService
from cloud.services.pages import Pages
from cloud.services.recordings import RecordingLine, RecordingService
from cloud.services.requests import UpdateCall
from cloud.services.rollouts import Rollouts
from cloud.services.routing import Routing
from cloud.services.sounds import Sounds
from cloud.services.speaking.engine import SpeechEngine
from cloud.services.speech import ClipCache, Speech
from cloud.services.standing import Standing
from cloud.services.stays import make_stays
from cloud.services.stream_socket import StreamDoor
from cloud.services.streams import Streams
from cloud.services.unwritten import Unwritten
from cloud.services.validation import Validation
from cloud.services.verify import Verify
from cloud.services.webhook_log import WebhookLog
from cloud.services.webhooks import WebhookClient
from cloud.store import caller_ids, clips, edges
from cloud.store.database import Connection, Database
from cloud.store.together import Together
from cloud.tunnel.heard import Told, utc_now
from cloud.tunnel.ingest import Ingest
from cloud.tunnel.outgoing import Outboxes
from telecore.caps import Caps
from telecore.errors import Transient
from telecore.ids import AccountSid, EdgeId, Sha256
from telecore.model import CallStatus, Clip
from telecore.notices import (
    Announced,
    BlobHeld,
    FarLegHeld,
    FarLegLeft,
    FarLegReady,
    FeedClosed,
    FeedKey,
    FeedOpened,
    FeedsHeld,
    Heartbeat,
    Notice,
    PageEnded,
    PageFaulted,
    RouteWanted,
    SpeechAsked,
    SpeechOver,
    StreamWanted,
    UpdatesStand,
)
from telecore.tunnel.link import MediaHandler
from telecore.twiml.page import Goto

log = logging.getLogger(__name__)

WRITTEN_WITHIN_S = 2.0


class Tunnel(Protocol):
    """What services need of the hub."""

    def notify(self, edge: EdgeId, notice: Notice) -> bool: ...
    def wake(self, edge: EdgeId) -> None: ...
    def connected(self, edge: EdgeId) -> bool: ...
    async def fetch(self, edge: EdgeId, sha256: Sha256, size: int, within_s: float) -> None: ...
    def send_media(self, edge: EdgeId, stream: int, payload: bytes) -> bool: ...
    def on_media(self, edge: EdgeId, stream: int, handler: MediaHandler | None) -> None: ...


class Desk:
    """``calls``, ``messages``, ``fleet``, ``fleet_tasks``, ``routing``, ``ingest``: for the API, the page and the hub.

    The hub is told later what to call (``on_notice``, ``on_link``, ``ingest.incoming``, ``outboxes.of``), for each
    needs the other.
    """

    def __init__(
        self,
        db: Database,
        files: Files,
        client: WebhookClient,
        engines: Sequence[SpeechEngine],
        tunnel: Tunnel,
        *,
        recording_url: Callable[[str, str], str],
        door: StreamDoor,
        recognisers: Recognisers | None = None,
        caps: Caps | None = None,
        tell_refused: Callable[[str, str, str], None] = lambda kind, source, why: None,
    ) -> None:
        self._db = db
        self._client, self._tunnel = client, tunnel
        self._tasks, self._links = LiveTasks(), Together(db.write, _seen)
        self._announcing: asyncio.Task[None] | None = None
        self.fleet = Fleet(db)
        self.caps = keeper = CapKeeper(caps)
        self.ingest = Ingest(db, recording_url=recording_url, allow=keeper.allow)
        self.routing = Routing(tunnel.connected)
        debugger = Debugger(db)
        documents = Documents(client, debugger)
        self.callbacks = Callbacks(db, client, debugger)
        self.outboxes = Outboxes(db, self._outbox_forgot)
        self._clips = ClipCache(files, self._load_clip, self._save_clip)
        self._speech = Speech(engines, self._clips)
        self._recognisers = recognisers or Recognisers({})
        pages = Pages(self._speech, Sounds(client, self._clips), self._recognisers.hears)
        self.validation = Validation(db, self.routing, self.callbacks, wake=self._wake, caps=keeper)
        inner: dict[str, InnerPage] = {caller_ids.PAGE: self.validation.page}
        tools = SessionTools(db, documents, pages, debugger, tunnel.notify, recording_url, inner=inner)
        dials = Dials(db, self.routing, debugger, now=utc_now, caps=keeper)
        self.calls = CallService(tools, self.routing, self.callbacks, dials, wake=self._wake, caps=keeper)
        self._unwritten = Unwritten(self.calls.sessions, self._hear)
        self.messages = MessageService(db, self.routing, self.callbacks, wake=self._wake, caps=keeper)
        sending, told = self.messages.sending, self.messages.told
        self.answering = Answering(db, sending, self.callbacks, documents, debugger, told=told)
        self.stays, self.conferences = make_stays(tools, self.callbacks, self.calls, tunnel)
        self.calls.on_over.append(self.stays.call_over)
        self.verify = Verify(db, sending, self.calls, told=told)
        inner[verify_codes.PAGE] = self.verify.page
        self.webhook_log = WebhookLog(db, client)
        client.watch(self.webhook_log.take)
        self.standing = Standing(db, self.calls, self.callbacks)
        self.rollouts = Rollouts(db, tunnel.notify)
        self.fleet_tasks = FleetTasks(db, wake=self._wake)
        self.feeds = Feeds(tunnel)
        self.gathers = Gathers(GatherTools(db, self.feeds, self._recognisers, client, debugger, tunnel.notify))
        self.far_legs = FarLegs(db, self.feeds, tunnel, wake=self._wake, ended=self.callbacks.wake, now=utc_now)
        self.clients = ClientLegs(db, tunnel, self.calls.sessions, ended=self.callbacks.wake, now=utc_now)
        self.client_door = ClientDoor(db, self.clients)
        self.streams = Streams(db, self.feeds, door, debugger, wake=self.callbacks.wake)
        self.recordings = RecordingService(db, files, self.callbacks, self._recording_line(), url=recording_url)
        self.transcriptions = Transcriptions(
            db, files, self._recognisers, self.callbacks, debugger, recording_url=recording_url
        )
        self.recordings.on_done = self.transcriptions.wake
        self.call_recordings = CallRecordings(db, tunnel.notify)
        self._reaper = CallReaper(db, self.calls.lost)
        self.cap_watch = CapWatch(db, keeper, self._hang_up, tell_refused=tell_refused, changed=self.fleet.changed)
        self.calls.on_over += [self.far_legs.over, self.clients.over, self.cap_watch.over, self.verify.over]
        self.ingest.listen(self._on_told)
        for part in (self.calls, self.stays, self.far_legs, self.messages, self.recordings, self.call_recordings):
            self.ingest.listen(part.on_told)

    def _recording_line(self) -> RecordingLine:
        tunnel = self._tunnel
        return RecordingLine(tunnel.fetch, tunnel.notify, tunnel.connected, self._wake)

    async def run(self) -> None:
        """Serve until cancelled, then let go of everything."""
        await self._speech.open()
        await self._recognisers.open()
        try:
            await self.streams.run()
            async with asyncio.TaskGroup() as group:
                works = (self.callbacks, self.messages, self.recordings, self._reaper, self.fleet_tasks, self.verify)
                for work in (*works, self.transcriptions, self.webhook_log, self.rollouts, self.cap_watch):
                    group.create_task(work.run(), name=type(work).__name__)
        finally:
            await self.client_door.close()
            await self.clients.close()
            await self.far_legs.close()
            await self.streams.close()
            await self.gathers.close()
            self.feeds.close()
            await self.ingest.close()
            await self._tasks.close()
            await self._unwritten.close()
            await self.stays.close()
            await self.calls.close()
            await self._clips.close()
            await self._client.close()

    def live_calls(self) -> int:
        """How many calls are being served here, or ring and will be: documents, streams, the browsers in them."""
        return self.calls.live() + len(self.streams) + len(self.clients)

    def on_link(self, edge: EdgeId, up: bool) -> None:
        """An edge came or went."""
        self.fleet.take(edge, LinkChanged(up))
        self._reaper.on_link(edge, up)
        self.messages.on_link(edge, up)
        self.calls.sessions.on_link(edge, up)
        self.rollouts.on_link(edge, up)
        self.recordings.on_link(edge, up)
        self.feeds.on_link(edge, up)
        self.far_legs.on_link(edge, up)
        self.stays.on_link(edge, up)
        self.clients.on_link(edge, up)
        self._tasks.start(self._seen(edge, up), f"link of {edge}")

    def on_notice(self, edge: EdgeId, notice: Notice) -> None:
        """News that is not stored as it is."""
        if not self._unwritten.keeps(edge, notice):
            self._hear(edge, notice)

    def _hear(self, edge: EdgeId, notice: Notice) -> None:
        match notice:
            case Announced(event):
                self._announcing = self._tasks.start(self._announce(edge, notice), f"{event.kind} of {edge}")
                self.calls.announced(edge, event)
            case PageEnded(outcome=Goto(params={"DialCallSid": _})):
                self._tasks.start(self._dial_ended(edge, notice), f"dial of {edge}")
            case PageEnded():
                self.calls.page_ended(edge, notice)
            case PageFaulted():
                self.calls.page_faulted(edge, notice)
            case FarLegHeld() | FarLegLeft() | FarLegReady():
                (self.clients if notice.client else self.far_legs).on_notice(edge, notice)
            case FeedOpened() | FeedClosed() | FeedKey() | FeedsHeld() | StreamWanted():
                self._about_sound(edge, notice)
            case SpeechAsked():
                self.gathers.asked(edge, notice)
            case SpeechOver():
                self.gathers.over(edge, notice)
            case RouteWanted():
                self.calls.route_wanted(edge, notice)
            case Heartbeat():
                self._heartbeat(edge, notice)
            case BlobHeld():
                self._tasks.start(self.recordings.held(edge, notice), f"blobs held by {edge}")
            case _:
                self._on_other_notice(edge, notice)

    def _on_other_notice(self, edge: EdgeId, notice: Notice) -> None:
        if isinstance(notice, UpdatesStand):
            self.rollouts.on_stand(edge, notice)
        elif not self.stays.take(edge, notice):
            log.warning("edge %s sent %s, which is not for us", edge, notice.kind)

    def _about_sound(self, edge: EdgeId, notice: FeedOpened | FeedClosed | FeedKey | FeedsHeld | StreamWanted) -> None:
        match notice:
            case FeedOpened():
                self.feeds.opened(edge, notice)
            case FeedClosed():
                self.feeds.closed(edge, notice)
                self.streams.feed_closed(edge, notice)
            case FeedKey():
                self.feeds.pressed(edge, notice)
            case FeedsHeld():
                self.feeds.held(edge, notice)
            case StreamWanted():
                self.streams.wanted(edge, notice)

    def _heartbeat(self, edge: EdgeId, heartbeat: Heartbeat) -> None:
        changed = news_of(self.fleet.site(edge), heartbeat)
        self.fleet.take(edge, heartbeat)
        self._reaper.heartbeat(edge, heartbeat)
        if changed:
            self._tasks.start(self.ingest.hear_channels(edge, changed), f"channels of {edge}")
        for live in heartbeat.calls:
            self.calls.heard(edge, live)

    def _on_told(self, told: Told) -> None:
        if told.channel is not None:
            self.fleet.take(told.edge, ChannelHeard(told.channel))
        else:
            self.fleet.changed()

    async def _announce(self, edge: EdgeId, notice: Announced) -> None:
        try:
            await self.ingest.announce(edge, notice.event)
        except Transient as error:
            log.warning("edge %s announced %s; its copy will be written: %s", edge, notice.event.kind, error)

    async def _dial_ended(self, edge: EdgeId, notice: PageEnded) -> None:
        """The application that is told how a dial ended may ask for the leg at once: its end is written first."""
        if self._announcing is not None:
            await asyncio.wait({self._announcing}, timeout=WRITTEN_WITHIN_S)
        self.calls.page_ended(edge, notice)

    async def _seen(self, edge: EdgeId, up: bool) -> None:
        try:
            await self._links.ask((edge, up))
        except Transient as error:
            log.warning("edge %s: when it was seen is not written down: %s", edge, error)

    async def _hang_up(self, account: AccountSid, call: str) -> None:
        await self.calls.update(account, call, UpdateCall(status=CallStatus.COMPLETED))

    def _wake(self, edge: EdgeId) -> None:
        self._tunnel.wake(edge)
        self.fleet.changed()

    def _outbox_forgot(self) -> None:
        self.callbacks.wake()
        self.fleet.changed()

    async def _load_clip(self, key: str) -> Clip | None:
        return await self._db.read(lambda conn: clips.get(conn, key))

    async def _save_clip(self, key: str, clip: Clip) -> None:
        await self._db.write(lambda conn: clips.put(conn, key, clip))


def _seen(conn: Connection, links: Sequence[tuple[EdgeId, bool]]) -> list[None]:
    edges.seen(conn, links, utc_now())
    return [None] * len(links)
