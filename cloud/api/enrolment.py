"""``POST /edges/enrol``: a one-time token becomes an edge's own key pair, of which only the public half comes here."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from cloud import signing
from cloud.api.urls import PATHS
from cloud.store import edges
from cloud.store.database import Connection, Database
from cloud.store.records import EdgeRecord
from cloud.tunnel.cloud_keys import CloudKeys
from cloud.web.http import Request, Response, Route, json_response
from cloud.web.rate import RateLimit
from telecore.errors import InvalidRequest, NotAllowed
from telecore.ids import EdgeId
from telecore.tunnel.proof import signed_enrolled, signed_enrolment

log = logging.getLogger(__name__)

_MAX_TOKEN = 200
_HEX64 = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")
_QUIET_S = 3600.0
_ADDRESSES = 4096


@dataclass(frozen=True, slots=True)
class Enrolment:
    """``tunnel_url``: where edges connect. ``cut`` ends the tunnel of the device that was this edge until now."""

    keys: CloudKeys
    tunnel_url: str
    cut: Callable[[EdgeId, str], None]


class EnrolmentApi:
    """``limit`` bounds the tries of one address."""

    def __init__(self, db: Database, enrolment: Enrolment, limit: RateLimit) -> None:
        self._db = db
        self._keys = enrolment.keys
        self._tunnel_url = enrolment.tunnel_url
        self._cut = enrolment.cut
        self._limit = limit
        self._told: OrderedDict[str, float] = OrderedDict()

    def routes(self) -> list[Route]:
        return [Route("POST", PATHS["enrol"], self.enrol)]

    async def enrol(self, request: Request) -> Response:
        """``{"token", "key_sha256", "public_key", "signature"}`` → edge, tunnel_url, cloud_key, state, signature.

        An agent of an older version sends the first two; to it the last three are empty.
        """
        self._limit.take(request.remote)
        asked = request.json()
        token, key_sha256 = str(asked.get("token", "")), str(asked.get("key_sha256", ""))
        public = str(asked.get("public_key", ""))
        if not token.isascii() or len(token) > _MAX_TOKEN:
            raise InvalidRequest("'token' is not one of ours", field="token")
        if not _HEX64.fullmatch(key_sha256):
            raise InvalidRequest("'key_sha256' must be 64 lower-case hex digits", field="key_sha256")
        if public:
            _check_owner(token, public, key_sha256, str(asked.get("signature", "")))
        try:
            record, state = await self._db.write(lambda conn: self._enrol(conn, token, key_sha256, public))
        except NotAllowed:
            self._tell_once(request.remote)
            raise
        log.info("edge %s has enrolled from %s", record.edge, request.remote)
        self._limit.forgive(request.remote)
        self._cut(record.edge, "another device has enrolled as this edge")
        proof = self._proof(record, state) if public else {"cloud_key": "", "state": "", "signature": ""}
        return json_response({"edge": record.edge, "tunnel_url": self._tunnel_url, **proof})

    def _enrol(self, conn: Connection, token: str, key_sha256: str, public: str) -> tuple[EdgeRecord, str]:
        record = edges.enrol(conn, token, key_sha256, public_key=public)
        if not public:
            return record, ""
        state = self._keys.new_state(record.edge, 1)
        edges.offer_join(conn, record.edge, "", state, "")
        return record, state

    def _proof(self, record: EdgeRecord, state: str) -> dict[str, str]:
        key = self._keys.public[0]
        message = signed_enrolled(record.edge, record.public_key, self._tunnel_url, state, key)
        return {"cloud_key": key, "state": state, "signature": self._keys.sign(key, message)}

    def _tell_once(self, address: str) -> None:
        """The first of an address within an hour; the rest is in the count of requests that were refused."""
        now = asyncio.get_running_loop().time()
        before = self._told.pop(address, float("-inf"))
        self._told[address] = now
        while len(self._told) > _ADDRESSES:
            self._told.popitem(last=False)
        if now - before > _QUIET_S:
            log.warning("an enrolment from %s was refused: token unknown, used or expired", address)


def _check_owner(token: str, public: str, key_sha256: str, signature: str) -> None:
    """Raises InvalidRequest unless whoever enrols has the private key."""
    if not _HEX64.fullmatch(public):
        raise InvalidRequest("'public_key' must be 64 lower-case hex digits", field="public_key")
    message = signed_enrolment(token, public, key_sha256)
    if not _SIGNATURE.fullmatch(signature) or not signing.verify(public, message, signature):
        raise InvalidRequest("'signature' is not made with the private key of 'public_key'", field="signature")
