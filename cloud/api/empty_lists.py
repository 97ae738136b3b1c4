"""Lists of what SIMs have not, and that clients ask for all the same: always empty. Nothing can be made in them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cloud.api.asks import Ask, guarded
from cloud.api.paging import list_response
from cloud.api.urls import PATHS
from cloud.store.records import PageOf
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route

KEYS = {"addresses": "addresses", "short_codes": "short_codes"}
"""Path → the key of its list."""


class EmptyListsApi:
    def __init__(self, auth: Authenticator) -> None:
        self._auth = auth

    def routes(self) -> list[Route]:
        return [Route("GET", PATHS[path], guarded(self._auth, self._lister(key))) for path, key in KEYS.items()]

    def _lister(self, key: str) -> Callable[[Ask], Awaitable[Response]]:
        async def list_(ask: Ask) -> Response:
            nothing: PageOf[None] = PageOf(())
            return list_response(key, ask.paging(), nothing, lambda _: {})

        return list_
