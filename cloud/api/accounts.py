"""``/Accounts``: the account and its subaccounts."""

from __future__ import annotations

from cloud.api import render
from cloud.api.forms import Form
from cloud.api.number_forms import account_changes
from cloud.api.paging import list_response, read_paging
from cloud.api.urls import PATHS
from cloud.services.requests import Accounts
from cloud.store import accounts
from cloud.store.accounts import AccountFilter
from cloud.store.database import Database
from cloud.store.records import AccountRecord
from cloud.web.auth import Authenticator
from cloud.web.http import Request, Response, Route, json_response
from telecore.errors import InvalidRequest, NotFound
from telecore.ids import sid_of_uuid


class AccountsApi:
    def __init__(self, db: Database, auth: Authenticator, service: Accounts) -> None:
        self._db = db
        self._auth = auth
        self._service = service

    def routes(self) -> list[Route]:
        return [
            Route("GET", PATHS["accounts"], self.list_),
            Route("POST", PATHS["accounts"], self.create),
            Route("GET", PATHS["account"], self.fetch),
            Route("POST", PATHS["account"], self.update),
        ]

    async def create(self, request: Request) -> Response:
        """A subaccount. One of those cannot have its own."""
        caller = await self._auth.who(request, by_key=False)
        if caller.owner is not None:
            raise InvalidRequest("A subaccount cannot have subaccounts", code=20403, status=403)
        changes = account_changes(Form(request.params()))
        name = str(changes.get("friendly_name", "Subaccount"))
        return json_response(render.account(await self._db.write(lambda c: accounts.create(c, name, caller.sid))), 201)

    async def list_(self, request: Request) -> Response:
        caller = await self._auth.who(request, by_key=False)
        form, paging = Form(request.params()), read_paging(request.path, request.params())
        wanted = AccountFilter(
            form.text("FriendlyName") or None, form.word("Status", ("active", "suspended", "closed")) or None
        )
        page = await self._db.read(lambda conn: accounts.list_(conn, caller.sid, wanted, paging.cursor))
        return list_response("accounts", paging, page, render.account)

    async def fetch(self, request: Request) -> Response:
        return json_response(render.account(await self._found(request)))

    async def update(self, request: Request) -> Response:
        record = await self._found(request)
        changes = account_changes(Form(request.params()))
        return json_response(render.account(await self._service.update(record.sid, changes)))

    async def _found(self, request: Request) -> AccountRecord:
        record = await self._auth.reachable(request, sid_of_uuid(request.fields["account"], "AC"), by_key=False)
        if record is None:
            raise NotFound(f"The requested resource {request.path} was not found")
        return record
