"""``/v2/Services/VA…/Verifications`` and ``/VerificationCheck``, and ``/v2/Attempts``."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, TypeVar

from cloud.api import verify_forms, verify_render
from cloud.api.asks import Ask, own, signed_in
from cloud.api.paging import meta_response
from cloud.api.urls import PATHS
from cloud.services.verify import Check, NewVerification, Sent
from cloud.store import verify
from cloud.store.database import Database
from cloud.store.records import VerificationRecord
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response
from telecore.errors import NotFound
from telecore.ids import AccountSid

T = TypeVar("T")


class Verifying(Protocol):
    """``services.verify.Verify``. Raises NotFound for what does not wait for a code (any more)."""

    async def start(self, account: AccountSid, service: str, wanted: NewVerification) -> Sent: ...
    async def check(
        self, account: AccountSid, service: str, key: str, wanted: Check
    ) -> tuple[VerificationRecord, bool]: ...
    async def fetch(self, account: AccountSid, service: str, key: str) -> Sent: ...
    async def end(self, account: AccountSid, service: str, key: str, status: str) -> Sent: ...


class VerificationsApi:
    """``public_url`` is how this cloud is reached from outside."""

    def __init__(self, db: Database, auth: Authenticator, service: Verifying, public_url: str) -> None:
        self._db = db
        self._auth = auth
        self._service = service
        self._url = public_url

    def routes(self) -> list[Route]:
        handlers = (
            ("POST", "verifications", self.create),
            ("GET", "verification", self.fetch),
            ("POST", "verification", self.update),
            ("POST", "verification_check", self.check),
            ("GET", "verify_attempts", self.attempts),
            ("GET", "verify_summary", self.summary),
            ("GET", "verify_attempt", self.attempt),
        )
        return [Route(method, PATHS[path], signed_in(self._auth, handler)) for method, path, handler in handlers]

    async def create(self, ask: Ask) -> Response:
        wanted = verify_forms.new_verification(ask.form)
        sent = await _found(ask, self._service.start(ask.account, ask.fields["service"], wanted))
        return json_response(verify_render.verification(self._url, sent), 201)

    async def fetch(self, ask: Ask) -> Response:
        sent = await _found(ask, self._service.fetch(ask.account, ask.fields["service"], ask.sid))
        return json_response(verify_render.verification(self._url, sent))

    async def update(self, ask: Ask) -> Response:
        status = verify_forms.final_status(ask.form)
        sent = await _found(ask, self._service.end(ask.account, ask.fields["service"], ask.sid, status))
        return json_response(verify_render.verification(self._url, sent))

    async def check(self, ask: Ask) -> Response:
        key, wanted = verify_forms.target(ask.form), verify_forms.check(ask.form)
        work = self._service.check(ask.account, ask.fields["service"], key, wanted)
        return json_response(verify_render.check(*await _found(ask, work)), 201)

    # ------------------------------------------------------------------ what was sent

    async def attempts(self, ask: Ask) -> Response:
        paging, wanted = ask.paging(), verify_forms.attempt_filter(ask.form)
        page = await self._db.read(lambda conn: verify.list_attempts(conn, ask.account, wanted, paging.cursor))
        return meta_response("attempts", self._url, paging, page, lambda r: verify_render.attempt(self._url, r))

    async def attempt(self, ask: Ask) -> Response:
        record = own(ask, await self._db.read(lambda conn: verify.get_attempt(conn, ask.sid)))
        return json_response(verify_render.attempt(self._url, record))

    async def summary(self, ask: Ask) -> Response:
        wanted = verify_forms.attempt_filter(ask.form)
        counted = await self._db.read(lambda conn: verify.count_attempts(conn, ask.account, wanted))
        return json_response(verify_render.summary(self._url, *counted))


async def _found(ask: Ask, work: Awaitable[T]) -> T:
    """Whatever is not there, it is the path that leads to nothing."""
    try:
        return await work
    except NotFound as error:
        raise ask.missing() from error
