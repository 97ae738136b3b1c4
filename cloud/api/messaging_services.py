"""``/v1/Services`` of Twilio's messaging API: numbers that send as one."""

from __future__ import annotations

from datetime import UTC, datetime

from cloud.api import messaging_render
from cloud.api.asks import Ask, own, signed_in
from cloud.api.messaging_forms import number_sid, service_changes
from cloud.api.paging import meta_response
from cloud.api.urls import PATHS
from cloud.numbering import country_of
from cloud.store import channels, messaging_services, numbers
from cloud.store.database import Connection, Database
from cloud.store.records import Cursor, MessagingServiceRecord, NumberRecord, PageOf, ServiceNumberRecord
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response
from telecore.errors import InvalidRequest
from telecore.ids import new_sid
from telecore.model import Service

IN_IT, FULL, CANNOT_SEND, ELSEWHERE = 21710, 21714, 21715, 21712
MOST_NUMBERS = 400

Shown = tuple[ServiceNumberRecord, NumberRecord, frozenset[Service] | None]


class MessagingServicesApi:
    """``public_url`` is how this cloud is reached from outside: the lists of this API name whole URLs."""

    def __init__(self, db: Database, auth: Authenticator, public_url: str) -> None:
        self._db = db
        self._auth = auth
        self._url = public_url

    def routes(self) -> list[Route]:
        handlers = (
            ("POST", "messaging_services", self.create),
            ("GET", "messaging_services", self.list_),
            ("GET", "messaging_usecases", self.usecases),
            ("GET", "messaging_service", self.fetch),
            ("POST", "messaging_service", self.update),
            ("DELETE", "messaging_service", self.delete),
            ("POST", "service_numbers", self.add_number),
            ("GET", "service_numbers", self.list_numbers),
            ("GET", "service_number", self.fetch_number),
            ("DELETE", "service_number", self.remove_number),
        )
        return [Route(method, PATHS[path], signed_in(self._auth, handler)) for method, path, handler in handlers]

    async def create(self, ask: Ask) -> Response:
        made = datetime.now(UTC)
        changes = service_changes(ask.form, None)
        name = str(changes.pop("friendly_name"))
        blank = MessagingServiceRecord(new_sid("MG"), ask.account, name, made, made)

        def write(conn: Connection) -> MessagingServiceRecord:
            record = messaging_services.insert(conn, blank)
            return messaging_services.update(conn, record.sid, **changes, updated_at=made) or record

        return self._shown(await self._db.write(write), 201)

    async def list_(self, ask: Ask) -> Response:
        paging = ask.paging()
        page = await self._db.read(lambda conn: messaging_services.list_(conn, ask.account, paging.cursor))
        return meta_response("services", self._url, paging, page, lambda r: messaging_render.service(self._url, r))

    async def usecases(self, ask: Ask) -> Response:
        return json_response({"usecases": messaging_render.usecases()})

    async def fetch(self, ask: Ask) -> Response:
        return self._shown(await self._db.read(lambda conn: _service(conn, ask, ask.sid)))

    async def update(self, ask: Ask) -> Response:
        def write(conn: Connection) -> MessagingServiceRecord:
            record = _service(conn, ask, ask.sid)
            return messaging_services.update(conn, record.sid, **service_changes(ask.form, record)) or record

        return self._shown(await self._db.write(write))

    async def delete(self, ask: Ask) -> Response:
        await self._db.write(lambda conn: messaging_services.remove(conn, _service(conn, ask, ask.sid).sid))
        return Response(204)

    # ------------------------------------------------------------------ its numbers

    async def add_number(self, ask: Ask) -> Response:
        wanted = number_sid(ask.form)

        def write(conn: Connection) -> Shown:
            service = _service(conn, ask, ask.fields["service"])
            number = own(ask, numbers.get(conn, wanted))
            _refuse_taken(conn, service, number)
            offers = _offers(conn, number)
            if offers is not None and Service.SMS not in offers:
                message = f"{number.number} cannot send messages"
                raise InvalidRequest(message, field="PhoneNumberSid", code=CANNOT_SEND)
            return messaging_services.add_number(conn, service, number), number, offers

        return json_response(self._number(await self._db.write(write)), 201)

    async def list_numbers(self, ask: Ask) -> Response:
        paging = ask.paging()

        def read(conn: Connection) -> tuple[PageOf[ServiceNumberRecord], dict[str, Shown]]:
            service = _service(conn, ask, ask.fields["service"])
            page = messaging_services.list_numbers(conn, service.sid, paging.cursor)
            return page, {record.sid: _whole(conn, record) for record in page.items}

        page, whole = await self._db.read(read)
        return meta_response("phone_numbers", self._url, paging, page, lambda record: self._number(whole[record.sid]))

    async def fetch_number(self, ask: Ask) -> Response:
        shown = await self._db.read(lambda conn: _whole(conn, _member(conn, ask)))
        return json_response(self._number(shown))

    async def remove_number(self, ask: Ask) -> Response:
        await self._db.write(lambda conn: messaging_services.remove_number(conn, _member(conn, ask)))
        return Response(204)

    def _shown(self, record: MessagingServiceRecord, status: int = 200) -> Response:
        return json_response(messaging_render.service(self._url, record), status)

    def _number(self, shown: Shown) -> dict[str, object]:
        member, number, offers = shown
        return messaging_render.number(self._url, member, number, country_of(number.number), offers)


def _service(conn: Connection, ask: Ask, sid: str) -> MessagingServiceRecord:
    return own(ask, messaging_services.get(conn, sid))


def _member(conn: Connection, ask: Ask) -> ServiceNumberRecord:
    """The number of the path, in the service of the path. Raises NotFound."""
    service, number = _service(conn, ask, ask.fields["service"]), own(ask, numbers.get(conn, ask.sid))
    found = own(ask, messaging_services.membership(conn, number.sid))
    if found.service != service.sid:
        raise ask.missing()
    return found


def _whole(conn: Connection, record: ServiceNumberRecord) -> Shown:
    number = numbers.get(conn, record.number)
    assert number is not None  # a foreign key
    return record, number, _offers(conn, number)


def _offers(conn: Connection, number: NumberRecord) -> frozenset[Service] | None:
    return channels.offers(conn, {number.channel}).get(number.channel) if number.channel is not None else None


def _refuse_taken(conn: Connection, service: MessagingServiceRecord, number: NumberRecord) -> None:
    found = messaging_services.membership(conn, number.sid)
    if found is not None and found.service == service.sid:
        message = "Phone Number already exists in the Messaging Service"
        raise InvalidRequest(message, field="PhoneNumberSid", code=IN_IT, status=409)
    if found is not None:
        message = "Phone Number is associated with another Messaging Service"
        raise InvalidRequest(message, field="PhoneNumberSid", code=ELSEWHERE, status=409)
    if len(messaging_services.list_numbers(conn, service.sid, Cursor(size=MOST_NUMBERS)).items) >= MOST_NUMBERS:
        message = f"A Messaging Service may have up to {MOST_NUMBERS} phone numbers"
        raise InvalidRequest(message, field="PhoneNumberSid", code=FULL)
