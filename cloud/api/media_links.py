"""``/media/…``: the sound of a recording for whoever has a link to it; and making one. Ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from cloud.api.asks import Ask
from cloud.api.audited import audited
from cloud.api.callers import Caller, with_caller
from cloud.api.forms import Form
from cloud.api.recordings import RecordingsApi
from cloud.api.render import iso
from cloud.api.urls import PATHS
from cloud.services.media_links import MediaLinks, is_good, with_key
from cloud.store import accounts, recordings
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord, RecordingRecord
from cloud.store.records.accounts import MAX_LINK_S
from cloud.web import refusals
from cloud.web.auth import Authenticator
from cloud.web.gate import Gate
from cloud.web.http import Request, Response, Route, json_response
from telecore.errors import NotAllowed, NotFound

_RECORDING = "{sid:RE[0-9a-f]{32}}"
_LINK = "/media/{account:AC[0-9a-f]{32}}/{expires:[0-9]{1,12}}/{signature:[A-Za-z0-9_-]{43}}/" + _RECORDING
_A_DAY_S = 86400


class MediaLinksApi:
    def __init__(
        self,
        db: Database,
        gate: Gate,
        links: MediaLinks,
        sound: RecordingsApi,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._db = db
        self._gate = gate
        self._links = links
        self._sound = sound
        self._now = now

    def routes(self) -> list[Route]:
        auth = Authenticator(self._db, self._gate)
        return [
            Route("GET", _LINK, self.wav),
            Route("GET", f"{_LINK}.wav", self.wav),
            Route("GET", f"{_LINK}.mp3", self.mp3),
            audited(self._db, Route("POST", PATHS["media_links"], with_caller(self._db, auth, self.make))),
        ]

    async def wav(self, request: Request) -> Response:
        return await self._open(request, mp3=False)

    async def mp3(self, request: Request) -> Response:
        return await self._open(request, mp3=True)

    async def make(self, request: Request, caller: Caller) -> Response:
        """A link to one recording, for ``ttl`` seconds. Raises NotFound."""
        life_s = Form(request.params()).integer("ttl", _A_DAY_S, 1, MAX_LINK_S)

        def write(conn: Connection) -> tuple[RecordingRecord | None, AccountRecord | None]:
            record = recordings.get(conn, request.fields["sid"])
            if record is None or record.account not in caller.opens:
                return None, None
            account = accounts.get(conn, record.account)
            return record, with_key(conn, account) if account is not None else None

        record, account = await self._db.write(write)
        if record is None or account is None:
            raise NotFound(f"The requested resource {request.path} was not found")
        expires = int(self._now()) + life_s
        url = self._links.signed(account.sid, record.sid, account.media_key, expires)
        return json_response({"url": url, "expires_at": iso(datetime.fromtimestamp(expires, UTC))}, 201)

    async def _open(self, request: Request, *, mp3: bool) -> Response:
        """Whatever is wrong with it, the answer is the same."""
        fields = request.fields
        account = await self._db.read(lambda conn: _active(conn, fields["account"]))
        expires = int(fields["expires"])
        if account is None or not is_good(account, fields["sid"], expires, fields["signature"], self._now()):
            self._gate.refused.count(refusals.LINK, request.remote)
            raise NotAllowed("The link is not valid, or not any more", status=403)
        return await self._sound.sound(Ask(account.sid, account.sid, request.path, fields, request.params()), mp3=mp3)


def _active(conn: Connection, sid: str) -> AccountRecord | None:
    record = accounts.get(conn, sid)
    return record if record is not None and accounts.is_active(conn, record) else None
