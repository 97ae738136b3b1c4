"""``/v1/AuthTokens``: a second token beside the account's own, which then takes its place."""

from __future__ import annotations

from cloud.api import render
from cloud.api.urls import PATHS
from cloud.store import accounts
from cloud.store.database import Conflict, Connection, Database
from cloud.store.records import AccountRecord
from cloud.web.auth import Authenticator
from cloud.web.http import Request, Response, Route, json_response
from telecore.errors import NotFound


class AuthTokensApi:
    """``public_url`` is how this cloud is reached from outside. While there are two, both open the account."""

    def __init__(self, db: Database, auth: Authenticator, public_url: str) -> None:
        self._db = db
        self._auth = auth
        self._public_url = public_url

    def routes(self) -> list[Route]:
        return [
            Route("POST", PATHS["secondary_token"], self.create),
            Route("DELETE", PATHS["secondary_token"], self.delete),
            Route("POST", PATHS["promote_token"], self.promote),
        ]

    async def create(self, request: Request) -> Response:
        """A secondary token, shown here only. Raises Conflict while there is one."""
        caller = await self._auth.who(request, by_key=False)

        def write(conn: Connection) -> AccountRecord:
            if _fresh(conn, caller).secondary_token:
                raise Conflict("There is a secondary token already: promote or delete it first")
            return accounts.update(conn, caller.sid, secondary_token=accounts.new_token()) or caller

        record = await self._db.write(write)
        return self._shown(request, record, {"secondary_auth_token": record.secondary_token}, 201)

    async def promote(self, request: Request) -> Response:
        """The secondary token becomes the only one: webhooks are signed with it from now on."""
        caller = await self._auth.who(request, by_key=False)

        def write(conn: Connection) -> AccountRecord:
            token = self._secondary(conn, request, caller)
            return accounts.update(conn, caller.sid, auth_token=token, secondary_token="") or caller

        record = await self._db.write(write)
        return self._shown(request, record, {"auth_token": record.auth_token})

    async def delete(self, request: Request) -> Response:
        caller = await self._auth.who(request, by_key=False)

        def write(conn: Connection) -> None:
            self._secondary(conn, request, caller)
            accounts.update(conn, caller.sid, secondary_token="")

        await self._db.write(write)
        return Response(204)

    def _secondary(self, conn: Connection, request: Request, caller: AccountRecord) -> str:
        token = _fresh(conn, caller).secondary_token
        if not token:
            raise NotFound(f"The requested resource {request.path} was not found: there is no secondary token")
        return token

    def _shown(self, request: Request, record: AccountRecord, token: render.Json, status: int = 200) -> Response:
        common: render.Json = {
            "account_sid": record.sid,
            "date_created": render.iso(record.created_at),
            "date_updated": render.iso(record.updated_at),
            "url": f"{self._public_url.rstrip('/')}{request.path}",
        }
        return json_response(common | token, status)


def _fresh(conn: Connection, caller: AccountRecord) -> AccountRecord:
    return accounts.get(conn, caller.sid) or caller
