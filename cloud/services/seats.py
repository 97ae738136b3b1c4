"""Where calls of stays are to be, as their edges were told last: only what changes is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from telecore.commands import LeaveStay, PlaceStay
from telecore.ids import CallSid, EdgeId, StayId
from telecore.notices import Do, Notice
from telecore.stays import Place


@dataclass(slots=True)
class Seat:
    """One stay. ``place`` None: the edge was told nothing yet, or may have lost it."""

    call: CallSid
    stay: StayId
    edge: EdgeId
    version: int = 0
    place: Place | None = None
    waits: object = None
    """What it hears in waiting, as it was told last; None: nothing."""


class Seats:
    """``send`` is False when the edge is not on the line: it asks again when it is back."""

    def __init__(self, send: Callable[[EdgeId, Notice], bool]) -> None:
        self._send = send
        self._seats: dict[StayId, Seat] = {}

    def asked(self, call: CallSid, stay: StayId, edge: EdgeId, version: int) -> Seat:
        """The edge asks, perhaps again: it is to be told everything."""
        before = self._seats.get(stay)
        newest = max(version, before.version if before else 0)
        seat = self._seats[stay] = Seat(call, stay, edge, newest)
        return seat

    def of(self, stay: StayId | None) -> Seat | None:
        return self._seats.get(stay) if stay is not None else None

    def of_call(self, call: CallSid) -> Seat | None:
        return next((seat for seat in self._seats.values() if seat.call == call), None)

    def put(self, seat: Seat, place: Place) -> None:
        """Let the edge bring it there, unless it is."""
        if seat.place == place:
            return
        seat.version += 1
        seat.place = place
        self._send(seat.edge, Do(PlaceStay(call=seat.call, stay=seat.stay, version=seat.version, place=place)))

    def leave(self, seat: Seat, because: str, sid: str = "") -> None:
        """It is over."""
        self._seats.pop(seat.stay, None)
        self._send(seat.edge, Do(LeaveStay(call=seat.call, stay=seat.stay, because=because, sid=sid)))

    def forget(self, stay: StayId) -> None:
        self._seats.pop(stay, None)
