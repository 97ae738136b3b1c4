"""How an edge gets its identity: a key made here, a one-time token, and one request to the cloud."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import os
import secrets
import ssl
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge_agent import signing
from edge_agent.config.cloud import CloudConfig, without_tls
from edge_agent.identity import ANSWER_LIMIT, Identity, JoinStates, states_path
from edge_agent.uplink.proxy import Proxy, proxy_for
from telecore.errors import InvalidRequest, NotAllowed, RemoteProtocolError, TimedOut, TunnelDown
from telecore.ids import EdgeId, is_slug
from telecore.tunnel.proof import signed_enrolled, signed_enrolment


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Who we are, and what to show when we first connect."""

    identity: Identity
    states: JoinStates

    def save(self, data_dir: Path) -> None:
        """The identity last: without it the rest is nothing. Raises OSError."""
        self.states.save(states_path(data_dir))
        self.identity.save(data_dir / "identity.json")


async def enrol(
    cloud_url: str,
    token: str,
    *,
    within_s: float = 30.0,
    tls: ssl.SSLContext | None = None,
    cloud: CloudConfig | None = None,
) -> Enrolled:
    """Make a key pair, tell the cloud the public one with the one-time token, and learn who we are and who it is.

    ``cloud``: by which proxy, and whether TLS can be done without; of it nothing else counts here.

    Raises InvalidRequest for an address that is none or has no TLS, NotAllowed for a token the cloud does not take and
    for a tunnel without TLS, TunnelDown, TimedOut, RemoteProtocolError for an answer that makes no sense. Each message
    is one sentence for the operator.
    """
    if urlsplit(cloud_url).scheme not in ("http", "https"):
        raise InvalidRequest(f"{cloud_url!r} must begin with https:// or http://", field="cloud_url")
    cloud = cloud or CloudConfig()
    if without_tls(cloud_url) and not cloud.insecure:
        raise InvalidRequest(
            f"{cloud_url} has no TLS, so anybody on the way could use the token: say https://, or --insecure",
            field="cloud_url",
        )
    proxy = _proxy_for(cloud_url, cloud)
    key, seed = secrets.token_hex(32), signing.new_seed()
    public, hashed = signing.public_of(seed), hashlib.sha256(key.encode()).hexdigest()
    # A cloud of an older version takes the hash and leaves the rest aside.
    body = {"token": token, "key_sha256": hashed, "public_key": public}
    body["signature"] = signing.sign(seed, signed_enrolment(token, public, hashed))
    url = f"{cloud_url.rstrip('/')}/edges/enrol"
    loop = asyncio.get_running_loop()
    executor = ThreadPoolExecutor(1, "enrol")
    try:
        async with asyncio.timeout(within_s):
            answer = await loop.run_in_executor(executor, _post, url, body, within_s, tls, proxy)
    except TimeoutError as error:
        raise TimedOut(f"{cloud_url} did not answer within {within_s:g} s") from error
    finally:
        executor.shutdown(wait=False)
    edge, tunnel = answer.get("edge"), answer.get("tunnel_url")
    if not isinstance(edge, str) or not is_slug(edge) or not isinstance(tunnel, str):
        raise RemoteProtocolError(f"{cloud_url} answered without edge and tunnel_url: is it the cloud controller?")
    _check_tunnel(tunnel, insecure=cloud.insecure)
    if not answer.get("cloud_key"):
        return Enrolled(Identity(EdgeId(edge), key, tunnel), JoinStates())
    identity = Identity(EdgeId(edge), "", tunnel, seed=seed, made_at=time.time())
    return _pinned(identity, public, token, answer)


def _proxy_for(url: str, cloud: CloudConfig) -> Proxy | None:
    try:
        return proxy_for(url, cloud.proxy_url, os.environ)
    except InvalidRequest as error:
        raise InvalidRequest(f"the proxy of this site {error.message}", field="cloud.proxy") from error


def _check_tunnel(url: str, *, insecure: bool) -> None:
    """Raises RemoteProtocolError, NotAllowed for an address that the agent would not connect to."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("ws", "wss") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise RemoteProtocolError(f"the cloud's tunnel_url {url[:200]!r} is no address of a tunnel (wss://…)")
    if without_tls(url) and not insecure:
        raise NotAllowed(
            f"the cloud says its tunnel is at {url}, without TLS: anybody on the way could read and change what goes "
            "through it. Give the cloud's tunnel a certificate (or a proxy with one) and make a new token; or say "
            "--insecure here and cloud.insecure: true in agent.yaml, in a laboratory"
        )


def _pinned(identity: Identity, public: str, token: str, answer: dict[str, Any]) -> Enrolled:
    """Raises RemoteProtocolError, NotAllowed when it is not the cloud that made the token."""
    cloud_key, state = (str(answer.get(name)) for name in ("cloud_key", "state"))
    message = signed_enrolled(identity.edge, public, identity.url, state, cloud_key)
    if not signing.verify(cloud_key, message, str(answer.get("signature"))):
        raise RemoteProtocolError("what the cloud answered is not signed with its key")
    named = token.partition(".")[2]
    if named and not cloud_key.startswith(named):
        raise NotAllowed("this is not the cloud that made the token: somebody stands in between")
    return Enrolled(replace(identity, cloud_keys=(cloud_key,)), JoinStates((state,)))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes where the operator said and nowhere else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _post(
    url: str, body: dict[str, str], timeout_s: float, tls: ssl.SSLContext | None, proxy: Proxy | None
) -> dict[str, Any]:
    """POST JSON, get JSON. Runs in a thread."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    if proxy is not None:  # by CONNECT for https: it sees neither token nor key
        request.set_proxy(f"[{proxy.host}]:{proxy.port}" if ":" in proxy.host else f"{proxy.host}:{proxy.port}", "http")
        if proxy.login:
            request.add_unredirected_header("Proxy-Authorization", proxy.login)
    opener = urllib.request.build_opener(
        _NoRedirect, urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls)
    )
    try:
        with opener.open(request, timeout=timeout_s) as response:
            answer = json.loads(response.read(ANSWER_LIMIT))
    except urllib.error.HTTPError as error:
        raise _refusal(url, error) from error
    except TimeoutError as error:
        raise TimedOut(f"{url} did not answer within {timeout_s:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        why = " ".join(str(getattr(error, "reason", error)).split())[:200]
        raise TunnelDown(f"{url} cannot be reached: {why}") from error
    except ValueError as error:
        raise RemoteProtocolError(f"{url} did not answer with JSON: is it the cloud controller?") from error
    if not isinstance(answer, dict):
        raise RemoteProtocolError(f"{url} did not answer with an object: is it the cloud controller?")
    return answer


def _refusal(url: str, error: urllib.error.HTTPError) -> NotAllowed | TunnelDown:
    with error:
        said = error.read(ANSWER_LIMIT)
    try:
        message = json.loads(said).get("message", "")
    except (ValueError, AttributeError):
        message = ""
    if 400 <= error.code < 500 and error.code not in (408, 429):
        return NotAllowed(f"the cloud does not take this token: {message or f'{url} answered {error.code}'}")
    return TunnelDown(f"{url} answered {error.code} {message}".rstrip())
