"""Requests to customers' web applications: signed, bounded, guarded. The only user of aiohttp's client."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType
from yarl import URL

from cloud.services.addresses import AddressPolicy
from cloud.services.connection import CONNECT, READ, Connection, Timeouts, connection_of
from cloud.services.cookies import Cookies
from cloud.services.exchanges import (
    DOCUMENT_LIMIT,
    KEPT,
    Answer,
    FetchedDocument,
    Seen,
    Watch,
    WebhookFailure,
    WebhookRequest,
)
from cloud.services.lookups import Lookups
from cloud.services.urls import InvalidUrl, canonical, shown_url, with_query
from telecore.errors import TelecoreError
from telecore.ids import AccountSid
from telecore.signature import sign

__all__ = [
    "DOCUMENT_LIMIT",
    "Answer",
    "Cookies",
    "FetchedDocument",
    "Timeouts",
    "WebhookClient",
    "WebhookFailure",
    "WebhookRequest",
]

log = logging.getLogger(__name__)

USER_AGENT = "TwilioProxy/1.1"
"""What applications written for Twilio may look for."""
DEFAULTS = Timeouts()
MAX_REDIRECTS = 10
NO_ANSWER = 11200
TOO_LATE = 11203
SOME_S = 0.5
"""How long the text of an error is waited for; what counts is its status."""
PER_ACCOUNT = 50
"""Requests of one account under way at a time, in each lane; more of them wait and nobody else does."""


class _Failed(TelecoreError):
    """One hop failed. ``policy``: which of the retry policies this is a case of, if any."""

    def __init__(self, code: int, text: str, *, status: int | None = None, policy: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status
        self.policy = policy


_asking: ContextVar[str] = ContextVar("asking", default="")
"""Whose request the resolver works for: aiohttp does not tell it."""


class _Forbidden(OSError):
    """The name leads to addresses that may not be asked."""


class _GuardedResolver(AbstractResolver):
    """Judges what a name resolves to at the moment of connecting, so that no later answer of DNS can differ."""

    def __init__(self, policy: AddressPolicy, within_s: float, lookups: Lookups) -> None:
        self._policy = policy
        self._within_s = within_s
        self._lookups = lookups

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._lookups.find(_asking.get(), host, port, int(family), self._within_s)
        allowed = [_entry(host, port, one) for one in found if self._policy.admits(str(one[4][0]), port)]
        if not allowed:
            raise _Forbidden(f"{host} leads to no address that may be asked")
        return allowed

    async def close(self) -> None:
        """A look-up that is under way ends by itself."""


def _entry(host: str, port: int, one: tuple[Any, ...]) -> ResolveResult:
    family, _, proto, _, address = one
    return ResolveResult(
        hostname=host, host=str(address[0]), port=port, family=family, proto=proto, flags=socket.AI_NUMERICHOST
    )


class WebhookClient:
    """Asks customers' servers. One connection pool for all; nothing follows a name to a forbidden address."""

    def __init__(
        self,
        policy: AddressPolicy,
        timeouts: Timeouts = DEFAULTS,
        per_account: int = PER_ACCOUNT,
        lookups: Lookups | None = None,
    ) -> None:
        self._policy = policy
        self._lookups = lookups or Lookups()
        self._timeouts = timeouts
        self._per_account = per_account
        self._gates: dict[tuple[AccountSid, str], asyncio.Semaphore] = {}
        self._session: aiohttp.ClientSession | None = None
        self._watch: Watch | None = None

    def watch(self, watch: Watch) -> None:
        """From now on tell of each exchange."""
        self._watch = watch

    async def close(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def fetch(self, ask: WebhookRequest, cookies: Cookies | None = None) -> Answer:
        """The answer of the application, in the time and by the policy of its URL. Never raises for its faults."""
        gate = self._gates.setdefault((ask.account, ask.lane), asyncio.Semaphore(self._per_account))
        total_s = self._timeouts.total_s
        try:
            wanted = connection_of(ask.url, self._timeouts)
            total_s = wanted.timeouts.total_s
            async with asyncio.timeout(total_s), gate:
                return await self._follow(ask, wanted, cookies)
        except TimeoutError:
            return WebhookFailure(TOO_LATE, f"no complete answer within {total_s:g} s", ask.url)
        except InvalidUrl as error:
            return WebhookFailure(error.code, error.message, ask.url)
        except _Failed as failed:
            return WebhookFailure(failed.code, failed.text, ask.url, failed.status)

    async def _follow(self, ask: WebhookRequest, wanted: Connection, cookies: Cookies | None) -> FetchedDocument:
        hop = replace(ask, url=canonical(ask.url))
        for _ in range(MAX_REDIRECTS + 1):
            found = await self._try(hop, wanted, cookies)
            if isinstance(found, FetchedDocument):
                return found
            hop = found
        raise _Failed(11215, f"more than {MAX_REDIRECTS} redirects")

    async def _try(
        self, hop: WebhookRequest, wanted: Connection, cookies: Cookies | None
    ) -> FetchedDocument | WebhookRequest:
        """As often as the policy allows."""
        for left in range(wanted.retries, 0, -1):
            try:
                return await self._once(hop, wanted.timeouts, cookies)
            except _Failed as failed:
                if failed.policy not in wanted.again:
                    raise
                log.info("webhook %s: %s; trying again, %d left", shown_url(hop.url), failed, left - 1)
        return await self._once(hop, wanted.timeouts, cookies)

    async def _once(
        self, hop: WebhookRequest, timeouts: Timeouts, cookies: Cookies | None
    ) -> FetchedDocument | WebhookRequest:
        """One request: the document, or the request that a redirect asks for."""
        post = hop.method != "GET"
        url = hop.url if post else with_query(hop.url, hop.params)
        seen = Seen(hop, url, _headers(hop, url, post))
        try:
            return await self._exchange(seen, post, timeouts, cookies)
        except _Failed as failed:
            seen.failed(failed.code, failed.text)
            raise
        except asyncio.CancelledError:
            seen.failed(TOO_LATE, "no complete answer in time")
            raise
        finally:
            if self._watch is not None:
                self._watch(seen.exchange())

    async def _exchange(
        self, seen: Seen, post: bool, timeouts: Timeouts, cookies: Cookies | None
    ) -> FetchedDocument | WebhookRequest:
        hop = seen.hop
        target = URL(seen.url, encoded=True)
        if not self._policy.admits_literal(target.host or "", target.port or 0):
            raise _Failed(11205, "the address is not public and not on the allow-list")
        _asking.set(hop.account)
        try:
            async with self._open().request(
                "POST" if post else "GET",
                target,
                data=urlencode(hop.params).encode() if post else None,
                headers=seen.sent,
                cookies=cookies.of(target) if cookies else None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(sock_connect=timeouts.connect_s, sock_read=timeouts.read_s),
            ) as response:
                seen.status, seen.got = response.status, dict(response.headers)
                if cookies is not None:
                    cookies.heard(target, response.cookies)
                return await _read(response, hop, seen.body)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _translated(error) from error

    def _socket(self, found: AddrInfoType) -> socket.socket:
        """The last door, behind all that reads URLs and names: what is connected to is what has been judged here."""
        family, kind, protocol, _, address = found
        if not self._policy.admits(str(address[0]), int(address[1])):
            raise _Forbidden(f"{address[0]} may not be asked")
        return socket.socket(family, kind, protocol)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=_GuardedResolver(self._policy, self._timeouts.connect_s, self._lookups),
                use_dns_cache=False,
                socket_factory=self._socket,
                limit=0,  # bounded per account, so that one customer's slow server delays nobody else
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session


def _headers(hop: WebhookRequest, url: str, post: bool) -> dict[str, str]:
    headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity", **hop.headers}
    if post:
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
    headers["I-Twilio-Idempotency-Token"] = hop.token
    if hop.replay:
        headers["X-Simferry-Replay"] = hop.replay
    if hop.secret:
        headers["X-Twilio-Signature"] = sign(hop.secret, url, tuple(hop.params.items()) if post else ())
    return headers


async def _read(
    response: aiohttp.ClientResponse, hop: WebhookRequest, body: bytearray
) -> FetchedDocument | WebhookRequest:
    """``body`` is filled with what is read, also of an answer that is refused."""
    location = response.headers.get("Location", "")
    if response.status in {301, 302, 303, 307, 308} and location:
        return _redirected(hop, response.status, canonical(urljoin(hop.url, location)))
    if not (200 <= response.status < 300 or (response.status == 304 and hop.headers)):
        await _read_some(response, body)
        policy = f"{response.status // 100}xx"
        raise _Failed(NO_ANSWER, f"the server answered {response.status}", status=response.status, policy=policy)
    if response.headers.get("Content-Encoding", "identity").lower() not in {"identity", ""}:
        raise _Failed(11200, "the answer is compressed, which was not asked for", status=response.status)
    return FetchedDocument(
        url=hop.url,
        status=response.status,
        content_type=response.content_type if "Content-Type" in response.headers else "",
        body=await _read_body(response, hop.limit, body),
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


async def _read_body(response: aiohttp.ClientResponse, limit: int, body: bytearray) -> bytes:
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            response.close()  # the rest is not worth its transfer
            raise _Failed(11750, f"the answer is longer than {limit} bytes", status=response.status)
    return bytes(body)


async def _read_some(response: aiohttp.ClientResponse, body: bytearray) -> None:
    """What an error's page says at its beginning; that it breaks off or stalls changes nothing."""
    with suppress(aiohttp.ClientError, OSError, TimeoutError):
        async with asyncio.timeout(SOME_S):
            await _read_beginning(response, body)


async def _read_beginning(response: aiohttp.ClientResponse, body: bytearray) -> None:
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) >= KEPT:
            response.close()
            return


def _translated(error: Exception) -> _Failed:
    """aiohttp's errors as Twilio's codes."""
    cause = getattr(error, "os_error", None)
    if isinstance(cause, _Forbidden):
        return _Failed(11205, f"{cause}; it is not public and not on the allow-list")
    if isinstance(error, aiohttp.SocketTimeoutError):
        return _Failed(NO_ANSWER, "no answer came in time", policy=READ)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return _Failed(11210, "the host name cannot be resolved", policy=CONNECT)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _Failed(11237, "the server's certificate is not trusted")
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return _Failed(11220, "the TLS handshake failed")
    if isinstance(error, (aiohttp.ClientConnectionError, OSError)):
        return _Failed(11205, f"the connection failed ({type(error).__name__})", policy=CONNECT)
    if isinstance(error, (aiohttp.InvalidURL, ValueError)):
        return _Failed(11100, "the URL is not valid")
    return _Failed(11206, "the server broke the rules of HTTP")
