"""Routes of the operator's page."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from cloud.api.fleet import Tasks
from cloud.api.webhooks import WebhookReplays
from cloud.dashboard.access import LOOK_AT_ALL
from cloud.dashboard.audit_page import AuditPage
from cloud.dashboard.caps_page import CapsPage
from cloud.dashboard.channel_page import ChannelPage
from cloud.dashboard.live import SECTIONS, events, sections
from cloud.dashboard.login import HOME, Doors, Login
from cloud.dashboard.looks import look_of
from cloud.dashboard.me_page import MePage
from cloud.dashboard.releases_page import ReleasesPage
from cloud.dashboard.rendering import HEADERS, all_pages
from cloud.dashboard.scope import fleet_of
from cloud.dashboard.sessions import Session
from cloud.dashboard.sites_page import SitesPage
from cloud.dashboard.webhooks_page import WebhooksPage
from cloud.fleet.snapshot import WholeFleet
from cloud.services.caps import CapKeeper
from cloud.services.edge_desk import EdgeDesk
from cloud.store.database import Database
from cloud.web.errors import TooMany
from cloud.web.http import Request, Response, Route
from cloud.web.refusals import Refusals
from telecore.errors import NotAllowed

READERS = 50
"""Pages that may be open at a time."""


class Dashboard:
    """``public_url`` decides whether cookies are for HTTPS only."""

    def __init__(
        self,
        db: Database,
        fleet: WholeFleet,
        tasks: Tasks,
        public_url: str,
        *,
        webhooks: WebhookReplays,
        edges: EdgeDesk,
        caps: CapKeeper,
        doors: Doors | None = None,
        refused: Refusals | None = None,
        data_dir: Path | None = None,
    ) -> None:
        self._db = db
        self._fleet = fleet
        self._pages = all_pages()
        secure = public_url.startswith("https:")
        self._login = Login(db, self._pages, secure=secure, doors=doors, refused=refused)
        self._me = MePage(db, self._pages, self._login)
        self._audit = AuditPage(db, self._pages, self._login, data_dir)
        self._caps = CapsPage(db, self._pages, self._login, caps)
        self._channel = ChannelPage(db, fleet, tasks, self._pages, self._login)
        self._webhooks = WebhooksPage(db, webhooks, self._pages, self._login)
        self._sites = SitesPage(db, edges, self._pages, self._login)
        self._releases = ReleasesPage(db, self._pages, self._login)
        self._readers = 0

    def routes(self) -> list[Route]:
        routes = [
            Route("GET", HOME, self.home),
            Route("GET", f"{HOME}/", self.home),
            Route("GET", f"{HOME}/events", self.live),
            Route("GET", f"{HOME}/static/{{name}}", self.static),
            *self._channel.routes(),
            *self._webhooks.routes(),
            *self._sites.routes(),
            *self._releases.routes(),
            *self._me.routes(),
            *self._audit.routes(),
            *self._caps.routes(),
            *self._login.routes(),
        ]
        return [self._login.guarded(route) for route in routes]

    async def home(self, request: Request) -> Response:
        """The page, or the form that leads to it."""
        session = self._login.session(request)
        if session is None:
            return self._login.form()
        look = look_of(request)
        shown = await sections(fleet_of(session, self._fleet, self._db), look, self._pages)
        return self._pages.page(
            "fleet.html",
            operator=session.operator,
            csrf=session.csrf,
            now=time.time(),
            sections=shown,
            names=SECTIONS,
            look=look,
            sees_audit=session.role in LOOK_AT_ALL,
        )

    async def live(self, request: Request) -> Response:
        session = self._login.session(request)
        if session is None:
            raise NotAllowed("Log in again", status=403)
        if self._readers >= READERS:
            raise TooMany("Too many pages are open", 30)
        return Response(content_type="text/event-stream", headers=HEADERS, stream=self._counted(request, session))

    async def static(self, request: Request) -> Response:
        return self._pages.static(request.fields["name"])

    def _is_alive(self, request: Request) -> bool:
        return self._login.session(request) is not None

    async def _counted(self, request: Request, session: Session) -> AsyncIterator[bytes]:
        """Until the session ends; that of an operator who is disabled, at the next news or comment."""
        self._readers += 1
        fleet = fleet_of(session, self._fleet, self._db)
        try:
            alive = partial(self._is_alive, request)
            async for event in events(fleet, look_of(request), self._pages, alive):
                if await self._login.admit(request, used=False) is None:
                    return
                yield event
        finally:
            self._readers -= 1
