"""``/operator/caps``: what accounts may spend, what they have, and what is blocked for them."""

from __future__ import annotations

import time
from itertools import islice

from cloud.dashboard.login import Login
from cloud.dashboard.paths import CAPS
from cloud.dashboard.rendering import Pages
from cloud.services.caps import CapKeeper, counts
from cloud.store import accounts, caps
from cloud.store.caps import Block
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord
from cloud.web.http import Request, Response, Route
from telecore.caps import Step
from telecore.errors import NotAllowed

SHOWN = 500

Row = tuple[AccountRecord, list[Step], list[Block]]


class CapsPage:
    """Of accounts that have caps or blocks; they are set at the command line."""

    def __init__(self, db: Database, pages: Pages, login: Login, keeper: CapKeeper) -> None:
        self._db = db
        self._pages = pages
        self._login = login
        self._keeper = keeper

    def routes(self) -> list[Route]:
        return [Route("GET", CAPS, self.show)]

    async def show(self, request: Request) -> Response:
        session = self._login.session(request)
        if session is None:
            raise NotAllowed("Log in again", status=403)
        rows = await self._db.read(self._rows)
        return self._pages.page("caps.html", operator=session.operator, now=time.time(), rows=rows)

    def _rows(self, conn: Connection) -> list[Row]:
        concerned, every = caps.concerned(conn), counts(self._keeper.defaults)
        those = [one for one in accounts.all_(conn) if one.sid in concerned or (every and one.owner is None)]
        rows = ((one, self._used(conn, one), caps.blocks(conn, one.sid)) for one in those)
        return list(islice((row for row in rows if row[1] or row[2]), SHOWN))

    def _used(self, conn: Connection, account: AccountRecord) -> list[Step]:
        return list(self._keeper.used(conn, self._keeper.bounds(conn, account.sid)[0]).values())
