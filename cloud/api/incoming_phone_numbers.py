"""``/IncomingPhoneNumbers``: the numbers of the account's SIMs."""

from __future__ import annotations

from cloud.api import render
from cloud.api.asks import Ask, guarded, own
from cloud.api.forms import plain_number
from cloud.api.number_forms import number_changes, number_filter
from cloud.api.paging import list_response
from cloud.api.urls import PATHS
from cloud.store import accounts, channels, edges, numbers
from cloud.store.database import Connection, Database
from cloud.store.records import ChannelRecord, NumberRecord, PageOf
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response
from telecore.errors import InvalidRequest
from telecore.ids import E164, AccountSid, ChannelId
from telecore.model import Service

Offers = dict[ChannelId, frozenset[Service]]


class NumbersApi:
    def __init__(self, db: Database, auth: Authenticator) -> None:
        self._db = db
        self._auth = auth

    def routes(self) -> list[Route]:
        handlers = (
            ("POST", "numbers", self.create),
            ("GET", "numbers", self.list_),
            ("GET", "numbers_mobile", self.list_),
            ("GET", "numbers_local", self.none),
            ("GET", "numbers_toll_free", self.none),
            ("GET", "number", self.fetch),
            ("POST", "number", self.update),
            ("DELETE", "number", self.delete),
        )
        return [Route(method, PATHS[path], guarded(self._auth, handler)) for method, path, handler in handlers]

    async def create(self, ask: Ask) -> Response:
        """Take a number whose SIM is in one of the account's channels and that nobody has."""
        wanted = plain_number(ask.form.text("PhoneNumber"))
        if not wanted:
            raise InvalidRequest("A 'PhoneNumber' is required.", field="PhoneNumber", code=21421)
        changes = number_changes(ask.form, None)

        def take(conn: Connection) -> NumberRecord:
            channel = _idle_channel(conn, ask.account, wanted)
            if channel is None:
                raise InvalidRequest(f"PhoneNumber {wanted[:20]} is not available", field="PhoneNumber", code=21422)
            made = numbers.create(conn, ask.account, E164(wanted), channel=channel.channel)
            return numbers.update(conn, made.sid, **changes) or made

        return await self._shown(await self._db.write(take), 201)

    async def list_(self, ask: Ask) -> Response:
        paging, wanted = ask.paging(), number_filter(ask.form)

        def read(conn: Connection) -> tuple[PageOf[NumberRecord], Offers]:
            page = numbers.list_(conn, ask.account, wanted, paging.cursor)
            return page, channels.offers(conn, {found.channel for found in page.items if found.channel is not None})

        page, offers = await self._db.read(read)
        return list_response(
            "incoming_phone_numbers", paging, page, lambda record: render.number(record, _of(record, offers))
        )

    async def none(self, ask: Ask) -> Response:
        """Numbers of SIMs are mobile: of the other kinds there are none."""
        nothing: PageOf[NumberRecord] = PageOf(())
        return list_response("incoming_phone_numbers", ask.paging(), nothing, render.number)

    async def fetch(self, ask: Ask) -> Response:
        return await self._shown(own(ask, await self._db.read(lambda conn: numbers.get(conn, ask.sid))))

    async def update(self, ask: Ask) -> Response:
        def write(conn: Connection) -> NumberRecord:
            record = own(ask, numbers.get(conn, ask.sid))
            changes = number_changes(ask.form, record)
            if ask.form.text("AccountSid"):
                changes["account"] = _reachable(conn, ask.account, ask.form.text("AccountSid"))
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


def _reachable(conn: Connection, account: AccountSid, target: str) -> AccountSid:
    """The account itself, a subaccount of it, or its parent."""
    mine, other = accounts.get(conn, account), accounts.get(conn, target)
    if mine is None or other is None or not (account in (target, other.owner) or mine.owner == target):
        message = f"AccountSid {target[:34]} is not an account that numbers can be moved to"
        raise InvalidRequest(message, field="AccountSid")
    return other.sid


def _idle_channel(conn: Connection, account: AccountSid, number: str) -> ChannelRecord | None:
    """A channel of the account's, or of its parent's, that has this number, if the number is nobody's yet."""
    if numbers.get_by_number(conn, number) is not None:
        return None
    mine = accounts.get(conn, account)
    owners = {account, mine.owner if mine else None}
    for channel in channels.list_(conn):
        edge = edges.get(conn, channel.edge)
        if number in channel.status.own_numbers and edge is not None and edge.account in owners:
            return channel
    return None
