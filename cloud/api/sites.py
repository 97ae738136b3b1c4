"""``/simferry/v1/edges``: the sites of an account, and who may come in as them. Ours, not Twilio's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cloud.api.callers import Caller, with_caller
from cloud.api.forms import Form
from cloud.api.render import Json
from cloud.api.urls import EDGE, EDGES
from cloud.services.edge_desk import EdgeDesk
from cloud.store import edges
from cloud.store.database import Database
from cloud.store.records import EdgeRecord
from cloud.web.auth import Authenticator
from cloud.web.http import Request, Response, Route, json_response

MAX_NAME = 63


class SitesApi:
    """What lets in and shuts out is done by an account's own credentials, not by an API key."""

    def __init__(self, db: Database, auth: Authenticator, desk: EdgeDesk) -> None:
        self._db = db
        self._auth = auth
        self._desk = desk

    def routes(self) -> list[Route]:
        changes: tuple[tuple[str, Callable[[Request, Caller], Awaitable[Response]]], ...] = (
            (EDGES, self.enrol),
            (f"{EDGE}/revoke", self.revoke),
            (f"{EDGE}/forgive", self.forgive),
        )
        return [
            Route("GET", EDGES, with_caller(self._db, self._auth, self.list_)),
            *(Route("POST", path, with_caller(self._db, self._auth, do, by_key=False)) for path, do in changes),
        ]

    async def list_(self, request: Request, caller: Caller) -> Response:
        found = await self._db.read(edges.list_)
        return json_response({"edges": [rendered(record) for record in found if record.account in caller.opens]})

    async def enrol(self, request: Request, caller: Caller) -> Response:
        """The token is in this answer and nowhere else."""
        form = Form(request.params())
        account = form.text("account", caller.account.sid)
        made = await self._desk.enrol(form.text("name"), account, within=caller.opens)
        answer = {"edge": made.edge, "account": made.account, "token": made.token, "command": made.command}
        return json_response(answer, 201)

    async def revoke(self, request: Request, caller: Caller) -> Response:
        gone = await self._desk.revoke(request.fields["edge"], within=caller.opens)
        return json_response({"edge": request.fields["edge"], "vouchers_removed": gone})

    async def forgive(self, request: Request, caller: Caller) -> Response:
        await self._desk.forgive(request.fields["edge"], within=caller.opens)
        return json_response({"edge": request.fields["edge"], "vouchers_removed": 0})


def rendered(record: EdgeRecord) -> Json:
    return {
        "edge": record.edge,
        "account": record.account,
        "enrolled": record.enrolled,
        "connected": record.linked and record.shut_at is None,
        "shut_out": record.shut_why if record.shut_at is not None else "",
        "version": record.version,
        "public_key": record.public_key,
    }
