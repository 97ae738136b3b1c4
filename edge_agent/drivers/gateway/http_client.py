"""Requests to a gateway's own web server: one at a time, bounded, each sent once. The edge's only user of aiohttp.

These servers are small and old. They are asked over a new connection each time, since what is sent on one that they
have just closed is neither done nor refused; no redirect is followed, for it leads to their login page.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode, urlsplit

import aiohttp
from yarl import URL

from edge_agent.drivers.gateway.box_values import json_of
from edge_agent.drivers.gateway.management import ManagementSettings
from edge_agent.drivers.gateway.serving import seconds
from telecore.errors import (
    DeviceLost,
    DeviceRefused,
    InvalidRequest,
    OutcomeUnknown,
    RemoteProtocolError,
    TelecoreError,
    TimedOut,
)

BODY_LIMIT = 1024 * 1024
CONNECT_S = 5.0
TOTAL_S = 15.0
Fields = Sequence[tuple[str, str]]

_WORDS = {
    401: "the box does not take this user and password",
    403: "the box refuses our address, or has locked it after wrong passwords",
    404: "the box has no such page: its HTTP API is switched off, or its firmware is older than that",
    405: "the box does not take this request: its HTTP API is switched off, or another one",
    413: "it is too long for the box",
}


class HttpAuth(StrEnum):
    NONE = "none"
    BASIC = "basic"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer with a 2xx status. ``url`` is what was asked, without its query, for complaints."""

    url: str
    status: int
    content_type: str
    body: bytes

    def text(self) -> str:
        """As UTF-8, whatever the box says of it: they name gb2312 and send UTF-8."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> object:
        """Raises RemoteProtocolError."""
        if self.body.lstrip()[:1] == b"<":
            hint = "its HTTP API is switched off, or the login is another"
            raise RemoteProtocolError(f"{self.url} answers with a web page instead of JSON: {hint}")
        try:
            return json_of(self.body)
        except RemoteProtocolError as error:
            raise RemoteProtocolError(f"{self.url} answers with {error}") from None


def base_url(settings: ManagementSettings, default_port: int = 80) -> str:
    """Where the box is asked: its ``url``, or host and port by HTTP."""
    if settings.url:
        return settings.url.rstrip("/")
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port or default_port}"


def auth_of(settings: ManagementSettings, usual: HttpAuth) -> HttpAuth:
    """Which login the box wants: the option ``auth``, or the family's usual one. Raises InvalidRequest."""
    try:
        return HttpAuth(settings.options.get("auth", usual.value))
    except ValueError:
        raise InvalidRequest("auth: must be none, basic or digest", field="auth") from None


def client_of(settings: ManagementSettings, usual: HttpAuth) -> HttpClient:
    """For the box of these settings, and by its options ``auth``, ``tls`` and ``timeout_s``. Raises InvalidRequest."""
    options = settings.options
    return HttpClient(
        base_url(settings),
        settings.user,
        settings.password,
        auth_of(settings, usual),
        total_s=seconds(options, "timeout_s", TOTAL_S),
        tls=options.get("tls", "verify"),
    )


