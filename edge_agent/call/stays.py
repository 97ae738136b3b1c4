"""The stays of this edge's calls, by call, and what the cloud wishes of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from edge_agent.call.live import LiveCall
from edge_agent.call.rooms import Rooms
from edge_agent.call.staying import Staying, prompts_of
from telecore.commands import Announce, Command, LeaveStay, PlaceStay, RunWait
from telecore.ids import CallSid, StayId
from telecore.notices import Announcement, Notice
from telecore.stays import StayOutcome, StaySpec
from telecore.twiml.control import CallControl

log = logging.getLogger(__name__)


class Stays:
    """A call is in one conference or queue at a time. What is wished of a stay that is over is dropped."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._stays: dict[CallSid, Staying] = {}
        self.doers: Mapping[type[Command], Callable[[Any], None]] = {
            PlaceStay: self.place,
            RunWait: self.wait,
            LeaveStay: self.leave,
            Announce: self.announce,
        }

    async def stay(self, call: LiveCall, spec: StaySpec, control: CallControl) -> StayOutcome:
        """Be there until it is over."""
        staying = self._stays[call.sid] = Staying(call, spec, control, self._rooms, self._end_others)
        try:
            return await staying.run()
        finally:
            if self._stays.get(call.sid) is staying:
                del self._stays[call.sid]

    def hung_up(self, call: CallSid) -> bool:
        """The party is gone; whether there is a stay that has to tell so."""
        staying = self._stays.get(call)
        return staying is not None and staying.hung_up()

    def repeat(self) -> list[Notice]:
        """What a cloud that was away has to be told again."""
        told = [notice for staying in self._stays.values() for notice in staying.repeat()]
        return told + self._rooms.repeat()

    def place(self, command: PlaceStay) -> None:
        if staying := self._find(command.call, command.stay):
            staying.place(command)

    def wait(self, command: RunWait) -> None:
        if staying := self._find(command.call, command.stay):
            staying.wait(command)

    def leave(self, command: LeaveStay) -> None:
        if staying := self._find(command.call, command.stay):
            staying.leave(command)

    def announce(self, command: Announce) -> None:
        """To one call of a room, or to all of it."""
        if command.call is None:
            self._rooms.spawn(self._announce_to_all(command))
            return
        staying = self._stays.get(command.call)
        if staying is None:
            self._tell(command, heard=False)
        else:
            staying.announce(command)

    async def _announce_to_all(self, command: Announce) -> None:
        heard = await self._rooms.announce(command.room, prompts_of(command))
        self._tell(command, heard=heard)

    def _tell(self, command: Announce, *, heard: bool) -> None:
        self._rooms.notify(Announcement(command.announcement, command.room, heard))

    def _end_others(self, room: str, gone: Staying) -> None:
        """Whoever holds a room together has left it."""
        for staying in tuple(self._stays.values()):
            if staying is not gone and staying.room == room:
                staying.end("ended")

    def _find(self, call: CallSid, stay: StayId) -> Staying | None:
        staying = self._stays.get(call)
        if staying is None or staying.id != stay:
            log.info("call %s has left; what the cloud wished of its stay is dropped", call)
            return None
        return staying
