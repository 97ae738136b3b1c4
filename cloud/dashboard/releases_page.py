"""``/operator/releases``: what edges are to run, how far each is with it, and whose turn it is."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from cloud.api import releases as api
from cloud.api.forms import Form
from cloud.dashboard.access import MANAGE
from cloud.dashboard.login import Login, go
from cloud.dashboard.paths import RELEASE, RELEASE_ACTIONS, RELEASES
from cloud.dashboard.rendering import Pages
from cloud.dashboard.sessions import Session
from cloud.services import rollout_view, staging
from cloud.services.rollout_view import EdgeProgress, Progress
from cloud.store.database import Connection, Database
from cloud.store.records.releases import ADDED, HALTED, PAUSED, STAGED, ReleaseRecord
from cloud.web.http import Request, Response, Route
from telecore.errors import InvalidRequest, NotFound

_TONES = {"done": "good", "refused": "bad", "reverted": "bad", "unable": "idle", rollout_view.NOT_YET: "idle"}
_STATE_TONES = {STAGED: "good", PAUSED: "waiting", HALTED: "bad", ADDED: "idle"}
_WORDS = {"reverted": "taken back", "done": "kept"}


def _stage(conn: Connection, sha256: str, form: Form, who: str) -> ReleaseRecord:
    again, urgent, percent = form.boolean("again"), form.boolean("urgent"), api.percent_of(form)
    if again and not form.boolean("sure"):
        raise InvalidRequest("Tick “I am sure”: it failed before", field="sure")
    return staging.stage(conn, sha256, percent, again=again, urgent=urgent)


STEPS = {**api.STEPS, "stage": _stage}
"""As by the API, but that what failed before is asked about."""
assert tuple(STEPS) == RELEASE_ACTIONS, "who may do what stands in access.py"


class ReleasesPage:
    def __init__(self, db: Database, pages: Pages, login: Login) -> None:
        self._db = db
        self._pages = pages
        self._login = login

    def routes(self) -> list[Route]:
        return [
            Route("GET", RELEASES, self.show),
            *(Route("POST", f"{RELEASE}/{name}", self._doing(step)) for name, step in STEPS.items()),
        ]

    async def show(self, request: Request) -> Response:
        session = self._login.session(request)
        return await self._page(session) if session is not None else self._login.form()

    def _doing(self, step: api.Step) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            session, form = self._login.check(request), Form(request.params())
            sha256, who = request.fields["sha256"], f"operator {session.operator}"
            try:
                await self._db.write(lambda conn: step(conn, sha256, form, who))
            except (InvalidRequest, NotFound) as error:
                return await self._page(session, error.status, error.message)
            return go(RELEASES)

        return handle

    async def _page(self, session: Session, status: int = 200, problem: str = "") -> Response:
        found = await self._db.read(rollout_view.all_)
        return self._pages.page(
            "releases.html",
            status=status,
            operator=session.operator,
            csrf=session.csrf,
            now=time.time(),
            problem=problem,
            manages=session.role in MANAGE,
            rows=[row(one) for one in found],
        )


def row(one: Progress) -> dict[str, object]:
    """A release as a card shows it."""
    record = one.record
    return {
        "sha256": record.sha256,
        "title": f"{record.what} {record.version}",
        "channel": record.channel,
        "size": f"{record.size / 1e6:.1f} MB",
        "state": record.state,
        "tone": _STATE_TONES[record.state],
        "reason": record.reason,
        "percent": f"{record.percent:g}",
        "attempt": record.attempt,
        "urgent": record.urgent,
        "added_at": record.created_at.timestamp(),
        "counts": [(_WORDS.get(name, name), _TONES.get(name, "waiting"), count) for name, count in one.counts.items()],
        "edges": [_edge(edge) for edge in one.edges],
        "may": {
            "stage": record.state in (ADDED, STAGED, PAUSED),
            "again": record.state == HALTED,
            "pause": record.state == STAGED,
            "resume": record.state == PAUSED,
            "halt": record.state in (STAGED, PAUSED),
        },
    }


def _edge(one: EdgeProgress) -> dict[str, object]:
    return {
        "edge": one.edge,
        "outcome": _WORDS.get(one.outcome, one.outcome),
        "tone": _TONES.get(one.outcome, "waiting"),
        "reason": one.reason,
        "at": one.at.timestamp() if one.at is not None else None,
    }
