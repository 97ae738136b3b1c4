"""``/Queues`` and who waits in them."""

from __future__ import annotations

from datetime import UTC, datetime

from cloud.api import conference_render as shown
from cloud.api.asks import Ask, guarded, own
from cloud.api.forms import Form
from cloud.api.paging import list_response
from cloud.api.urls import PATHS
from cloud.services.queue_desk import QueueDesk
from cloud.store import queues
from cloud.store.database import Connection, Database
from cloud.store.records import Hook, MemberRecord, PageOf, QueueRecord
from cloud.tunnel.queue_steps import DEFAULT_SIZE
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response
from telecore.errors import InvalidRequest
from telecore.stays import MAX_QUEUE
from telecore.twiml.verbs.enqueue import MAX_NAME

BAD_NAME, BAD_URL = 20002, 21205
FRONT = "Front"


class QueuesApi:
    def __init__(self, db: Database, auth: Authenticator, desk: QueueDesk) -> None:
        self._db = db
        self._auth = auth
        self._desk = desk

    def routes(self) -> list[Route]:
        handlers = (
            ("POST", "queues", self.create),
            ("GET", "queues", self.list_),
            ("GET", "queue", self.fetch),
            ("POST", "queue", self.update),
            ("DELETE", "queue", self.delete),
            ("GET", "members", self.list_members),
            ("GET", "member", self.fetch_member),
            ("POST", "member", self.dequeue),
        )
        return [Route(method, PATHS[path], guarded(self._auth, handler)) for method, path, handler in handlers]

    async def create(self, ask: Ask) -> Response:
        name = _name(ask.form)
        if name is None:
            raise InvalidRequest("A 'FriendlyName' is required.", field="FriendlyName", code=BAD_NAME)
        record = await self._desk.create(ask.account, name, _size(ask.form, DEFAULT_SIZE))
        return json_response(shown.queue(record, [], _now()), 201)

    async def list_(self, ask: Ask) -> Response:
        paging = ask.paging()

        def read(conn: Connection) -> tuple[PageOf[QueueRecord], dict[str, list[MemberRecord]]]:
            return queues.list_(conn, ask.account, paging.cursor), queues.sizes(conn, ask.account)

        page, waiting = await self._db.read(read)
        return list_response("queues", paging, page, lambda one: shown.queue(one, waiting.get(one.sid, []), _now()))

    async def fetch(self, ask: Ask) -> Response:
        return await self._shown(own(ask, await self._db.read(lambda conn: queues.get(conn, ask.sid))))

    async def update(self, ask: Ask) -> Response:
        own(ask, await self._db.read(lambda conn: queues.get(conn, ask.sid)))
        size = _size(ask.form, 0) or None
        return await self._shown(await self._desk.update(ask.account, ask.sid, _name(ask.form), size))

    async def delete(self, ask: Ask) -> Response:
        own(ask, await self._db.read(lambda conn: queues.get(conn, ask.sid)))
        await self._desk.delete(ask.account, ask.sid)
        return Response(204)

    async def list_members(self, ask: Ask) -> Response:
        paging = ask.paging()

        def read(conn: Connection) -> tuple[PageOf[MemberRecord], list[MemberRecord]]:
            queue = own(ask, queues.get(conn, ask.fields["queue"]))
            return queues.list_members(conn, queue.sid, paging.cursor), queues.waiting(conn, queue.sid)

        page, waiting = await self._db.read(read)
        return list_response("queue_members", paging, page, lambda one: shown.member(one, waiting, _now()))

    async def fetch_member(self, ask: Ask) -> Response:
        """By CallSid, or ``Front``."""

        def read(conn: Connection) -> list[MemberRecord]:
            return queues.waiting(conn, own(ask, queues.get(conn, ask.fields["queue"])).sid)

        waiting = await self._db.read(read)
        found = own(ask, next((one for one in waiting if ask.sid in (FRONT, one.call)), None))
        return json_response(shown.member(found, waiting, _now()))

    async def dequeue(self, ask: Ask) -> Response:
        queue = own(ask, await self._db.read(lambda conn: queues.get(conn, ask.fields["queue"])))
        hook = ask.form.hook("Url", "Method", url_code=BAD_URL, method_code=21209)
        if not hook.url:
            raise InvalidRequest("A 'Url' is required.", field="Url", code=BAD_URL)
        member = await self._desk.dequeue(ask.account, queue.sid, ask.sid, Hook(hook.url, hook.method))
        return json_response(shown.member(member, [], _now()))

    async def _shown(self, record: QueueRecord) -> Response:
        waiting = await self._db.read(lambda conn: queues.waiting(conn, record.sid))
        return json_response(shown.queue(record, waiting, _now()))


def _name(form: Form) -> str | None:
    name = form.text("FriendlyName").strip()
    if len(name) > MAX_NAME or not name.isprintable():
        message = f"'FriendlyName' may have up to {MAX_NAME} printable characters"
        raise InvalidRequest(message, field="FriendlyName", code=BAD_NAME)
    return name or None


def _size(form: Form, default: int) -> int:
    return form.integer("MaxSize", default, 1, MAX_QUEUE)


def _now() -> datetime:
    return datetime.now(UTC)
