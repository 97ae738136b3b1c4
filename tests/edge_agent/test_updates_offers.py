"""What the agent does of an update: bring what is offered, once, when no call lives; prove itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_agent.updates import offers, trial
from edge_agent.updates.layout import Layout, read_json
from edge_agent.updates.offers import Offers, OfferTimes, Way, layout_of
from edge_agent.updates.states import State
from edge_agent.updates.status import Result, Status, save
from telecore.errors import TunnelDown
from telecore.ids import Sha256
from telecore.notices import Notice, OfferedRelease, UpdatesOffered, UpdatesStand

OFFER = OfferedRelease(Sha256("a" * 64), 7, "program", "0.2.0")
FAST = OfferTimes(poll=0.01, again=0.02, calls=5.0, look=0.01)


class Site:
    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder / "updates")
        self.layout.inbox.mkdir(parents=True)
        self.blob = folder / "blob"
        self.blob.write_bytes(b"release")
        self.fetched: list[str] = []
        self.told: list[UpdatesStand] = []
        self.calls = self.down = self.connected = self.here = False
        self.registered = {"site-1/modem1"}
        self.stopped: list[str] = []
        self.came = self.released_bytes = 0
        self.waits, self.hold = "", asyncio.Event()
        self.hold.set()
        self.offers = Offers(
            self.layout,
            Way(self._fetch, self.stopped.append, lambda sha256: self.blob if self.here else None, self, self),
            tell=self._tell,
            busy=lambda: self.calls,
            registered=lambda: self.registered,
            connected=lambda: self.connected,
            times=FAST,
        )

    async def _fetch(self, sha256: Sha256, size: int, within_s: float) -> None:
        self.fetched.append(sha256)
        if self.down:
            raise TunnelDown("the tunnel is down")
        await self.hold.wait()
        self.here = True

    async def partial(self, sha256: Sha256) -> int:
        return self.came

    async def keep_partial(self, sha256: Sha256) -> None:
        self.kept = True

    def release_waits(self, needs: int) -> str:
        return self.waits

    def released(self, count: int) -> None:
        self.released_bytes += count

    def _tell(self, notice: Notice) -> bool:
        assert isinstance(notice, UpdatesStand)
        self.told.append(notice)
        return True


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not await asyncio.to_thread(what):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_what_is_offered_is_handed_over_once_no_call_lives(site: Site) -> None:
    site.calls = True
    running = asyncio.create_task(site.offers.run())
    site.offers.offered(UpdatesOffered((OFFER,)))
    await until(lambda: site.told and site.told[-1].state == "waiting")
    await asyncio.sleep(0.05)
    assert not await asyncio.to_thread(site.layout.wanted.exists)
    site.calls = False
    await until(site.layout.wanted.exists)

    def check() -> None:
        assert site.layout.release.read_bytes() == b"release"
        assert read_json(site.layout.wanted) == {"release": OFFER.sha256, "attempt": 1}
        assert read_json(site.layout.inbox / trial.CHANNELS) == {"registered": ["site-1/modem1"]}
        assert site.layout.release.stat().st_mode & 0o777 == 0o640
        save(site.layout, Status(results=(Result(OFFER.sha256, "program", "0.2.0", "reverted", "no cloud"),)))
        site.layout.wanted.unlink()

    await asyncio.to_thread(check)
    await until(lambda: site.told[-1].ended)
    await asyncio.sleep(0.05)
    assert site.fetched == [OFFER.sha256]
    assert not await asyncio.to_thread(site.layout.wanted.exists)
    site.offers.offered(UpdatesOffered((replace(OFFER, attempt=2),)))
    await until(site.layout.wanted.exists)
    running.cancel()


async def test_one_that_is_handed_over_while_the_disk_is_looked_at_is_not_handed_over_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, hand_over, handed = offers._look, trial.hand_over, []

    def slow(*args: Any) -> Any:
        seen = look(*args)
        bringing = site.offers._bringing
        while bringing is not None and not bringing.done():
            time.sleep(0.005)
        return seen

    def count(*args: Any) -> None:
        handed.append(args)
        hand_over(*args)

    monkeypatch.setattr(offers, "_look", slow)
    monkeypatch.setattr(trial, "hand_over", count)
    running = asyncio.create_task(site.offers.run())
    site.offers.offered(UpdatesOffered((OFFER,)))
    await until(site.layout.wanted.exists)
    await asyncio.sleep(0.1)
    assert len(handed) == 1
    running.cancel()


async def test_a_bad_link_is_tried_again_and_a_withdrawn_release_is_not(site: Site) -> None:
    site.down = True
    running = asyncio.create_task(site.offers.run())
    site.offers.offered(UpdatesOffered((OFFER,)))
    await until(lambda: len(site.fetched) > 2)
    site.offers.offered(UpdatesOffered(()))
    await asyncio.sleep(0.05)
    seen = len(site.fetched)
    site.down = False
    await asyncio.sleep(0.1)
    assert len(site.fetched) == seen
    assert not await asyncio.to_thread(site.layout.wanted.exists)
    running.cancel()


async def test_it_waits_for_its_hour_goes_on_from_there_and_is_counted_once(site: Site) -> None:
    site.waits = "for the cheap hours, 01:00-05:00"
    site.hold.clear()
    running = asyncio.create_task(site.offers.run())
    site.offers.offered(UpdatesOffered((OFFER,)))
    await until(lambda: site.told and site.told[-1].reason == site.waits)
    assert (site.told[-1].state, site.fetched) == ("waiting", [])
    site.waits = ""
    await until(lambda: site.fetched)
    site.came = 4
    await until(lambda: site.told[-1].reason == "program 0.2.0: 50 %")
    site.waits = "for the cheap hours, 01:00-05:00"  # they are over
    await until(lambda: site.stopped and site.told[-1].state == "waiting" and site.kept)
    site.waits = ""
    site.hold.set()
    await until(site.layout.wanted.exists)
    assert site.fetched == [OFFER.sha256] * 2
    assert site.released_bytes == OFFER.size
    running.cancel()


async def test_one_that_is_here_waits_for_no_data_and_is_not_counted_again(site: Site) -> None:
    """The agent was begun anew while it waited for calls to end."""
    site.here, site.waits = True, "for the cheap hours, 01:00-05:00"
    running = asyncio.create_task(site.offers.run())
    site.offers.offered(UpdatesOffered((OFFER,)))
    await until(site.layout.wanted.exists)
    assert (site.fetched, site.released_bytes) == ([], 0)
    running.cancel()


async def test_an_urgent_one_does_not_wait(site: Site) -> None:
    site.waits = "for the cheap hours, 01:00-05:00"
    running = asyncio.create_task(site.offers.run())
    site.offers.offered(UpdatesOffered((replace(OFFER, urgent=True),)))
    await until(site.layout.wanted.exists)
    assert site.released_bytes == OFFER.size
    running.cancel()


async def test_a_trial_is_proved_by_the_cloud_and_the_channels(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "is_ours", lambda layout, status: status.state is State.TRIAL)
    on_trial = Status(State.TRIAL, release="b" * 64, what="program", version="0.2.0", trial="program-x")
    await asyncio.to_thread(trial.remember_channels, site.layout, {"site-1/modem1"})
    await asyncio.to_thread(save, site.layout, on_trial)
    site.registered = set()
    running = asyncio.create_task(site.offers.run())
    doubts = site.layout.inbox / "doubts.json"
    await until(lambda: "cloud" in str(read_json(doubts)))
    site.connected = True
    await until(lambda: "modem1" in str(read_json(doubts)))
    assert not await asyncio.to_thread(site.layout.confirmed.exists)
    site.registered = {"site-1/modem1", "site-1/modem2"}
    await until(site.layout.confirmed.exists)
    assert await asyncio.to_thread(read_json, site.layout.confirmed) == {"trial": "program-x"}
    assert site.told[-1].state == "trial"
    running.cancel()


def test_only_what_the_launcher_started_takes_releases(tmp_path: Path) -> None:
    assert layout_of({}) is None
    assert layout_of({"SIMFERRY_UPDATES": str(tmp_path)}) == Layout(tmp_path)
