"""``/operator/audit``: who did what, whether the log is whole, and what was turned away."""

from __future__ import annotations

import time
from pathlib import Path

from cloud.api.forms import Form
from cloud.dashboard.login import Login
from cloud.dashboard.paths import AUDIT
from cloud.dashboard.rendering import Pages
from cloud.services import audit_anchors
from cloud.store import audit
from cloud.store.database import Database
from cloud.web.http import Request, Response, Route
from telecore.errors import NotAllowed

ROWS = 200
_MOST = 2**62


class AuditPage:
    """``data_dir``: where the heads of the log are kept; without it the chain alone is verified."""

    def __init__(self, db: Database, pages: Pages, login: Login, data_dir: Path | None) -> None:
        self._db = db
        self._pages = pages
        self._login = login
        self._data_dir = data_dir

    def routes(self) -> list[Route]:
        return [Route("GET", AUDIT, self.show)]

    async def show(self, request: Request) -> Response:
        session, form = self._login.session(request), Form(request.params())
        if session is None:
            raise NotAllowed("Log in again", status=403)
        below, who = form.integer("below", _MOST, 1, _MOST), form.text("who")[:200]
        rows = await self._db.read(lambda conn: audit.latest(conn, ROWS, below=below, who=who))
        verdict = await audit_anchors.verify(self._db, self._data_dir) if form.text("verify") else None
        return self._pages.page(
            "audit.html",
            operator=session.operator,
            now=time.time(),
            rows=[(row, row.at.timestamp()) for row in rows],
            more=rows[-1].number if len(rows) == ROWS else 0,
            who=who,
            verdict=verdict,
            refused=[(kind, count) for kind, count in self._login.refused.counts.items() if count],
        )
