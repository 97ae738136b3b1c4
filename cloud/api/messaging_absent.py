"""What a messaging service has at Twilio and a SIM cannot have: short codes, names as senders, US campaigns."""

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
    """A list that is always empty, and why nothing can be put into it. ``paths``: of the list, and of one in it."""

    paths: tuple[str, str]
    key: str
    field: str
    code: int
    why: str


_Handler = Callable[[Ask, Absent], Awaitable[Response]]

ABSENT = (
    Absent(("service_short_codes", "service_short_code"), "short_codes", "ShortCodeSid", 20404, "there are no short codes here"),
    Absent(("service_alpha_senders", "service_alpha_sender"), "alpha_senders", "AlphaSender", 21709, "a SIM sends by its own number only"),
    Absent(("service_campaigns", "service_campaign"), "compliance", "BrandRegistrationSid", 21717, "a SIM needs no US campaign and has none"),
)


class MessagingAbsentApi:
    def __init__(self, db: Database, auth: Authenticator, public_url: str) -> None:
        self._db = db
        self._auth = auth
        self._url = public_url

    def routes(self) -> list[Route]:
        return [route for absent in ABSENT for route in self._of(absent)]

    def _of(self, absent: Absent) -> list[Route]:
        lists, one = (PATHS[path] for path in absent.paths)
        return [
            Route("GET", lists, self._guarded(self._list, absent)),
            Route("POST", lists, self._guarded(self._create, absent)),
            Route("GET", one, self._guarded(self._one, absent)),
            Route("DELETE", one, self._guarded(self._one, absent)),
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
        message = f"'{absent.field}' cannot be used: {absent.why}"
        raise InvalidRequest(message, field=absent.field, code=absent.code, status=404 if absent.code == 20404 else 400)

    async def _one(self, ask: Ask, absent: Absent) -> Response:
        raise ask.missing()
