"""``/simferry/v1/releases``: what edges are to run, how far each is, and whose turn it is. Ours, not Twilio's.

A release concerns every site there is, so it is for the account that owns all others, where there is one. Where several
accounts are nobody's subaccounts it is for the operator alone, on his page or at the command line: they see none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cloud.api.callers import Caller, with_caller
from cloud.api.forms import Form
from cloud.api.render import Json, iso
from cloud.api.urls import RELEASE, RELEASES
from cloud.services import rollout_view, staging
from cloud.services.rollout_view import Progress
from cloud.store import accounts
from cloud.store.database import Connection, Database
from cloud.store.records.releases import ReleaseRecord
from cloud.web.auth import Authenticator
from cloud.web.http import Request, Response, Route, json_response
from telecore.errors import InvalidRequest, NotFound

MOST_WHY = 400
Step = Callable[[Connection, str, Form, str], ReleaseRecord]


def percent_of(form: Form) -> float:
    """Raises InvalidRequest."""
    try:
        return float(form.text("percent"))
    except ValueError as error:
        raise InvalidRequest("'percent' must be a number above 0, at most 100", field="percent") from error


def _stage(conn: Connection, sha256: str, form: Form, who: str) -> ReleaseRecord:
    urgent = form.boolean("urgent") if form.text("urgent") else None
    return staging.stage(conn, sha256, percent_of(form), again=form.boolean("again"), urgent=urgent)


def halt(conn: Connection, sha256: str, form: Form, who: str) -> ReleaseRecord:
    return staging.halt(conn, sha256, f"{form.text('why')[:MOST_WHY] or 'halted by hand'} ({who})")


STEPS: dict[str, Step] = {
    "stage": _stage,
    "pause": lambda conn, sha256, form, who: staging.pause(conn, sha256),
    "resume": lambda conn, sha256, form, who: staging.resume(conn, sha256),
    "halt": halt,
}


class ReleasesApi:
    """What edges run is changed by an account's own credentials, not by an API key."""

    def __init__(self, db: Database, auth: Authenticator) -> None:
        self._db = db
        self._auth = auth

    def routes(self) -> list[Route]:
        return [
            Route("GET", RELEASES, with_caller(self._db, self._auth, self.list_)),
            Route("GET", RELEASE, with_caller(self._db, self._auth, self.fetch)),
            *(
                Route("POST", f"{RELEASE}/{name}", with_caller(self._db, self._auth, self._doing(step), by_key=False))
                for name, step in STEPS.items()
            ),
        ]

    async def list_(self, request: Request, caller: Caller) -> Response:
        def read(conn: Connection) -> list[Json]:
            return [rendered(one) for one in rollout_view.all_(conn)] if _owns_all(conn, caller) else []

        return json_response({"releases": await self._db.read(read)})

    async def fetch(self, request: Request, caller: Caller) -> Response:
        def read(conn: Connection) -> Json:
            return _shown(conn, _named(conn, caller, request.fields["release"]))

        return json_response(await self._db.read(read))

    def _doing(self, step: Step) -> Callable[[Request, Caller], Awaitable[Response]]:
        async def handle(request: Request, caller: Caller) -> Response:
            form, which = Form(request.params()), request.fields["release"]

            def write(conn: Connection) -> Json:
                record = _named(conn, caller, which)
                return _shown(conn, step(conn, record.sha256, form, f"account {caller.account.sid}"))

            return json_response(await self._db.write(write))

        return handle


def rendered(one: Progress) -> Json:
    record = one.record
    return {
        "sha256": record.sha256,
        "what": record.what,
        "version": record.version,
        "channel": record.channel,
        "size": record.size,
        "state": record.state,
        "reason": record.reason,
        "percent": record.percent,
        "attempt": record.attempt,
        "urgent": record.urgent,
        "added_at": iso(record.created_at),
        "counts": one.counts,
        "edges": [
            {
                "edge": edge.edge,
                "outcome": edge.outcome,
                "reason": edge.reason,
                "at": iso(edge.at),
            }
            for edge in one.edges
        ],
    }


def _shown(conn: Connection, record: ReleaseRecord) -> Json:
    return next(rendered(one) for one in rollout_view.all_(conn) if one.record.sha256 == record.sha256)


def _named(conn: Connection, caller: Caller, which: str) -> ReleaseRecord:
    """By its version, or the first digits of its hash. Raises NotFound, InvalidRequest for several."""
    if not _owns_all(conn, caller):
        raise NotFound(f"there is no release {which[:70]}")
    return staging.named(conn, which)


def _owns_all(conn: Connection, caller: Caller) -> bool:
    """Whether there is no account that is neither the caller's nor a subaccount of his."""
    return [record.sid for record in accounts.roots(conn)] == [caller.account.sid]