class HttpClient:
    """One box's web server. All methods raise

    DeviceLost: it cannot be reached, so nothing was asked; TimedOut: asked, and no whole answer came in time;
    OutcomeUnknown: the same for what ``acts``, which it may have done; DeviceRefused: it says no;
    RemoteProtocolError: nonsense.

    ``tls``: ``verify``, ``none`` for a box that has made its own certificate, or that certificate's SHA-256 in hex.
    """

    def __init__(
        self,
        base: str,
        user: str = "",
        password: str = "",
        auth: HttpAuth = HttpAuth.BASIC,
        *,
        connect_s: float = CONNECT_S,
        total_s: float = TOTAL_S,
        limit: int = BODY_LIMIT,
        tls: str = "verify",
    ) -> None:
        self._base = base
        self.host = urlsplit(base).netloc
        self._total_s = total_s
        self._limit = limit
        self._turn = asyncio.Lock()
        self._tls = _tls(tls)
        middlewares: list[aiohttp.ClientMiddlewareType] = [self._once]
        headers = {"Accept-Encoding": "identity"}
        if auth is HttpAuth.DIGEST:
            middlewares += [aiohttp.DigestAuthMiddleware(user, password), _released]
        elif auth is HttpAuth.BASIC:
            headers["Authorization"] = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True, limit=1),
            timeout=aiohttp.ClientTimeout(total=total_s, connect=connect_s),
            middlewares=tuple(middlewares),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers=headers,
        )

    async def get(self, path: str, query: Fields = (), *, acts: bool = False) -> HttpAnswer:
        return await self._ask("GET", path, query, acts=acts)

    async def post_json(self, path: str, value: object, *, acts: bool = False) -> HttpAnswer:
        body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        return await self._ask("POST", path, (), body=body, content_type="application/json", acts=acts)

    async def post_form(self, path: str, fields: Fields, query: Fields = (), *, acts: bool = False) -> HttpAnswer:
        body = urlencode(fields, errors="replace").encode()
        form = "application/x-www-form-urlencoded"
        return await self._ask("POST", path, query, body=body, content_type=form, acts=acts)

    async def close(self) -> None:
        await self._session.close()

    async def _ask(
        self,
        method: str,
        path: str,
        query: Fields,
        *,
        body: bytes | None = None,
        content_type: str = "",
        acts: bool = False,
    ) -> HttpAnswer:
        where = f"{self._base}{path}"
        # Commas too are escaped: Dinstar's server computes another digest for a bare one, and says "wrong password".
        url = URL(f"{where}?{urlencode(query, errors='replace')}" if query else where, encoded=True)
        headers = {"Content-Type": content_type} if content_type else {}
        async with self._turn:
            if self._session.closed:
                raise DeviceLost(f"{self.host} is not asked any more")
            try:
                async with self._session.request(
                    method, url, data=body, headers=headers, allow_redirects=False, ssl=self._tls
                ) as response:
                    self._check(where, response, acts)
                    content = await self._body(where, response)
                    return HttpAnswer(where, response.status, response.content_type, content)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                raise self._translated(error, acts) from error

    async def _once(self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """aiohttp repeats a GET whose connection broke, even one that sends an SMS; not so what is no ClientError."""
        try:
            return await handler(request)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise _BrokenError(str(error) or type(error).__name__) from error

    def _check(self, where: str, response: aiohttp.ClientResponse, acts: bool) -> None:
        status = response.status
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise DeviceRefused("error", None, "the box leads to its login page: its HTTP API is switched off")
        if status >= 500 and acts:
            raise OutcomeUnknown(f"{where} failed with HTTP {status}; it may have been done")
        words = f"{_WORDS.get(status, 'the box fails')} (HTTP {status})"
        challenge = response.headers.get("WWW-Authenticate", "").partition(" ")[0].lower()
        if status == 401 and challenge in ("basic", "digest"):
            words += f"; it asks for {challenge}"
        # Without a code: as a number it would be read as one of +CMS ERROR.
        raise DeviceRefused("error", None, words)

    async def _body(self, where: str, response: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for chunk in response.content.iter_any():
            content += chunk
            if len(content) > self._limit:
                raise RemoteProtocolError(f"{where} answers with more than {self._limit} octets")
        return bytes(content)

    def _translated(self, error: Exception, acts: bool) -> TelecoreError:
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            return DeviceLost(f"the box at {self.host} is gone: {_why(error)}")
        if isinstance(error, TimeoutError):
            words = f"no answer from {self.host} within {self._total_s:.0f} s"
        elif isinstance(error, _BrokenError | aiohttp.ClientPayloadError | aiohttp.ClientConnectionError | OSError):
            words = f"the answer of {self.host} broke off: {_why(error)}"
        elif isinstance(error, aiohttp.InvalidURL):
            return InvalidRequest(f"the box's address {self._base!r} is not a URL", field="url")
        else:
            return RemoteProtocolError(f"{self.host} does not speak HTTP as it should: {_why(error)[:200]}")
        return OutcomeUnknown(f"{words}; it may have been done") if acts else TimedOut(words)


class _BrokenError(ValueError):
    """The connection broke after it was made."""


async def _released(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Of a challenge only the headers count; the next attempt needs its place among the connections."""
    response = await handler(request)
    if response.status == 401:
        response.close()
    return response


def _tls(how: str) -> aiohttp.Fingerprint | bool:
    if how in ("verify", "none"):
        return how == "verify"
    try:
        return aiohttp.Fingerprint(bytes.fromhex(how.replace(":", "")))
    except ValueError:
        raise InvalidRequest("tls: must be verify, none or a SHA-256 in hex", field="tls") from None


def _why(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, _BrokenError) and error.__cause__ else error
    strerror = getattr(cause, "strerror", None)
    return strerror if isinstance(strerror, str) else str(error) or type(error).__name__
