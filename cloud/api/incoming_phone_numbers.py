"""``/IncomingPhoneNumbers``: the numbers of the account's SIMs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cloud import numbering
from cloud.api import render
from cloud.api.asks import Ask, guarded, own
from cloud.api.forms import plain_number
from cloud.api.number_forms import APPLICATIONS, number_changes, number_filter
from cloud.api.paging import list_response
from cloud.api.urls import PATHS
from cloud.services import idle_numbers
from cloud.services.idle_numbers import Idle, Wanted
from cloud.store import accounts, applications, channels, numbers
from cloud.store.database import Connection, Database
from cloud.store.records import NumberRecord, PageOf
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response
from telecore.errors import InvalidRequest
from telecore.ids import AccountSid, ChannelId
from telecore.model import Service
from telecore.numbers import is_e164

Offers = dict[ChannelId, frozenset[Service]]
Answering = Callable[[Ask], Awaitable[Response]]

INVALID, TAKEN, BAD_AREA, NONE_IN_AREA, OTHER_KIND = 21421, 21422, 21451, 21452, 21458
NO_APPLICATION, NO_ACCOUNT, NOT_ACTIVE = 21420, 21470, 21472
_KINDS = {
    "numbers": "",
    "numbers_local": numbering.LOCAL,
    "numbers_mobile": numbering.MOBILE,
    "numbers_toll_free": numbering.TOLL_FREE,
}


class NumbersApi:
    def __init__(self, db: Database, auth: Authenticator) -> None:
        self._db = db
        self._auth = auth

    def routes(self) -> list[Route]:
        one = (("GET", self.fetch), ("POST", self.update), ("DELETE", self.delete))
        lists = [
            Route(method, PATHS[path], guarded(self._auth, made(kind)))
            for path, kind in _KINDS.items()
            for method, made in (("POST", self._creator), ("GET", self._lister))
        ]
        return lists + [Route(method, PATHS["number"], guarded(self._auth, handler)) for method, handler in one]

    def _creator(self, kind: str) -> Answering:
        async def create(ask: Ask) -> Response:
            """Take a number whose SIM is in one of the account's channels and that nobody has."""
            changes = number_changes(ask.form, None)

            def take(conn: Connection) -> NumberRecord:
                found = _asked_for(conn, ask, kind)
                _check_applications(conn, ask.account, changes)
                made = numbers.create(conn, ask.account, found.number, channel=found.channel.channel)
                return numbers.update(conn, made.sid, **changes) or made

            return await self._shown(await self._db.write(take), 201)

        return create

    def _lister(self, kind: str) -> Answering:
        async def list_(ask: Ask) -> Response:
            paging, wanted = ask.paging(), number_filter(ask.form, kind or None)

            def read(conn: Connection) -> tuple[PageOf[NumberRecord], Offers]:
                page: PageOf[NumberRecord] = PageOf(())
                if wanted is not None:
                    page = numbers.list_(conn, ask.account, wanted, paging.cursor)
                names = {found.channel for found in page.items if found.channel is not None}
                return page, channels.offers(conn, names)

            page, offers = await self._db.read(read)
            return list_response(
                "incoming_phone_numbers", paging, page, lambda record: render.number(record, _of(record, offers))
            )

        return list_

    async def fetch(self, ask: Ask) -> Response:
        return await self._shown(own(ask, await self._db.read(lambda conn: numbers.get(conn, ask.sid))))

    async def update(self, ask: Ask) -> Response:
        def write(conn: Connection) -> NumberRecord:
            record = own(ask, numbers.get(conn, ask.sid))
            changes = number_changes(ask.form, record)
            owner = ask.account
            if ask.form.text("AccountSid"):
                owner = changes["account"] = _opened(conn, ask.caller, ask.form.text("AccountSid"))
            if owner != record.account:  # what it refers to stays with the account it leaves
                changes = dict.fromkeys(APPLICATIONS) | changes
            _check_applications(conn, owner, changes)
            return numbers.update(conn, record.sid, **changes) or record

        return await self._shown(await self._db.write(write))

    async def _shown(self, record: NumberRecord, status: int = 200) -> Response:
        names = {record.channel} - {None}
        offers = await self._db.read(lambda conn: channels.offers(conn, {str(name) for name in names}))
        return json_response(render.number(record, _of(record, offers)), status)

    async def delete(self, ask: Ask) -> Response:
        def remove(conn: Connection) -> None:
            numbers.release(conn, own(ask, numbers.get(conn, ask.sid)))

        await self._db.write(remove)
        return Response(204)


def _of(record: NumberRecord, offers: Offers) -> frozenset[Service] | None:
    return offers.get(record.channel) if record.channel is not None else None


def _asked_for(conn: Connection, ask: Ask, kind: str) -> Idle:
    """The number named, or any that begins with the area code. Raises InvalidRequest."""
    number, area = plain_number(ask.form.text("PhoneNumber")), ask.form.text("AreaCode")
    if not number and area:
        return _in_area(conn, ask, kind, area)
    if not is_e164(number):
        message = f"'PhoneNumber' {number[:20]} is not a number: it begins with + and the country's code"
        raise InvalidRequest(message if number else "A 'PhoneNumber' is required.", field="PhoneNumber", code=INVALID)
    found = next((one for one in idle_numbers.idle(conn, ask.account) if one.number == number), None)
    if found is None:
        raise InvalidRequest(f"PhoneNumber {number[:20]} is not available", field="PhoneNumber", code=TAKEN)
    if kind and numbering.kind_of(number) != kind:
        raise InvalidRequest(f"PhoneNumber {number[:20]} is not {kind}", field="PhoneNumber", code=OTHER_KIND)
    return found


def _in_area(conn: Connection, ask: Ask, kind: str, area: str) -> Idle:
    if not (area.isascii() and area.isdigit() and len(area) <= 6):
        raise InvalidRequest("'AreaCode' must be digits", field="AreaCode", code=BAD_AREA)
    found = idle_numbers.search(conn, ask.account, Wanted(kind=kind, area=area))
    if not found:
        raise InvalidRequest(f"No number that begins with {area} is available", field="AreaCode", code=NONE_IN_AREA)
    return found[0]


def _check_applications(conn: Connection, owner: AccountSid, changes: dict[str, object]) -> None:
    for name, parameter in APPLICATIONS.items():
        sid = changes.get(name)
        if sid and applications.of_account(conn, owner, str(sid)) is None:
            message = f"'{parameter}' {str(sid)[:34]} is not an application of this account"
            raise InvalidRequest(message, field=parameter, code=NO_APPLICATION)


def _opened(conn: Connection, caller: AccountSid, target: str) -> AccountSid:
    """An account that the credentials open: the caller's own, or a subaccount of it. Raises InvalidRequest."""
    other = accounts.get(conn, target)
    if other is None or caller not in (other.sid, other.owner):
        message = f"AccountSid {target[:34]} is not an account that numbers can be moved to"
        raise InvalidRequest(message, field="AccountSid", code=NO_ACCOUNT)
    if other.status != "active":
        raise InvalidRequest(f"Account {target[:34]} is not active", field="AccountSid", code=NOT_ACTIVE)
    return other.sid
