"""Usage, counted from the store, by Twilio's client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cloud.store import accounts, calls, messages
from cloud.store.records import AccountRecord, CallRecord, MessageRecord
from telecore.ids import Address, CallSid, MessageSid, new_sid
from telecore.model import CallStatus, Direction, MessageStatus
from tests.fakes.api_site import HANDSET, NUMBER, Site

DAY = timedelta(days=1)


async def called(
    site: Site, at: datetime, duration_s: int | None, direction: Direction, who: AccountRecord | None = None
) -> None:
    record = CallRecord(
        sid=CallSid(new_sid("CA")),
        account=(who or site.account).sid,
        direction=direction,
        caller=Address(NUMBER),
        called=Address(HANDSET),
        status=CallStatus.COMPLETED if duration_s is not None else CallStatus.BUSY,
        created_at=at,
        updated_at=at,
        duration_s=duration_s,
    )
    await site.db.write(lambda conn: calls.insert(conn, record))


async def texted(site: Site, at: datetime, segments: int, direction: Direction, status: MessageStatus) -> None:
    record = MessageRecord(
        sid=MessageSid(new_sid("SM")),
        account=site.account.sid,
        direction=direction,
        sender=Address(NUMBER),
        recipient=Address(HANDSET),
        body="hello",
        status=status,
        created_at=at,
        updated_at=at,
        segments=segments,
    )
    await site.db.write(lambda conn: messages.insert(conn, record))


@pytest.fixture
async def busy(site: Site) -> Site:
    now = datetime.now(UTC).replace(hour=12)
    await called(site, now, 61, Direction.OUTBOUND_API)
    await called(site, now, 0, Direction.INBOUND)
    await called(site, now, None, Direction.OUTBOUND_API)
    await called(site, now - DAY, 60, Direction.OUTBOUND_DIAL)
    await called(site, now - 40 * DAY, 600, Direction.INBOUND)
    await texted(site, now, 3, Direction.OUTBOUND_API, MessageStatus.DELIVERED)
    await texted(site, now, 1, Direction.OUTBOUND_API, MessageStatus.FAILED)
    await texted(site, now, 2, Direction.INBOUND, MessageStatus.RECEIVED)
    return site


async def counts(site: Site, use) -> dict[str, tuple[str, str]]:
    return {row.category: (row.count, row.usage) for row in await site.twilio(use)}


async def test_today_is_counted_by_category(busy: Site) -> None:
    found = await counts(busy, lambda c: c.usage.records.today.list())
    assert found == {
        "calls": ("2", "2"),
        "calls-inbound": ("1", "0"),
        "calls-outbound": ("1", "2"),
        "recordings": ("0", "0"),
        "sms": ("2", "5"),
        "sms-inbound": ("1", "2"),
        "sms-outbound": ("1", "3"),
        "totalprice": ("0", "0"),
    }
    rows = await busy.twilio(lambda c: c.usage.records.today.list(category="calls"))
    today = datetime.now(UTC).date()
    assert [(row.category, row.start_date, row.end_date) for row in rows] == [("calls", today, today)]
    assert (rows[0].count_unit, rows[0].usage_unit, str(rows[0].price), rows[0].price_unit) == (
        "calls",
        "minutes",
        "0",
        "usd",
    )


async def test_spans(busy: Site) -> None:
    calls_ = "calls"
    today = datetime.now(UTC).date()
    assert (await counts(busy, lambda c: c.usage.records.yesterday.list(category=calls_)))["calls"] == ("1", "1")
    assert (await counts(busy, lambda c: c.usage.records.all_time.list(category=calls_)))["calls"] == ("4", "13")
    assert (await counts(busy, lambda c: c.usage.records.list(category=calls_)))["calls"] == ("4", "13")
    since = today - DAY
    assert (await counts(busy, lambda c: c.usage.records.list(category=calls_, start_date=since)))["calls"] == (
        "3",
        "3",
    )
    _, body = await busy.ask(
        "GET", "Usage/Records.json", [("Category", "calls"), ("StartDate", "-1days"), ("EndDate", "-1days")]
    )
    assert [row["count"] for row in body["usage_records"]] == ["1"]
    days = await busy.twilio(lambda c: c.usage.records.daily.list(category=calls_))
    assert [(row.start_date, row.count) for row in days] == [(today, "2"), (today - DAY, "1"), (today - 40 * DAY, "1")]
    months = await busy.twilio(lambda c: c.usage.records.monthly.list(category=calls_))
    assert sum(int(row.count) for row in months) == 4
    assert len(months) == len({(day.start_date.year, day.start_date.month) for day in days})
    years = await busy.twilio(lambda c: c.usage.records.yearly.list(category=calls_))
    assert sum(int(row.count) for row in years) == 4
    this = await counts(busy, lambda c: c.usage.records.this_month.list(category=calls_))
    last = await counts(busy, lambda c: c.usage.records.last_month.list(category=calls_))
    assert int(this["calls"][0]) + int(last["calls"][0]) >= 3


async def test_subaccounts_count_unless_they_are_left_out(busy: Site) -> None:
    below = await busy.db.write(lambda conn: accounts.create(conn, "Ward", busy.account.sid))
    stranger = await busy.db.write(lambda conn: accounts.create(conn, "Stranger"))
    now = datetime.now(UTC)
    await called(busy, now, 5, Direction.INBOUND, below)
    await called(busy, now, 5, Direction.INBOUND, stranger)
    assert (await counts(busy, lambda c: c.usage.records.today.list()))["calls"] == ("3", "3")
    found = await counts(busy, lambda c: c.usage.records.today.list(include_subaccounts=False))
    assert found["calls"] == ("2", "2")


async def test_pages(busy: Site) -> None:
    _, first = await busy.ask("GET", "Usage/Records.json", [("PageSize", "5")])
    _, second = await busy.ask("GET", "Usage/Records.json", [("PageSize", "5"), ("Page", "1")])
    names = [row["category"] for body in (first, second) for row in body["usage_records"]]
    assert names == sorted(names)
    assert len(names) == 8


@pytest.mark.parametrize(
    "params",
    [
        [("StartDate", "soon")],
        [("StartDate", "2026-02-30")],
        [("EndDate", "9999-12-31")],
        [("StartDate", "2026-02-02"), ("EndDate", "2026-02-01")],
        [("StartDate", "-99999999days")],
        [("IncludeSubaccounts", "perhaps")],
        [("Category", "x" * 61)],
    ],
)
async def test_what_is_wrong(site: Site, params: list[tuple[str, str]]) -> None:
    assert (await site.ask("GET", "Usage/Records.json", params))[0] == 400


async def test_other_categories_have_nothing(site: Site) -> None:
    _, body = await site.ask("GET", "Usage/Records.json", [("Category", "mms")])
    assert body["usage_records"] == []
