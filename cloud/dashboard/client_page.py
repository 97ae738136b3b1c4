"""``/client``: a telephone in a browser. The page knows nothing; its access token stands behind the # of its URL."""

from __future__ import annotations

from urllib.parse import urlsplit

from cloud.dashboard.rendering import HEADERS, all_pages
from cloud.web.http import Request, Response, Route


class ClientPage:
    """``public_url``: where its socket is, which the content security policy must allow by name in older browsers."""

    def __init__(self, public_url: str) -> None:
        self._pages = all_pages()
        place = urlsplit(public_url)
        socket = f"{'wss' if place.scheme == 'https' else 'ws'}://{place.netloc}"
        policy = HEADERS["Content-Security-Policy"].replace("connect-src 'self'", f"connect-src 'self' {socket}")
        self._headers = {**HEADERS, "Content-Security-Policy": policy, "Permissions-Policy": "microphone=(self)"}

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/client", self.page),
            Route("GET", "/client/static/{name}", self.static),
        ]

    async def page(self, request: Request) -> Response:
        body = self._pages.html("client.html").encode()
        return Response(200, body, "text/html; charset=utf-8", self._headers)

    async def static(self, request: Request) -> Response:
        return self._pages.static(request.fields["name"])
