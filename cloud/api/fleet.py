"""``/simferry/v1``: the channels of an account's SIMs, and what may be asked of them. Ours, not Twilio's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

from cloud.api import fleet_forms, fleet_render
from cloud.api.callers import Caller, with_caller
from cloud.api.forms import Form
from cloud.api.urls import CHANNEL, CHANNELS, TASK
from cloud.fleet.snapshot import Snapshot
from cloud.store import edges, history, numbers, tasks
from cloud.store.database import Connection, Database
from cloud.store.records import ChannelRecord, HistoryRecord, TaskRecord
from cloud.tunnel import channel_steps
from cloud.tunnel.message_steps import owner_of
from cloud.web.auth import Authenticator
from cloud.web.http import Handler, Request, Response, Route, json_response
from telecore.commands import CancelUssd, ReadBalance, RequestUssd, RestartChannel, RunSelfTest, SetSimHealth, TopUp
from telecore.errors import NotFound
from telecore.ids import AccountSid, ChannelId, EdgeId

HISTORY = 100
Ask = RequestUssd | CancelUssd | RestartChannel | SetSimHealth | ReadBalance | TopUp | RunSelfTest
_ACTIONS: tuple[tuple[str, Callable[[ChannelId, Form], Ask]], ...] = (
    ("ussd", fleet_forms.ussd),
    ("ussd/cancel", fleet_forms.cancel_ussd),
    ("balance", fleet_forms.balance),
    ("top_up", fleet_forms.top_up),
    ("self_test", fleet_forms.self_test),
    ("health", fleet_forms.health),
    ("restart", fleet_forms.restart),
)


class Tasks(Protocol):
    """``services.fleet_tasks.FleetTasks``."""

    async def ask(self, ask: Ask, *, within: AccountSid | None, by: str) -> TaskRecord:
        """Raises NotFound for a channel that is not there, or is somebody else's."""


class Sites(Protocol):
    """``fleet.keeper.Fleet``."""

    async def channels_of(self, names: Collection[EdgeId]) -> Snapshot:
        """Raises StoreFailed."""


class FleetApi:
    def __init__(self, db: Database, auth: Authenticator, fleet: Sites, service: Tasks) -> None:
        self._db = db
        self._auth = auth
        self._fleet = fleet
        self._service = service

    def routes(self) -> list[Route]:
        return [
            Route("GET", CHANNELS, self._guarded(self.list_)),
            Route("GET", CHANNEL, self._guarded(self.fetch)),
            Route("GET", TASK, self._guarded(self.task)),
            *(Route("POST", f"{CHANNEL}/{name}", self._guarded(self._asking(read))) for name, read in _ACTIONS),
        ]

    async def list_(self, request: Request, caller: Caller) -> Response:
        fleet = await self._fleet.channels_of(await self._db.read(lambda conn: _edges(conn, caller)))

        def read(conn: Connection) -> list[fleet_render.Json]:
            """An account may have thousands: they are put into words here, off the loop."""
            return fleet_render.channels(_seen(conn, fleet.channels, caller), fleet, caller.opens)

        return json_response({"channels": await self._db.read(read)})

    async def fetch(self, request: Request, caller: Caller) -> Response:
        name = _channel(request)
        fleet = await self._fleet.channels_of([EdgeId(owner_of(name))])
        found = [record for record in fleet.channels if record.channel == name]

        def read(conn: Connection) -> tuple[list[ChannelRecord], list[HistoryRecord]]:
            return _seen(conn, found, caller), history.list_(conn, name, limit=HISTORY)

        seen, happened = await self._db.read(read)
        if not seen:
            raise NotFound(f"The requested resource {request.path} was not found")
        own = [fleet_render.happened(record) for record in happened if record.account in caller.opens]
        (shown,) = fleet_render.channels(seen, fleet, caller.opens)
        return json_response({**shown, "history": own})

    async def task(self, request: Request, caller: Caller) -> Response:
        record = await self._db.read(lambda conn: tasks.get(conn, request.fields["sid"]))
        if record is None or record.account not in caller.opens:
            raise NotFound(f"The requested resource {request.path} was not found")
        return json_response(fleet_render.task(record))

    def _asking(self, read: Callable[[ChannelId, Form], Ask]) -> Callable[[Request, Caller], Awaitable[Response]]:
        async def handle(request: Request, caller: Caller) -> Response:
            ask = read(_channel(request), Form(fleet_forms.params_of(request)))
            record = await self._service.ask(ask, within=caller.account.sid, by=caller.account.sid)
            return json_response(fleet_render.task(record), 202)

        return handle

    def _guarded(self, handler: Callable[[Request, Caller], Awaitable[Response]]) -> Handler:
        return with_caller(self._db, self._auth, handler)


def _channel(request: Request) -> ChannelId:
    return ChannelId(f"{request.fields['edge']}/{request.fields['device']}")


def _edges(conn: Connection, caller: Caller) -> set[EdgeId]:
    """In which there may be SIMs of the caller's."""
    elsewhere = [channel for account in caller.opens for channel in numbers.channels_of(conn, account)]
    return {*edges.names_of(conn, caller.opens), *(EdgeId(owner_of(channel)) for channel in elsewhere)}


def _seen(conn: Connection, found: Sequence[ChannelRecord], caller: Caller) -> list[ChannelRecord]:
    whose = channel_steps.accounts_of(conn, found)
    return [record for record in found if whose.get(record.channel) in caller.opens]
