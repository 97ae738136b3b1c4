"""``POST /edges/enrol``: a one-time token becomes an edge's own key. Only the key's hash ever comes here."""

from __future__ import annotations

import logging
import re

from cloud.api.urls import PATHS
from cloud.store import edges
from cloud.store.database import Database
from cloud.web.http import Request, Response, Route, json_response
from cloud.web.rate import RateLimit
from telecore.errors import InvalidRequest, NotAllowed

log = logging.getLogger(__name__)

_MAX_TOKEN = 200
_SHA256 = re.compile(r"[0-9a-f]{64}")


class EnrolmentApi:
    """``tunnel_url`` is where edges connect; ``limit`` bounds the tries of one address."""

    def __init__(self, db: Database, tunnel_url: str, limit: RateLimit) -> None:
        self._db = db
        self._tunnel_url = tunnel_url
        self._limit = limit

    def routes(self) -> list[Route]:
        return [Route("POST", PATHS["enrol"], self.enrol)]

    async def enrol(self, request: Request) -> Response:
        """``{"token", "key_sha256"}`` → ``{"edge", "tunnel_url"}``."""
        self._limit.take(request.remote)
        asked = request.json()
        token, key = str(asked.get("token", "")), str(asked.get("key_sha256", ""))
        if not token.isascii() or len(token) > _MAX_TOKEN:
            raise InvalidRequest("'token' is not one of ours", field="token")
        if not _SHA256.fullmatch(key):
            raise InvalidRequest("'key_sha256' must be 64 lower-case hex digits", field="key_sha256")
        try:
            record = await self._db.write(lambda conn: edges.enrol(conn, token, key))
        except NotAllowed:
            log.warning("an enrolment from %s was refused: token unknown, used or expired", request.remote)
            raise
        log.info("edge %s has enrolled from %s", record.edge, request.remote)
        self._limit.forgive(request.remote)
        return json_response({"edge": record.edge, "tunnel_url": self._tunnel_url})
