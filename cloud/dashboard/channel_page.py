"""``/operator/channels/…``: one channel, what it went through, and what an operator may ask of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cloud.api import fleet_forms
from cloud.api.fleet import Ask, Tasks
from cloud.api.forms import Form
from cloud.dashboard.happened import evidence_of_health, happened_row, task_row, warning_rows
from cloud.dashboard.login import HOME, Login
from cloud.dashboard.paths import CHANNEL, CHANNEL_ACTIONS
from cloud.dashboard.present import channel_row
from cloud.dashboard.rendering import HEADERS, Pages
from cloud.dashboard.scope import fleet_of
from cloud.dashboard.sessions import Session
from cloud.dashboard.sims import words
from cloud.fleet.snapshot import Snapshot, WholeFleet
from cloud.store import history, tasks
from cloud.store.database import Connection, Database
from cloud.store.records import ChannelRecord, HistoryRecord, TaskRecord
from cloud.web.http import Handler, Request, Response, Route
from telecore.errors import InvalidRequest, NotFound
from telecore.ids import ChannelId, EdgeId

HISTORY, TASKS = 60, 8
REFRESH_S = 3
_ASKED_LATELY_S = 180.0


@dataclass(frozen=True, slots=True)
class Action:
    """``sure``: it costs money or stops traffic, and is done only when the operator has said so twice."""

    read: Callable[[ChannelId, Form], Ask]
    sure: bool = False

    def ask(self, channel: ChannelId, form: Form) -> Ask:
        """Raises InvalidRequest."""
        if self.sure and not form.boolean("sure"):
            raise InvalidRequest("Tick “I am sure”: this costs money, or stops traffic for a while", field="sure")
        return self.read(channel, form)


ACTIONS = {
    "ussd": Action(fleet_forms.ussd),
    "ussd/cancel": Action(fleet_forms.cancel_ussd),
    "balance": Action(fleet_forms.balance),
    "top_up": Action(fleet_forms.top_up, sure=True),
    "self_test": Action(fleet_forms.self_test, sure=True),
    "health": Action(fleet_forms.health, sure=True),
    "restart": Action(fleet_forms.restart, sure=True),
}


assert tuple(ACTIONS) == CHANNEL_ACTIONS, "who may ask for what stands in access.py"


class ChannelPage:
    def __init__(self, db: Database, fleet: WholeFleet, service: Tasks, pages: Pages, login: Login) -> None:
        self._db = db
        self._fleet = fleet
        self._service = service
        self._pages = pages
        self._login = login

    def routes(self) -> list[Route]:
        return [
            Route("GET", CHANNEL, self.show),
            *(Route("POST", f"{CHANNEL}/{name}", self._doing(action)) for name, action in ACTIONS.items()),
        ]

    async def show(self, request: Request) -> Response:
        session = self._login.session(request)
        return await self._page(request, session) if session is not None else self._login.form()

    def _doing(self, action: Action) -> Handler:
        async def handle(request: Request) -> Response:
            session = self._login.check(request)
            form = Form(request.params())
            await self._found(request, session)
            try:
                ask = action.ask(_name(request), form)
            except InvalidRequest as error:
                return await self._page(request, session, 400, error.message)
            await self._service.ask(ask, within=None, by=f"operator {session.operator}")
            where = f"{HOME}/channels/{ask.channel}"
            return Response(303, headers={**HEADERS, "Location": where}, content_type="text/plain")

        return handle

    async def _page(self, request: Request, session: Session, status: int = 200, problem: str = "") -> Response:
        name = _name(request)
        fleet, record = await self._found(request, session)
        happened, asked = await self._db.read(lambda conn: _kept(conn, name))
        now = time.time()
        shown = _values(record, fleet, happened, asked)
        waits = any(task.status == "queued" and now - task.at < _ASKED_LATELY_S for task in shown["tasks"])
        return self._pages.page(
            "channel.html",
            status=status,
            operator=session.operator,
            csrf=session.csrf,
            problem=problem,
            now=now,
            refresh=REFRESH_S if waits and not problem else 0,
            **shown,
        )

    async def _found(self, request: Request, session: Session) -> tuple[Snapshot, ChannelRecord]:
        """The channel's site as this session may see it, and the channel. Raises NotFound."""
        name, seen = _name(request), fleet_of(session, self._fleet, self._db)
        fleet = await seen.channels_of([EdgeId(request.fields["edge"])])
        record = next((found for found in fleet.channels if found.channel == name), None)
        if record is None:
            raise NotFound(f"There is no channel {name}")
        return fleet, record


def _name(request: Request) -> ChannelId:
    return ChannelId(f"{request.fields['edge']}/{request.fields['device']}")


def _kept(conn: Connection, channel: ChannelId) -> tuple[list[HistoryRecord], list[TaskRecord]]:
    return history.list_(conn, channel, limit=HISTORY), tasks.of_channel(conn, channel, TASKS)


def _values(
    record: ChannelRecord, fleet: Snapshot, happened: list[HistoryRecord], asked: list[TaskRecord]
) -> dict[str, Any]:
    online = any(edge.connected for edge in fleet.edges if edge.edge == record.edge)
    rows = tuple(task_row(task) for task in asked)
    talk = next((row for row in rows if row.ussd), None)
    return {
        "row": channel_row(record, online, fleet.newest),
        "online": online,
        "held": record.status.health is not None and record.status.health.forced,
        "evidence_lines": evidence_of_health(record.status, happened),
        "warnings": warning_rows(tuple(found for found in fleet.warnings if found.subject == record.channel)),
        "tasks": rows,
        "asks": talk is not None and talk.asks,
        "happened": tuple(happened_row(found) for found in happened),
        "states": tuple((state.value, words(state.value)) for state in fleet_forms.HELD),
        "others": tuple(
            found.channel for found in fleet.channels if found.edge == record.edge and found.channel != record.channel
        ),
    }
