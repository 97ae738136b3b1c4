"""``/AvailablePhoneNumbers``: numbers of SIMs and trunks that may be taken with ``IncomingPhoneNumbers``."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from cloud import numbering
from cloud.api import resources_render as render
from cloud.api.asks import Ask, guarded
from cloud.api.forms import Form
from cloud.api.paging import list_response
from cloud.api.render import Json
from cloud.api.urls import PATHS, list_uri
from cloud.services import idle_numbers
from cloud.services.idle_numbers import Idle, Wanted
from cloud.store.database import Connection, Database
from cloud.store.records import PageOf
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response
from telecore.errors import InvalidRequest
from telecore.model import Service

_KINDS = {
    "available_local": numbering.LOCAL,
    "available_mobile": numbering.MOBILE,
    "available_toll_free": numbering.TOLL_FREE,
}
_SERVICES = (("VoiceEnabled", Service.VOICE), ("SmsEnabled", Service.SMS))
_UNOFFERED = ("MmsEnabled", "FaxEnabled")
_PLACES = ("InPostalCode", "InRegion", "InRateCenter", "InLata", "InLocality", "NearNumber", "NearLatLong")
_CONTAINS = re.compile(r"\+?[0-9A-Za-z*%]{1,20}")
_AREA = re.compile(r"[0-9]{1,6}")


class AvailableNumbersApi:
    def __init__(self, db: Database, auth: Authenticator) -> None:
        self._db = db
        self._auth = auth

    def routes(self) -> list[Route]:
        return [
            Route("GET", PATHS["available_countries"], guarded(self._auth, self.countries)),
            Route("GET", PATHS["available_country"], guarded(self._auth, self.country)),
            *(Route("GET", PATHS[name], guarded(self._auth, self._lister(kind))) for name, kind in _KINDS.items()),
        ]

    async def countries(self, ask: Ask) -> Response:
        """Those in which there are SIMs, idle or not."""

        def read(conn: Connection) -> set[str]:
            found = idle_numbers.reachable(conn, ask.account)
            return {numbering.country_of(number) for channel in found for number in channel.status.own_numbers}

        shown = [_country(ask.account, code) for code in sorted(await self._db.read(read) - {""})]
        return json_response({"countries": shown, "uri": ask.path})

    async def country(self, ask: Ask) -> Response:
        return json_response(_country(ask.account, _code(ask)))

    def _lister(self, kind: str) -> Callable[[Ask], Awaitable[Response]]:
        async def list_(ask: Ask) -> Response:
            paging = ask.paging()
            wanted = _wanted(ask.form, _code(ask), kind)
            found: list[Idle] = []
            if wanted is not None:
                found = await self._db.read(lambda conn: idle_numbers.search(conn, ask.account, wanted))
            start = paging.number * paging.cursor.size
            page = PageOf(tuple(found[start : start + paging.cursor.size]))
            return list_response("available_phone_numbers", paging, page, _shown)

        return list_


def _shown(one: Idle) -> Json:
    return render.available(one.number, one.offers)


def _code(ask: Ask) -> str:
    """The country of the path. Raises NotFound for one that has no numbering plan."""
    code = ask.fields["country"]
    if not numbering.is_country(code):
        raise ask.missing()
    return code


def _wanted(form: Form, country: str, kind: str) -> Wanted | None:
    """What is asked for; None for what no SIM is known to be: in some place, or fit for MMS or fax."""
    contains, area = form.text("Contains"), form.text("AreaCode")
    if contains and not _CONTAINS.fullmatch(contains):
        message = "'Contains' may have up to 20 digits and letters, * for any digit and % for any digits"
        raise InvalidRequest(message, field="Contains", code=21421)
    if area and not _AREA.fullmatch(area):
        raise InvalidRequest("'AreaCode' must be digits", field="AreaCode", code=21451)
    if any(form.text(name) for name in _PLACES) or any(form.boolean(name) for name in _UNOFFERED):
        return None
    services = tuple((service, form.boolean(name)) for name, service in _SERVICES if form.text(name))
    return Wanted(country, kind, contains, area, services)


def _country(account: str, code: str) -> Json:
    below = f"AvailablePhoneNumbers/{code}"
    return {
        "country_code": code,
        "country": numbering.name_of(code),
        "uri": list_uri(account, below),
        "beta": False,
        "subresource_uris": {
            "local": list_uri(account, f"{below}/Local"),
            "toll_free": list_uri(account, f"{below}/TollFree"),
            "mobile": list_uri(account, f"{below}/Mobile"),
        },
    }
