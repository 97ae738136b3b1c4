"""``/simferry/v1/clients``: access tokens of browsers, who is on the line, and the socket they come in by. Ours."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import quote

from cloud.api.fleet_forms import params_of
from cloud.api.forms import Form
from cloud.api.urls import CLIENT_SOCKET, CLIENT_TOKENS, CLIENTS
from cloud.services.access_token import MAX_LIFE_S, Grant, mint
from cloud.services.dial_targets import MAX_IDENTITY, is_identity
from cloud.store.records import Hook
from cloud.web.auth import Authenticator
from cloud.web.http import Request, Response, Route, json_response
from cloud.web.socket import Socket
from telecore.errors import InvalidRequest
from telecore.ids import AccountSid, is_sid, new_id

MIN_LIFE_S = 60
LIFE_S = 3600


class Browsers(Protocol):
    """``services.handsets.Handsets``."""

    def counts(self, account: AccountSid) -> Mapping[str, tuple[int, bool]]: ...


class ClientsApi:
    """``serve`` is a browser's whole stay in its socket."""

    def __init__(
        self,
        auth: Authenticator,
        browsers: Browsers,
        serve: Callable[[Socket], Awaitable[None]],
        public_url: str,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._auth = auth
        self._browsers = browsers
        self._serve = serve
        self._public_url = public_url
        self._wall = wall

    def routes(self) -> list[Route]:
        return [
            Route("POST", CLIENT_TOKENS, self.token),
            Route("GET", CLIENTS, self.list_),
            Route("GET", CLIENT_SOCKET, self.socket),
        ]

    async def token(self, request: Request) -> Response:
        """A new access token for one identity."""
        account = await self._auth.who(request)
        identity = request.fields["identity"]
        if not is_identity(identity):
            message = f"'identity' must be 1 to {MAX_IDENTITY} printable characters without spaces"
            raise InvalidRequest(message, field="identity")
        form = Form(params_of(request))
        life_s = form.integer("ttl", LIFE_S, MIN_LIFE_S, MAX_LIFE_S)
        voice = Hook(form.url("voice_url", code=20001), form.word("voice_method", ("POST", "GET"), "POST"))
        expires = float(int(self._wall()) + life_s)
        application = form.text("application_sid")
        if application and not is_sid(application, "AP"):
            raise InvalidRequest("'application_sid' must be an AP SID", field="application_sid", code=21218)
        grant = Grant(account.sid, identity, expires, voice, form.boolean("incoming", True), application)
        token = mint(grant, account.auth_token, now=self._wall(), jti=new_id())
        told = {
            "identity": identity,
            "token": token,
            "expires_at": datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "page": f"{self._public_url}/client#{quote(token)}",
        }
        return json_response(told, 201, {"Cache-Control": "no-store"})

    async def list_(self, request: Request) -> Response:
        """The identities that are on the line."""
        account = await self._auth.who(request)
        here = self._browsers.counts(account.sid)
        shown = [{"identity": name, "handsets": count, "in_call": busy} for name, (count, busy) in here.items()]
        return json_response({"clients": shown})

    async def socket(self, request: Request) -> Response:
        """A browser comes in; what it may, its first message proves."""
        return Response(socket=self._serve)
