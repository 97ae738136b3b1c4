"""What edges tell of stays, handed to conferences or queues."""

from __future__ import annotations

import logging
from collections import OrderedDict

from cloud.services.announcements import Announcements
from cloud.services.call_session import SessionTools
from cloud.services.callbacks import Callbacks
from cloud.services.conference_desk import ConferenceDesk
from cloud.services.conferences import ConferenceService
from cloud.services.feeds import MediaLine
from cloud.services.live_tasks import LiveTasks
from cloud.services.queues import QueueService
from cloud.services.relays import Relays
from cloud.services.requests import Calls
from cloud.services.seats import Seats
from cloud.services.waits import Waits
from cloud.store import participants, queues
from cloud.store.database import Connection
from cloud.store.participants import CONNECTED
from cloud.store.records import CallRecord
from cloud.tunnel import call_steps
from cloud.tunnel.heard import Told
from telecore.commands import LeaveStay
from telecore.events import StayEnded
from telecore.ids import EdgeId, StayId
from telecore.notices import Announcement, Do, Notice, Spoke, StayWanted, TrunkClosed, TrunkOpened, WaitEnded
from telecore.states import FINAL_CALL
from telecore.stays import ConferenceSpec, DequeueSpec, EnqueueSpec

log = logging.getLogger(__name__)

_REMEMBERED = 10_000
"""Stays that have ended of late."""


class Stays:
    """One for the whole cloud. Its methods return at once."""

    def __init__(
        self,
        tools: SessionTools,
        seats: Seats,
        waits: Waits,
        *,
        conferences: ConferenceService,
        queues: QueueService,
        announcements: Announcements,
        relays: Relays,
    ) -> None:
        self._tools = tools
        self._seats = seats
        self._waits = waits
        self._conferences = conferences
        self._queues = queues
        self._announcements = announcements
        self._relays = relays
        self._tasks = LiveTasks()
        self._ended: OrderedDict[StayId, None] = OrderedDict()
        self._trunks: dict[tuple[EdgeId, str], TrunkOpened] = {}

    async def close(self) -> None:
        for part in (self._tasks, self._waits, self._conferences, self._queues, self._announcements):
            await part.close()

    def on_link(self, edge: EdgeId, up: bool) -> None:
        """An edge came or went."""
        for key in [key for key in self._trunks if key[0] == edge]:
            del self._trunks[key]
        self._relays.on_link(edge, up)

    def take(self, edge: EdgeId, notice: Notice) -> bool:
        """Whether the notice was about a stay."""
        match notice:
            case StayWanted():
                self._tasks.start(self._wanted(edge, notice), f"stay of {notice.call}")
            case WaitEnded():
                self._waits.ended(notice)
            case Spoke():
                self._tasks.start(self._spoke(edge, notice), f"speech of {notice.call}")
            case TrunkOpened():
                self._trunks[edge, notice.room] = notice
                self._tasks.start(self._trunk(edge, notice), f"trunk of {notice.room}")
            case TrunkClosed():
                self._trunks.pop((edge, notice.room), None)
                self._relays.closed(edge, notice)
            case Announcement():
                self._announcements.ended(edge, notice)
            case _:
                return False
        return True

    def on_told(self, told: Told) -> None:
        """After the commit."""
        if isinstance(told.event, StayEnded) and told.call is not None:
            self._over(told.event.stay)

    def call_over(self, call: CallRecord) -> None:
        """A call has ended, whoever says so."""
        seat = self._seats.of_call(call.sid)
        if seat is not None:
            self._over(seat.stay)
        self._conferences.changed(call.sid)

    def _over(self, stay: StayId) -> None:
        self._ended[stay] = None
        while len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
        self._seats.forget(stay)
        self._waits.forget(stay)
        self._conferences.left(stay)
        self._queues.left(stay)

    async def _wanted(self, edge: EdgeId, notice: StayWanted) -> None:
        call = await self._tools.db.read(lambda conn: call_steps.of_edge(conn, notice.call, edge))
        if call is None or call.status in FINAL_CALL:
            log.info("a stay of %s, which is no live call of %s", notice.call, edge)
            self._tools.send(edge, Do(LeaveStay(call=notice.call, stay=notice.stay, because="error")))
        elif isinstance(notice.spec, ConferenceSpec):
            await self._conferences.wanted(call, notice, notice.spec)
        elif isinstance(notice.spec, EnqueueSpec):
            await self._queues.enqueued(call, notice, notice.spec)
        elif isinstance(notice.spec, DequeueSpec):
            await self._queues.dequeues(call, notice, notice.spec)
        if notice.stay in self._ended:  # it was over before its beginning was written
            self._seats.forget(notice.stay)
            self._waits.forget(notice.stay)
            await self._conferences.over_already(notice.stay)
            await self._queues.over_already(notice.stay)

    async def _trunk(self, edge: EdgeId, notice: TrunkOpened) -> None:
        """An edge hears a room only while a call of its own is in it."""
        allowed = await self._tools.db.read(lambda conn: _is_in(conn, edge, notice))
        if self._trunks.get((edge, notice.room)) is not notice:  # closed or cut meanwhile, or opened anew
            return
        del self._trunks[edge, notice.room]
        if allowed:
            self._relays.opened(edge, notice)
        else:
            log.warning("edge %s would hear room %s, where no call of it is", edge, notice.room)

    async def _spoke(self, edge: EdgeId, notice: Spoke) -> None:
        one = await self._tools.db.read(lambda conn: participants.by_stay(conn, notice.stay))
        if one is not None and one.edge == edge:
            await self._conferences.spoke(one, notice)


def _is_in(conn: Connection, edge: EdgeId, notice: TrunkOpened) -> bool:
    call = call_steps.of_edge(conn, notice.call, edge)
    if call is None:
        return False
    if any(one.conference == notice.room and one.status == CONNECTED for one in participants.of_call(conn, call.sid)):
        return True
    pairs = [*queues.of_call(conn, call.sid), queues.taken_by(conn, call.sid)]
    return any(one is not None and notice.room == f"{one.queue}:{one.call}" for one in pairs)


def make_stays(tools: SessionTools, queue: Callbacks, calls: Calls, line: MediaLine) -> tuple[Stays, ConferenceDesk]:
    """What hears the edges, and what hears the customers."""
    seats, waits = Seats(tools.send), Waits(tools)
    service, announcements = ConferenceService(tools, queue, seats, waits), Announcements(tools, queue)
    desk = ConferenceDesk(tools.db, service, announcements, calls, queue)
    queue_service = QueueService(tools, seats, waits)
    stays = Stays(
        tools, seats, waits, conferences=service, queues=queue_service, announcements=announcements, relays=Relays(line)
    )
    return stays, desk
