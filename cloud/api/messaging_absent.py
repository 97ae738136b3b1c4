"""What a messaging service has at Twilio and a SIM cannot have: short codes, and names as senders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cloud.api.asks import Ask, own, signed_in
from cloud.api.paging import meta_response
from cloud.api.urls import PATHS
from cloud.store import messaging_services
from cloud.store.database import Database
from cloud.store.records import MessagingServiceRecord, PageOf
from cloud.web.auth import Authenticator
from cloud.web.http import Handler, Response, Route
from telecore.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Absent:
    """A list that is always empty, and why nothing can be put into it."""

    path: str
    key: str
    field: str
    code: int
    why: str


_Handler = Callable[[Ask, Absent], Awaitable[Response]]

ABSENT = (
    Absent("service_short_codes", "short_codes", "ShortCodeSid", 20404, "there are no short codes here"),
    Absent("service_alpha_senders", "alpha_senders", "AlphaSender", 21709, "a SIM sends by its own number only"),
)


class MessagingAbsentApi:
    def __init__(self, db: Database, auth: Authenticator, public_url: str) -> None:
        self._db = db
        self._auth = auth
        self._url = public_url

    def routes(self) -> list[Route]:
        return [route for absent in ABSENT for route in self._of(absent)]

    def _of(self, absent: Absent) -> list[Route]:
        return [
            Route("GET", PATHS[absent.path], self._guarded(self._list, absent)),
            Route("POST", PATHS[absent.path], self._guarded(self._create, absent)),
        ]

    def _guarded(self, handler: _Handler, absent: Absent) -> Handler:
        async def handle(ask: Ask) -> Response:
            own(ask, await self._db.read(lambda conn: messaging_services.get(conn, ask.fields["service"])))
            return await handler(ask, absent)

        return signed_in(self._auth, handle)

    async def _list(self, ask: Ask, absent: Absent) -> Response:
        none: PageOf[MessagingServiceRecord] = PageOf(())
        return meta_response(absent.key, self._url, ask.paging(), none, lambda _: {})

    async def _create(self, ask: Ask, absent: Absent) -> Response:
        given = ask.form.text(absent.field)[:64]
        message = f"'{absent.field}' {given} cannot be used: {absent.why}"
        raise InvalidRequest(message, field=absent.field, code=absent.code, status=404 if absent.code == 20404 else 400)
