"""``/operator/sites``: who may come in as an edge. Tokens are shown once; what shuts a site out is asked twice."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from cloud.api.forms import Form
from cloud.dashboard.access import MANAGE
from cloud.dashboard.login import Login, go
from cloud.dashboard.looks import beyond, look_of, query
from cloud.dashboard.paths import SITE, SITES
from cloud.dashboard.qr import svg
from cloud.dashboard.rendering import Pages
from cloud.dashboard.sessions import Session
from cloud.fleet.reading import fitting, page_of
from cloud.fleet.snapshot import Look
from cloud.services.edge_desk import EdgeDesk
from cloud.store import accounts, edges
from cloud.store.database import Connection, Database
from cloud.store.edges import REVOKED
from cloud.store.records import AccountRecord, EdgeRecord
from cloud.web.http import Request, Response, Route
from telecore.errors import InvalidRequest, NotFound, Refused

_WHY = {REVOKED: "revoked", "cloned": "locked: two devices used its key"}


class SitesPage:
    def __init__(self, db: Database, desk: EdgeDesk, pages: Pages, login: Login) -> None:
        self._db = db
        self._desk = desk
        self._pages = pages
        self._login = login

    def routes(self) -> list[Route]:
        return [
            Route("GET", SITES, self.show),
            Route("POST", f"{SITES}/enrol", self.enrol),
            Route("POST", f"{SITES}/rotate", self.key(drop_old=False)),
            Route("POST", f"{SITES}/drop-old-keys", self.key(drop_old=True)),
            Route("POST", f"{SITE}/revoke", self._doing(self._revoke, sure=True)),
            Route("POST", f"{SITE}/forgive", self._doing(self._forgive, sure=True)),
        ]

    async def show(self, request: Request) -> Response:
        session = self._login.session(request)
        return await self._page(session, look=look_of(request)) if session is not None else self._login.form()

    async def enrol(self, request: Request) -> Response:
        """The token is in this answer and nowhere else."""
        session, form = self._login.check(request), Form(request.params())
        try:
            made = await self._desk.enrol(form.text("name").strip(), form.text("account"))
        except (InvalidRequest, NotFound) as error:
            return await self._page(session, 400, error.message)
        return self._pages.page(
            "site_token.html",
            operator=session.operator,
            edge=made.edge,
            token=made.token,
            command=made.command,
            qr=svg(made.token),
        )

    def key(self, *, drop_old: bool) -> Callable[[Request], Awaitable[Response]]:
        """Makes a new one, or forgets all but the newest."""

        async def handle(request: Request) -> Response:
            session, form = self._login.check(request), Form(request.params())
            if not form.boolean("sure"):
                return await self._page(session, 400, _UNSURE)
            await self._desk.rotate(drop_old=drop_old)
            return go(SITES)

        return handle

    def _doing(self, act: Callable[[str], Awaitable[None]], *, sure: bool) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            session, form = self._login.check(request), Form(request.params())
            if sure and not form.boolean("sure"):
                return await self._page(session, 400, _UNSURE)
            try:
                await act(request.fields["edge"])
            except Refused as error:
                return await self._page(session, error.status, str(error))
            return go(SITES)

        return handle

    async def _revoke(self, edge: str) -> None:
        await self._desk.revoke(edge)

    async def _forgive(self, edge: str) -> None:
        await self._desk.forgive(edge)

    async def _page(
        self,
        session: Session,
        status: int = 200,
        problem: str = "",
        look: Look = Look(),  # noqa: B008
    ) -> Response:
        found, fit, more, owners = await self._db.read(lambda conn: _kept(conn, look))
        return self._pages.page(
            "sites.html",
            status=status,
            operator=session.operator,
            csrf=session.csrf,
            now=time.time(),
            problem=problem,
            manages=session.role in MANAGE,
            keys=self._desk.keys_made_at,
            rows=[row(record, owners) for record in found],
            fit=fit,
            look=look,
            first=query(replace(look, after="")),
            beyond=beyond(look, more),
            accounts=[(owner.sid, owner.friendly_name) for owner in owners.values()],
        )


_UNSURE = "Tick “I am sure”: this shuts sites out, or lets one in."


def row(record: EdgeRecord, owners: dict[str, AccountRecord]) -> dict[str, object]:
    """What a line of the table shows."""
    why = _WHY.get(record.shut_why, record.shut_why)
    state, tone = (
        (why, "bad") if record.shut_at else ("enrolled", "good") if record.enrolled else ("a token", "waiting")
    )
    if record.linked and not record.shut_at:
        state = "connected"
    owner = owners.get(record.account)
    return {
        "edge": record.edge,
        "account": owner.friendly_name if owner is not None else record.account,
        "state": state,
        "tone": tone,
        "key": record.public_key[:16] or ("of an older kind" if record.key_sha256 else ""),
        "enrolled_at": record.enrolled_at.timestamp() if record.enrolled_at else None,
        "seen_at": record.last_seen_at.timestamp() if record.last_seen_at else None,
        "forgivable": record.shut_at is not None and record.shut_why != REVOKED,
        "revocable": record.shut_why != REVOKED,
    }


def _kept(conn: Connection, look: Look) -> tuple[list[EdgeRecord], int, str, dict[str, AccountRecord]]:
    """A page of sites, how many fit, after which name there are more, and all accounts."""
    fit = fitting(conn, edges.standing(conn), replace(look, trouble=False))
    names, more = page_of(conn, fit, look.after)
    found = sorted(edges.list_(conn, names), key=lambda record: record.edge)
    return found, len(fit), more, {record.sid: record for record in accounts.all_(conn)}
