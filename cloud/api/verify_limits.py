"""``/v2/Services/VA…/RateLimits`` and their ``/Buckets``."""

from __future__ import annotations

from datetime import UTC, datetime

from cloud.api import verify_forms, verify_render
from cloud.api.asks import Ask, own, signed_in
from cloud.api.paging import meta_response
from cloud.api.urls import PATHS
from cloud.store import verify, verify_limits
from cloud.store.database import Connection, Database
from cloud.store.records import BucketRecord, PageOf, RateLimitRecord, VerifyServiceRecord
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response
from telecore.errors import InvalidRequest
from telecore.ids import new_sid

MOST = 10
TOO_MANY_LIMITS, NAME_TAKEN, TOO_MANY_BUCKETS, INTERVAL_TAKEN = 60207, 60208, 60210, 60211


class VerifyLimitsApi:
    """``public_url`` is how this cloud is reached from outside."""

    def __init__(self, db: Database, auth: Authenticator, public_url: str) -> None:
        self._db = db
        self._auth = auth
        self._url = public_url

    def routes(self) -> list[Route]:
        handlers = (
            ("POST", "verify_rate_limits", self.create),
            ("GET", "verify_rate_limits", self.list_),
            ("GET", "verify_rate_limit", self.fetch),
            ("POST", "verify_rate_limit", self.update),
            ("DELETE", "verify_rate_limit", self.delete),
            ("POST", "verify_buckets", self.create_bucket),
            ("GET", "verify_buckets", self.list_buckets),
            ("GET", "verify_bucket", self.fetch_bucket),
            ("POST", "verify_bucket", self.update_bucket),
            ("DELETE", "verify_bucket", self.delete_bucket),
        )
        return [Route(method, PATHS[path], signed_in(self._auth, handler)) for method, path, handler in handlers]

    async def create(self, ask: Ask) -> Response:
        name, text, made = verify_forms.rate_limit_name(ask.form), verify_forms.description(ask.form), datetime.now(UTC)

        def write(conn: Connection) -> RateLimitRecord:
            service = _service(conn, ask)
            if verify_limits.named(conn, service.sid, name) is not None:
                message = "Rate limit with that UniqueName already exists"
                raise InvalidRequest(message, field="UniqueName", code=NAME_TAKEN)
            if len(verify_limits.of_service(conn, service.sid)) >= MOST:
                raise InvalidRequest(f"A service may have up to {MOST} rate limits", code=TOO_MANY_LIMITS)
            record = RateLimitRecord(new_sid("RK"), ask.account, service.sid, name, made, made, text)
            return verify_limits.insert(conn, record)

        return self._shown(await self._db.write(write), 201)

    async def list_(self, ask: Ask) -> Response:
        paging = ask.paging()

        def read(conn: Connection) -> PageOf[RateLimitRecord]:
            return verify_limits.list_(conn, _service(conn, ask).sid, paging.cursor)

        page = await self._db.read(read)
        return meta_response("rate_limits", self._url, paging, page, lambda r: verify_render.rate_limit(self._url, r))

    async def fetch(self, ask: Ask) -> Response:
        return self._shown(await self._db.read(lambda conn: _limit(conn, ask, ask.sid)))

    async def update(self, ask: Ask) -> Response:
        changes = {"description": verify_forms.description(ask.form)} if ask.form.given("Description") else {}

        def write(conn: Connection) -> RateLimitRecord:
            record = _limit(conn, ask, ask.sid)
            return verify_limits.update_limit(conn, record.sid, **changes) or record

        return self._shown(await self._db.write(write))

    async def delete(self, ask: Ask) -> Response:
        await self._db.write(lambda conn: verify_limits.remove(conn, _limit(conn, ask, ask.sid).sid))
        return Response(204)

    # ------------------------------------------------------------------ buckets

    async def create_bucket(self, ask: Ask) -> Response:
        sizes, made = verify_forms.bucket(ask.form, needed=True), datetime.now(UTC)
        most, interval_s = int(str(sizes["max"])), int(str(sizes["interval_s"]))

        def write(conn: Connection) -> BucketRecord:
            limit = _limit(conn, ask, ask.fields["limit"])
            known = verify_limits.buckets(conn, limit.sid)
            if any(found.interval_s == interval_s for found in known):
                message = "Bucket with the given Interval already exists"
                raise InvalidRequest(message, field="Interval", code=INTERVAL_TAKEN)
            if len(known) >= MOST:
                raise InvalidRequest(f"A rate limit may have up to {MOST} buckets", code=TOO_MANY_BUCKETS)
            sid = new_sid("BL")
            record = BucketRecord(sid, ask.account, limit.service, limit.sid, most, interval_s, made, made)
            return verify_limits.insert_bucket(conn, record)

        return self._bucket(await self._db.write(write), 201)

    async def list_buckets(self, ask: Ask) -> Response:
        paging = ask.paging()

        def read(conn: Connection) -> PageOf[BucketRecord]:
            return verify_limits.list_buckets(conn, _limit(conn, ask, ask.fields["limit"]).sid, paging.cursor)

        page = await self._db.read(read)
        return meta_response("buckets", self._url, paging, page, lambda r: verify_render.bucket(self._url, r))

    async def fetch_bucket(self, ask: Ask) -> Response:
        return self._bucket(await self._db.read(lambda conn: _bucket(conn, ask)))

    async def update_bucket(self, ask: Ask) -> Response:
        changes = verify_forms.bucket(ask.form, needed=False)

        def write(conn: Connection) -> BucketRecord:
            record = _bucket(conn, ask)
            return verify_limits.update_bucket(conn, record.sid, **changes) or record

        return self._bucket(await self._db.write(write))

    async def delete_bucket(self, ask: Ask) -> Response:
        await self._db.write(lambda conn: verify_limits.remove_bucket(conn, _bucket(conn, ask).sid))
        return Response(204)

    def _shown(self, record: RateLimitRecord, status: int = 200) -> Response:
        return json_response(verify_render.rate_limit(self._url, record), status)

    def _bucket(self, record: BucketRecord, status: int = 200) -> Response:
        return json_response(verify_render.bucket(self._url, record), status)


def _service(conn: Connection, ask: Ask) -> VerifyServiceRecord:
    return own(ask, verify.get_service(conn, ask.fields["service"]))


def _limit(conn: Connection, ask: Ask, sid: str) -> RateLimitRecord:
    service, record = _service(conn, ask), own(ask, verify_limits.get(conn, sid))
    if record.service != service.sid:
        raise ask.missing()
    return record


def _bucket(conn: Connection, ask: Ask) -> BucketRecord:
    limit, record = _limit(conn, ask, ask.fields["limit"]), own(ask, verify_limits.get_bucket(conn, ask.sid))
    if record.rate_limit != limit.sid:
        raise ask.missing()
    return record
