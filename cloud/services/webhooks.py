"""Requests to customers' web applications: signed, bounded, guarded. The only user of aiohttp's client."""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode, urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from cloud.services.addresses import AddressPolicy
from cloud.services.cookies import Cookies
from cloud.services.urls import InvalidUrl, canonical, with_query
from telecore.errors import TelecoreError
from telecore.ids import AccountSid, new_id
from telecore.signature import sign

log = logging.getLogger(__name__)

USER_AGENT = "TwilioProxy/1.1"
"""What applications written for Twilio may look for."""
DOCUMENT_LIMIT = 64 * 1024
MAX_REDIRECTS = 10
PER_ACCOUNT = 50
"""Requests of one account under way at a time, in each lane; more of them wait and nobody else does."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. ``total_s`` covers redirects, the retry and the body."""

    connect_s: float = 5.0
    total_s: float = 15.0


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """``params`` are form fields of a POST or go to the query of a GET. ``secret`` signs; empty: unsigned.

    ``lane`` keeps what a caller hears apart from what may wait; ``token`` is the same each time one thing is told.
    """

    url: str
    account: AccountSid
    method: str = "POST"
    params: Mapping[str, str] = field(default_factory=dict)
    secret: str = ""
    token: str = field(default_factory=new_id)
    lane: str = "live"
    limit: int = DOCUMENT_LIMIT
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FetchedDocument:
    """An answer with a 2xx status (or 304, where it was asked for). ``url`` is where it came from in the end."""

    url: str
    status: int
    content_type: str
    body: bytes
    charset: str = "utf-8"
    etag: str = ""
    last_modified: str = ""
    max_age_s: int = 0

    @property
    def text(self) -> str:
        try:
            return self.body.decode(self.charset, "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class WebhookFailure:
    """No document. ``code`` is Twilio's, ``status`` HTTP's where there was one, ``url`` the one first asked."""

    code: int
    text: str
    url: str
    status: int | None = None


Answer = FetchedDocument | WebhookFailure


class _Failed(TelecoreError):
    """One hop failed. ``again``: nothing had been answered yet, so it may be tried once more."""

    def __init__(self, code: int, text: str, *, status: int | None = None, again: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status
        self.again = again


class _Forbidden(OSError):
    """The name leads to addresses that may not be asked."""


class _GuardedResolver(AbstractResolver):
    """Judges what a name resolves to at the moment of connecting, so that no later answer of DNS can differ."""

    def __init__(self, policy: AddressPolicy, within_s: float) -> None:
        self._policy = policy
        self._within_s = within_s
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        try:
            async with asyncio.timeout(self._within_s):
                found = await self._inner.resolve(host, port, family)
        except TimeoutError as error:
            raise OSError(errno.ETIMEDOUT, "the name server did not answer") from error
        allowed = [entry for entry in found if self._policy.allows(entry["host"])]
        if not allowed:
            raise _Forbidden(f"{host} leads to no address that may be asked")
        return allowed

    async def close(self) -> None:
        await self._inner.close()


class WebhookClient:
    """Asks customers' servers. One connection pool for all; nothing follows a name to a forbidden address."""

    def __init__(self, policy: AddressPolicy, timeouts: Timeouts = Timeouts(), per_account: int = PER_ACCOUNT) -> None:
        self._policy = policy
        self._timeouts = timeouts
        self._per_account = per_account
        self._gates: dict[tuple[AccountSid, str], asyncio.Semaphore] = {}
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def fetch(self, ask: WebhookRequest, cookies: Cookies | None = None) -> Answer:
        """The answer of the application, after at most ``total_s``. Never raises for what the far end does."""
        gate = self._gates.setdefault((ask.account, ask.lane), asyncio.Semaphore(self._per_account))
        try:
            async with asyncio.timeout(self._timeouts.total_s), gate:
                return await self._follow(ask, cookies)
        except TimeoutError:
            return WebhookFailure(11200, f"no complete answer within {self._timeouts.total_s:g} s", ask.url)
        except InvalidUrl as error:
            return WebhookFailure(11100, error.message, ask.url)
        except _Failed as failed:
            return WebhookFailure(failed.code, failed.text, ask.url, failed.status)

    async def _follow(self, ask: WebhookRequest, cookies: Cookies | None) -> FetchedDocument:
        hop = replace(ask, url=canonical(ask.url))
        for _ in range(MAX_REDIRECTS + 1):
            found = await self._try_twice(hop, cookies)
            if isinstance(found, FetchedDocument):
                return found
            hop = found
        raise _Failed(11215, f"more than {MAX_REDIRECTS} redirects")

    async def _try_twice(self, hop: WebhookRequest, cookies: Cookies | None) -> FetchedDocument | WebhookRequest:
        try:
            return await self._once(hop, cookies)
        except _Failed as failed:
            if not failed.again:
                raise
            log.info("webhook %s: %s; trying once more", shown(hop.url), failed)
        return await self._once(hop, cookies)

    async def _once(self, hop: WebhookRequest, cookies: Cookies | None) -> FetchedDocument | WebhookRequest:
        """One request: the document, or the request that a redirect asks for."""
        if not self._policy.allows_literal(urlsplit(hop.url).hostname or ""):
            raise _Failed(11205, "the address is not public and not on the allow-list")
        post = hop.method != "GET"
        url = hop.url if post else with_query(hop.url, hop.params)
        target = URL(url, encoded=True)
        try:
            async with self._open().request(
                "POST" if post else "GET",
                target,
                data=urlencode(hop.params).encode() if post else None,
                headers=_headers(hop, url, post),
                cookies=cookies.of(target) if cookies else None,
                allow_redirects=False,
            ) as response:
                if cookies is not None:
                    cookies.heard(target, response.cookies)
                return await _read(response, hop)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _translated(error) from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=_GuardedResolver(self._policy, self._timeouts.connect_s),
                use_dns_cache=False,
                limit=0,  # bounded per account, so that one customer's slow server delays nobody else
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._timeouts.connect_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session


def shown(url: str) -> str:
    """A URL as a log may show it: without credentials and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _headers(hop: WebhookRequest, url: str, post: bool) -> dict[str, str]:
    headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity", **hop.headers}
    if post:
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
    headers["I-Twilio-Idempotency-Token"] = hop.token
    if hop.secret:
        headers["X-Twilio-Signature"] = sign(hop.secret, url, tuple(hop.params.items()) if post else ())
    return headers


async def _read(response: aiohttp.ClientResponse, hop: WebhookRequest) -> FetchedDocument | WebhookRequest:
    location = response.headers.get("Location", "")
    if response.status in {301, 302, 303, 307, 308} and location:
        return _redirected(hop, response.status, canonical(urljoin(hop.url, location)))
    if not (200 <= response.status < 300 or (response.status == 304 and hop.headers)):
        raise _Failed(11200, f"the server answered {response.status}", status=response.status)
    if response.headers.get("Content-Encoding", "identity").lower() not in {"identity", ""}:
        raise _Failed(11200, "the answer is compressed, which was not asked for", status=response.status)
    return FetchedDocument(
        url=hop.url,
        status=response.status,
        content_type=response.content_type if "Content-Type" in response.headers else "",
        body=await _read_body(response, hop.limit),
        charset=response.charset or "utf-8",
        etag=response.headers.get("ETag", ""),
        last_modified=response.headers.get("Last-Modified", ""),
        max_age_s=_max_age(response.headers.get("Cache-Control", "")),
    )


def _max_age(cache_control: str) -> int:
    """Seconds for which the answer need not be asked for again (RFC 9111 §5.2.2)."""
    if "no-store" in cache_control or "no-cache" in cache_control:
        return 0
    found = re.search(r"max-age\s*=\s*\"?(\d{1,9})", cache_control)
    return int(found[1]) if found else 0


def _redirected(hop: WebhookRequest, status: int, url: str) -> WebhookRequest:
    """As browsers do: 307 and 308 repeat the request, the others make it a GET without its fields."""
    if status in {307, 308}:
        return replace(hop, url=url)
    return replace(hop, url=url, method="GET", params={})


async def _read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            response.close()  # the rest is not worth its transfer
            raise _Failed(11750, f"the answer is longer than {limit} bytes", status=response.status)
    return bytes(body)


def _translated(error: Exception) -> _Failed:
    """aiohttp's errors as Twilio's codes."""
    cause = getattr(error, "os_error", None)
    if isinstance(cause, _Forbidden):
        return _Failed(11205, f"{cause}; it is not public and not on the allow-list")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return _Failed(11210, "the host name cannot be resolved", again=True)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _Failed(11237, "the server's certificate is not trusted")
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return _Failed(11220, "the TLS handshake failed")
    if isinstance(error, (aiohttp.ClientConnectionError, OSError)):
        return _Failed(11205, f"the connection failed ({type(error).__name__})", again=True)
    if isinstance(error, (aiohttp.InvalidURL, ValueError)):
        return _Failed(11100, "the URL is not valid")
    return _Failed(11206, "the server broke the rules of HTTP")
