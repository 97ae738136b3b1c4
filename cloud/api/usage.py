"""``/Usage/Records``: what was carried, counted from the store. Prices are the operators', and unknown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cloud.api.asks import Ask, guarded
from cloud.api.paging import list_response
from cloud.api.render import Json
from cloud.api.urls import PATHS, VERSION, list_uri
from cloud.api.usage_forms import UsageWanted, read_usage
from cloud.api.usage_sums import PERIODS, Row, rows_of
from cloud.store import accounts, usage
from cloud.store.database import Connection, Database
from cloud.store.records import Between, PageOf
from cloud.store.rows import now
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route
from telecore.ids import AccountSid


class UsageApi:
    def __init__(self, db: Database, auth: Authenticator) -> None:
        self._db = db
        self._auth = auth

    def routes(self) -> list[Route]:
        return [
            Route("GET", PATHS[f"usage_{name}" if name else "usage"], guarded(self._auth, self._lister(name)))
            for name in ("", *PERIODS)
        ]

    def _lister(self, period: str) -> Callable[[Ask], Awaitable[Response]]:
        async def list_(ask: Ask) -> Response:
            paging, today = ask.paging(), now().date()
            wanted = read_usage(ask.form, period, today)
            found = await self._db.read(lambda conn: _rows(conn, ask.account, wanted, period))
            start = paging.number * paging.cursor.size
            shown = tuple(found[start : start + paging.cursor.size])
            return list_response("usage_records", paging, PageOf(shown), lambda row: rendered(ask.account, row))

        return list_


def _rows(conn: Connection, account: AccountSid, wanted: UsageWanted, period: str) -> list[Row]:
    owners = [account, *(accounts.below(conn, account) if wanted.subaccounts else [])]
    span = Between(wanted.since, wanted.before)
    return rows_of(
        wanted,
        period,
        calls=usage.calls_by_day(conn, owners, span),
        messages=usage.messages_by_day(conn, owners, span),
        recordings=usage.recordings_by_day(conn, owners, span),
    )


def rendered(account: str, row: Row) -> Json:
    about = f"?Category={row.category.name}"
    below = {name: list_uri(account, f"Usage/Records/{word}") + about for name, word in PERIODS.items()}
    return {
        "account_sid": account,
        "api_version": VERSION,
        "as_of": now().strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        "category": row.category.name,
        "description": row.category.description,
        "start_date": row.first.isoformat(),
        "end_date": row.last.isoformat(),
        "count": str(row.count),
        "count_unit": row.category.count_unit,
        "usage": str(row.usage),
        "usage_unit": row.category.usage_unit,
        "price": "0",
        "price_unit": "usd",
        "uri": f"{list_uri(account, 'Usage/Records')}{about}&StartDate={row.first}&EndDate={row.last}",
        "subresource_uris": below,
    }
