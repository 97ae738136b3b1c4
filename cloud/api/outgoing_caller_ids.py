"""``/OutgoingCallerIds``: numbers whose owner has typed a code into a call. No SIM can show one of them."""

from __future__ import annotations

import re

from cloud.api import resources_render as render
from cloud.api.asks import Ask, guarded, own
from cloud.api.forms import Form, plain_number
from cloud.api.paging import list_response
from cloud.api.urls import PATHS
from cloud.services.requests import NewValidation, Validations
from cloud.store import caller_ids
from cloud.store.caller_ids import CallerIdFilter
from cloud.store.database import Connection, Database
from cloud.store.records import CallerIdRecord
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response
from telecore.errors import InvalidRequest
from telecore.ids import E164
from telecore.numbers import is_e164

BAD_NUMBER, BAD_DELAY, BAD_CALLBACK, BAD_DIGITS = 21401, 21454, 21456, 21206
_EXTENSION = re.compile(r"[0-9*#w]{0,32}")


class CallerIdsApi:
    def __init__(self, db: Database, auth: Authenticator, service: Validations) -> None:
        self._db = db
        self._auth = auth
        self._service = service

    def routes(self) -> list[Route]:
        handlers = (
            ("POST", "caller_ids", self.create),
            ("GET", "caller_ids", self.list_),
            ("GET", "caller_id", self.fetch),
            ("POST", "caller_id", self.update),
            ("DELETE", "caller_id", self.delete),
        )
        return [Route(method, PATHS[path], guarded(self._auth, handler)) for method, path, handler in handlers]

    async def create(self, ask: Ask) -> Response:
        """Call the number and ask for the code that the answer tells. 200, as with Twilio: nothing is made yet."""
        record = await self._service.create(ask.account, _new_validation(ask.form))
        return json_response(
            {
                "account_sid": record.account,
                "call_sid": record.call,
                "friendly_name": record.friendly_name,
                "phone_number": record.number,
                "validation_code": record.code,
            }
        )

    async def list_(self, ask: Ask) -> Response:
        paging = ask.paging()
        wanted = CallerIdFilter(ask.form.number("PhoneNumber"), ask.form.text("FriendlyName") or None)
        page = await self._db.read(lambda conn: caller_ids.list_(conn, ask.account, wanted, paging.cursor))
        return list_response("outgoing_caller_ids", paging, page, render.caller_id)

    async def fetch(self, ask: Ask) -> Response:
        record = own(ask, await self._db.read(lambda conn: caller_ids.get(conn, ask.sid)))
        return json_response(render.caller_id(record))

    async def update(self, ask: Ask) -> Response:
        name = ask.form.friendly_name()

        def write(conn: Connection) -> CallerIdRecord:
            record = own(ask, caller_ids.get(conn, ask.sid))
            return (caller_ids.update(conn, record.sid, friendly_name=name) or record) if name else record

        return json_response(render.caller_id(await self._db.write(write)))

    async def delete(self, ask: Ask) -> Response:
        def write(conn: Connection) -> None:
            caller_ids.remove(conn, own(ask, caller_ids.get(conn, ask.sid)).sid)

        await self._db.write(write)
        return Response(204)


def _new_validation(form: Form) -> NewValidation:
    """Raises InvalidRequest."""
    number, extension = plain_number(form.text("PhoneNumber")), form.text("Extension")
    if not is_e164(number):
        message = f"'PhoneNumber' {number[:20]} is not a number that begins with + and a country code"
        raise InvalidRequest(
            message if number else "A 'PhoneNumber' is required.", field="PhoneNumber", code=BAD_NUMBER
        )
    if form.integer("CallDelay", 0, 0, 60, code=BAD_DELAY):
        raise InvalidRequest("'CallDelay' must be 0: the call goes out at once", field="CallDelay", code=BAD_DELAY)
    if not _EXTENSION.fullmatch(extension):
        message = "'Extension' may have up to 32 of 0-9, *, # and w (half a second)"
        raise InvalidRequest(message, field="Extension", code=BAD_DIGITS)
    callback = form.hook("StatusCallback", "StatusCallbackMethod", url_code=BAD_CALLBACK, method_code=21403)
    return NewValidation(E164(number), form.friendly_name(), extension, callback)
