"""``/v2/Services`` of Twilio's Verify."""

from __future__ import annotations

from datetime import UTC, datetime

from cloud.api import verify_render
from cloud.api.asks import Ask, own, signed_in
from cloud.api.paging import meta_response
from cloud.api.urls import PATHS
from cloud.api.verify_forms import service_changes
from cloud.store import verify
from cloud.store.database import Connection, Database
from cloud.store.records import VerifyServiceRecord
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response
from telecore.ids import new_sid


class VerifyServicesApi:
    """``public_url`` is how this cloud is reached from outside."""

    def __init__(self, db: Database, auth: Authenticator, public_url: str) -> None:
        self._db = db
        self._auth = auth
        self._url = public_url

    def routes(self) -> list[Route]:
        handlers = (
            ("POST", "verify_services", self.create),
            ("GET", "verify_services", self.list_),
            ("GET", "verify_service", self.fetch),
            ("POST", "verify_service", self.update),
            ("DELETE", "verify_service", self.delete),
        )
        return [Route(method, PATHS[path], signed_in(self._auth, handler)) for method, path, handler in handlers]

    async def create(self, ask: Ask) -> Response:
        made = datetime.now(UTC)
        changes = service_changes(ask.form, None)
        blank = VerifyServiceRecord(new_sid("VA"), ask.account, str(changes["friendly_name"]), made, made)

        def write(conn: Connection) -> VerifyServiceRecord:
            verify.insert_service(conn, blank)
            return verify.update_service(conn, blank.sid, **changes, updated_at=made) or blank

        return self._shown(await self._db.write(write), 201)

    async def list_(self, ask: Ask) -> Response:
        paging = ask.paging()
        page = await self._db.read(lambda conn: verify.list_services(conn, ask.account, paging.cursor))
        return meta_response("services", self._url, paging, page, lambda r: verify_render.service(self._url, r))

    async def fetch(self, ask: Ask) -> Response:
        return self._shown(await self._db.read(lambda conn: _own(conn, ask)))

    async def update(self, ask: Ask) -> Response:
        def write(conn: Connection) -> VerifyServiceRecord:
            record = _own(conn, ask)
            return verify.update_service(conn, record.sid, **service_changes(ask.form, record)) or record

        return self._shown(await self._db.write(write))

    async def delete(self, ask: Ask) -> Response:
        await self._db.write(lambda conn: verify.remove_service(conn, _own(conn, ask).sid))
        return Response(204)

    def _shown(self, record: VerifyServiceRecord, status: int = 200) -> Response:
        return json_response(verify_render.service(self._url, record), status)


def _own(conn: Connection, ask: Ask) -> VerifyServiceRecord:
    return own(ask, verify.get_service(conn, ask.sid))
