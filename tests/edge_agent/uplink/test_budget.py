"""The month's data: the table of what follows, the account that survives, recordings that wait."""

from __future__ import annotations

import asyncio
import random
from datetime import date, datetime
from pathlib import Path

import pytest

from edge_agent.config import BudgetConfig, CloudConfig, UplinkConfig
from edge_agent.spool import Spool
from edge_agent.uplink.budget import Verdict, detail_of, elapsed, judge, month_after, month_of, release_waits
from edge_agent.uplink.spending import Spending
from telecore.errors import Busy
from telecore.events import CallEnded, SoundChecked
from telecore.ids import CallSid, ChannelId
from telecore.notices import Detail
from telecore.tunnel.meter import Bytes, Traffic
from tests.fakes.tunnel import EDGE, Rig, running, until

FULL, LESS, ESSENTIAL = Detail.FULL, Detail.LESS, Detail.ESSENTIAL


@pytest.mark.parametrize(
    ("share", "month", "detail"),
    [
        (0.0, 0.0, FULL),
        (0.49, 0.0, FULL),
        (0.5, 0.5, FULL),
        (0.5, 0.4, LESS),
        (0.79, 0.78, LESS),
        (0.8, 0.9, LESS),
        (0.8, 0.5, ESSENTIAL),
        (0.95, 0.99, ESSENTIAL),
        (3.0, 0.1, ESSENTIAL),
    ],
)
def test_how_much_is_told(share: float, month: float, detail: Detail) -> None:
    assert detail_of(share, month) is detail


@pytest.mark.parametrize(
    ("hours", "hour", "used_mb", "bulk"),
    [
        (None, 12, 99, True),
        (None, 12, 100, False),
        ("01:00-05:00", 0, 0, False),
        ("01:00-05:00", 1, 0, True),
        ("01:00-05:00", 4, 200, True),
        ("01:00-05:00", 5, 0, False),
        ("22:00-05:00", 23, 0, True),
        ("22:00-05:00", 3, 0, True),
        ("22:00-05:00", 12, 0, False),
    ],
)
def test_when_recordings_go_up(hours: str | None, hour: int, used_mb: int, bulk: bool) -> None:
    verdict = judge(BudgetConfig(100, 1, hours), 100, used_mb * 1_000_000, datetime(2026, 11, 15, hour, 0))
    assert verdict.bulk is bulk
    assert bool(verdict.waits) is not bulk


@pytest.mark.parametrize(
    ("budget_mb", "hours", "hour", "used_mb", "needs_mb", "waits"),
    [
        (None, None, 12, 10**6, 5, False),
        (100, None, 12, 95, 5, False),
        (100, None, 12, 96, 5, True),
        (100, None, 12, 200, 0, False),
        (100, "01:00-05:00", 12, 0, 5, True),
        (100, "01:00-05:00", 2, 99, 5, False),
        (None, "01:00-05:00", 12, 0, 5, True),
    ],
)
def test_when_releases_come_down(budget_mb, hours, hour, used_mb, needs_mb, waits) -> None:  # type: ignore[no-untyped-def]
    budget = BudgetConfig(budget_mb, 1, hours)
    said = release_waits(budget, used_mb * 1_000_000, needs_mb * 1_000_000, datetime(2026, 11, 15, hour, 0))
    assert bool(said) is waits


def test_without_a_budget_nothing_is_held_back() -> None:
    assert judge(BudgetConfig(), None, 10**15, datetime(2026, 11, 15)) == Verdict()


@pytest.mark.parametrize(
    ("begins", "day", "begun"),
    [
        (1, date(2026, 11, 1), date(2026, 11, 1)),
        (15, date(2026, 11, 14), date(2026, 10, 15)),
        (15, date(2026, 11, 15), date(2026, 11, 15)),
        (28, date(2026, 1, 3), date(2025, 12, 28)),
    ],
)
def test_when_a_month_begins(begins: int, day: date, begun: date) -> None:
    assert month_of(BudgetConfig(month_begins=begins), day) == begun


@pytest.mark.parametrize(
    ("kept", "day", "month"),
    [
        (None, date(2026, 11, 3), date(2026, 11, 1)),
        (date(2026, 11, 1), date(2026, 11, 30), date(2026, 11, 1)),
        (date(2026, 11, 1), date(2026, 12, 1), date(2026, 12, 1)),
        (date(2026, 11, 1), date(1970, 1, 1), date(2026, 11, 1)),  # a clock that was never set
        (date(2026, 11, 1), date(2026, 10, 31), date(2026, 11, 1)),  # set back over midnight
        (date(2036, 11, 1), date(2026, 11, 27), date(2026, 11, 1)),  # it had been ten years ahead
    ],
)
def test_clocks_that_are_wrong_begin_no_month(kept: date | None, day: date, month: date) -> None:
    assert month_after(BudgetConfig(), kept, day) == month


def test_how_much_of_the_month_is_over() -> None:
    assert elapsed(BudgetConfig(), datetime(2026, 11, 16)) == pytest.approx(0.5)
    assert elapsed(BudgetConfig(month_begins=16), datetime(2026, 11, 16)) == 0.0


class StillUplink:
    by = "wwan0"
    released = 0

    def count(self) -> None:
        return

    def release_bulk(self) -> None:
        self.released += 1


CLOUD = CloudConfig(
    uplinks=(UplinkConfig(interface="eth0"), UplinkConfig(interface="wwan0", monthly_mb=10)),
    budget=BudgetConfig(monthly_mb=100),
)


