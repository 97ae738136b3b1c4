"""Which requests of the API are in the audit log: all that change anything, but for the traffic itself."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl

from cloud.api.urls import CLIENT_SOCKET, PATHS
from cloud.store.database import Database
from cloud.store.records.audit import Entry
from cloud.web.audited import recorded
from cloud.web.auth import credentials
from cloud.web.http import FORM, Request, Response, Route
from telecore.errors import NotAllowed

_MOST_NAMES = 40

TRAFFIC = frozenset(
    {
        ("POST", PATHS["calls"]),
        ("POST", PATHS["call"]),
        ("POST", PATHS["messages"]),
        ("POST", PATHS["message"]),
        ("POST", PATHS["message_feedback"]),
        ("POST", PATHS["conference"]),
        ("POST", PATHS["participants"]),
        ("POST", PATHS["participant"]),
        ("DELETE", PATHS["participant"]),
        ("POST", PATHS["member"]),
        ("POST", PATHS["call_recordings"]),
        ("POST", PATHS["call_recording"]),
        ("POST", PATHS["call_streams"]),
        ("POST", PATHS["call_stream"]),
        ("POST", PATHS["verifications"]),
        ("POST", PATHS["verification"]),
        ("POST", PATHS["verification_check"]),
    }
)
"""Sending, calling, and what is done to a live call: these have records of their own."""


def audited(db: Database, route: Route) -> Route:
    """The route, which leaves an entry if it is one of those that do."""
    if route.method == "GET" or (route.method, route.path) in TRAFFIC or route.path == CLIENT_SOCKET:
        return route

    async def handle(request: Request) -> Response:
        return await recorded(db, entry_of(route, request), lambda: route.handler(request))

    return replace(route, handler=handle)


def entry_of(route: Route, request: Request) -> Entry:
    """The names of what was set stand in it; values may be secrets, and numbers are somebody's."""
    return Entry(
        who=_who(request),
        action=f"{route.method} {route.path}",
        target=request.path,
        source=request.remote,
        detail=", ".join(_names(request)[:_MOST_NAMES]),
    )


def _who(request: Request) -> str:
    if request.path == PATHS["enrol"]:
        return "an edge by its token"
    try:
        return credentials(request)[0]
    except NotAllowed:
        return "nobody known"


def _names(request: Request) -> list[str]:
    body = request.body if request.content_type in ("", FORM) else b""
    text = f"{request.query}&{body[:10_000].decode('utf-8', 'replace')}"
    return sorted({name[:40] for name, _ in parse_qsl(text)})