async def test_the_account_survives_the_agent(tmp_path: Path) -> None:
    now = datetime(2026, 11, 10)
    spool = await Spool.open(tmp_path / "spool.db")
    first = Spending(CLOUD, spool, uplink=StillUplink, now=lambda: now)
    await first.load()
    first.carried("eth0", Traffic(Bytes(audio=1_000_000), Bytes(events=2_000_000)))
    first.released(100)
    first.carried("wwan0", Traffic(Bytes(bulk=10_000_000), Bytes(overhead=1)))
    await first.save()
    await spool.close()

    spool = await Spool.open(tmp_path / "spool.db")
    second = Spending(CLOUD, spool, uplink=StillUplink, now=lambda: now)
    second.released(7)
    second.carried("eth0", Traffic(Bytes(audio=5), Bytes()))  # before the account was read
    await second.load()
    report = second.report()
    assert (report.month, report.releases) == ("2026-11-01", 107)
    assert report.traffic == Traffic(Bytes(audio=1_000_005, bulk=10_000_000), Bytes(events=2_000_000, overhead=1))
    assert [(one.name, one.used, one.budget) for one in report.uplinks] == [
        ("eth0", 3_000_005, None),
        ("wwan0", 10_000_001, 10_000_000),
    ]
    assert set(second.spent()) == {"wwan0"}
    assert [(name, percent) for name, percent, _ in second.warnings()] == [("wwan0", 100)]
    now = datetime(2026, 12, 1)
    second.look()
    assert (second.report().traffic, second.report().releases) == (Traffic(), 0)
    assert second.warnings() == ()
    await spool.close()


async def test_a_damaged_account_begins_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = await Spool.open(tmp_path / "spool.db")
    await spool.note("data", '{"month": 3}')
    spending = Spending(CLOUD, spool, uplink=StillUplink)
    await spending.load()
    assert spending.account.uplinks == {}
    assert "begins anew" in caplog.text
    await spool.close()


async def test_what_is_told_as_the_budget_goes(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path / "spool.db")
    spending = Spending(CLOUD, spool, uplink=StillUplink, now=lambda: datetime(2026, 11, 2))
    channel, call = ChannelId("site-1/modem1"), CallSid("CA" + "0" * 32)
    good, silent = (
        SoundChecked(call=call, channel=channel, verdict="good"),
        SoundChecked(call=call, channel=channel, verdict="silent"),
    )
    events = (good, silent, CallEnded(call=call, cause=16, by="us"))
    told: dict[Detail, list[bool]] = {}
    for megabytes in (10, 45, 30):
        spending.carried("eth0", Traffic(Bytes(events=megabytes * 1_000_000), Bytes()))
        await spending.load()
        spending.look()
        told[spending.verdict.detail] = [spending.tells(event) for event in events]
    assert told == {
        FULL: [True, True, True],
        LESS: [False, True, True],
        ESSENTIAL: [False, False, True],
    }
    await spool.close()


async def test_a_recording_waits_for_its_hour_and_sms_do_not() -> None:
    rig = Rig()
    recording = rig.edge_blobs.add(random.Random(1).randbytes(300_000))
    cheap = False
    traffic: list[Traffic] = []
    async with rig.cloud():
        uplink = rig.uplink()
        uplink._may_send_bulk = lambda: cheap
        uplink._on_traffic = lambda name, carried: traffic.append(carried)
        async with running(uplink.run()):
            await until(lambda: uplink.connected and rig.hub.connected(EDGE))
            fetch = asyncio.create_task(rig.hub.fetch(EDGE, recording, 300_000, 10))
            rig.up.add("an SMS")
            uplink.wake()
            await until(lambda: rig.at_cloud.values == ["an SMS"])
            await asyncio.sleep(0.3)
            assert not fetch.done()
            uplink.count()
            assert sum(one.up.bulk for one in traffic) == 0
            cheap = True
            uplink.release_bulk()
            await fetch
    carried = sum(traffic, Traffic())
    assert 300_000 < carried.up.bulk < 310_000
    assert carried.up.events > 0
    assert 0 < carried.up.overhead < 60_000
    assert carried.down.overhead > 0


async def test_a_release_that_moves_is_stopped_and_gone_on_from() -> None:
    """The rest of it does not come, though the cloud had read ahead."""
    rig = Rig()
    size = 3_000_000
    release = rig.cloud_blobs.add(random.Random(1).randbytes(size))
    async with rig.cloud():
        uplink = rig.uplink()
        async with running(uplink.run()):
            await until(lambda: uplink.connected)
            fetch = asyncio.create_task(uplink.fetch(release, size, 20))
            while not (came := await rig.edge_blobs.partial(release)):  # noqa: ASYNC110
                await asyncio.sleep(0)
            uplink.stop_fetch(release)
            with pytest.raises(Busy):
                await fetch
            await asyncio.sleep(0.3)
            assert came <= await rig.edge_blobs.partial(release) < size
            passed = rig.proxy.passed[1]
            assert passed < size
            await uplink.fetch(release, size, 20)
            assert rig.proxy.passed[1] < size * 1.2
    assert await rig.edge_blobs.size(release) == size


async def test_what_is_counted_is_what_the_line_carried() -> None:
    """The kernel's own count of the connection, headers apart, is what a proxy before the cloud has seen."""
    rig = Rig()
    traffic: list[Traffic] = []
    async with rig.cloud():
        uplink = rig.uplink()
        uplink._on_traffic = lambda name, carried: traffic.append(carried)
        async with running(uplink.run()):
            await until(lambda: uplink.connected)
            for n in range(200):
                rig.up.add(f"{n} " + "x" * 200)
            uplink.wake()
            await until(lambda: len(rig.at_cloud.values) == 200)
        seen = rig.proxy.passed
    carried = sum(traffic, Traffic())
    assert seen[0] <= carried.up.total <= seen[0] * 1.6
    assert seen[1] <= carried.down.total
    assert carried.up.events > 200 * 200
