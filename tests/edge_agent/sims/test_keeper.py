"""The truth about every SIM, judged over a real spool, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge_agent.config import Quotas, SimConfig, SimsConfig
from edge_agent.contracts import CallFacts, RadioStatus
from edge_agent.inventory import Inventory
from edge_agent.sims.keeper import Sims
from edge_agent.spool import Spool
from telecore.causes import Cause
from telecore.codec import decode_event
from telecore.commands import SetSimHealth
from telecore.errors import InvalidRequest, NotFound
from telecore.events import SimHealthChanged
from telecore.ids import ChannelId, Iccid, Plmn
from telecore.model import ChannelState, SignalLevel, Sim
from telecore.sim_health import Balance, HealthState

S = HealthState
ONE = ChannelId("site/modem1")
HOUR = 3600.0
NUMBERS = [f"+8551200{n:04d}" for n in range(40)]


class Site:
    """Sims with their surroundings, and time."""

    def __init__(self, path: Path, config: SimsConfig) -> None:
        self.path = path
        self.config = config
        self.now = 1000.0
        self.start = 1_772_000_000.0
        self.spool: Spool
        self.sims: Sims
        self.inventory: Inventory

    async def begin(self) -> None:
        """A process of the agent starts."""
        self.spool = await Spool.open(self.path / "spool.db")
        self.inventory = Inventory(busy=lambda channel: 0, changed=lambda: None, wall=self.wall)
        self.sims = Sims(self.spool, self.inventory, self.config, wall=self.wall, clock=lambda: self.now)
        await self.sims.load()

    def wall(self) -> float:
        return self.start + self.now

    async def passes(self, seconds: float) -> None:
        self.now += seconds
        await self.sims.look()

    def radio(
        self, state: ChannelState, n: int = 1, *, dbm: int | None = -70, iccid: str | None = None, **more: object
    ) -> None:
        sim = Sim(Iccid(iccid or f"8985500000000000{n:03d}"), operator=Plmn("45691"))
        signal = SignalLevel(dbm) if dbm is not None else None
        shown = None if state in (ChannelState.ABSENT, ChannelState.LOCKED) else sim
        self.sims.radio(ChannelId(f"site/modem{n}"), RadioStatus(state, shown, signal, **more))  # type: ignore[arg-type]

    def state(self, n: int = 1) -> HealthState:
        status = {entry.channel: entry for entry in self.inventory.statuses()}[ChannelId(f"site/modem{n}")]
        assert status.health is not None
        return status.health.state

    async def told(self) -> list[SimHealthChanged]:
        events = [decode_event(payload) for _, payload in await self.spool.read(0, 1000)]
        return [event for event in events if isinstance(event, SimHealthChanged)]

    async def prove(self, n: int = 1) -> None:
        """Twenty good operations: out of probation."""
        for number in NUMBERS[:20]:
            self.sims.sms_sent(ChannelId(f"site/modem{n}"), number)
        await self.passes(1)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path, SimsConfig())
    await site.begin()
    site.radio(ChannelState.REGISTERED)
    await site.passes(1)
    yield site
    await site.spool.close()


async def test_a_new_sim_is_on_probation_until_it_has_proved_itself(site: Site) -> None:
    assert site.state() is S.PROBATION
    for number in NUMBERS[:19]:
        site.sims.sms_sent(ONE, number)
    await site.passes(1)
    assert site.state() is S.PROBATION
    site.sims.sms_sent(ONE, NUMBERS[19])
    await site.passes(1)
    assert site.state() is S.HEALTHY
    assert [(event.was, event.health.state) for event in await site.told()] == [
        (None, S.PROBATION),
        (S.PROBATION, S.HEALTHY),
    ]
    assert all(event.evidence for event in await site.told())


async def test_what_changes_is_judged_soon_and_a_signal_at_the_next_look(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1

    monkeypatch.setattr(site.sims, "look", look)
    running = asyncio.create_task(site.sims.run())
    try:
        async with asyncio.timeout(4):  # the next look is due after five seconds
            await asyncio.sleep(0.5)  # what the fixture told is judged
            before = looks
            site.radio(ChannelState.REGISTERED, dbm=-90)
            await asyncio.sleep(0.5)
            assert looks == before > 0
            site.radio(ChannelState.SEARCHING, dbm=-90)
            while looks == before:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.wait({running})


@pytest.mark.parametrize(
    ("state", "more", "seconds", "expected"),
    [
        (ChannelState.ABSENT, {}, 11, S.ABSENT),
        (ChannelState.LOCKED, {"lock": "SIM PIN"}, 0, S.LOCKED_PIN),
        (ChannelState.LOCKED, {"lock": "SIM PUK"}, 0, S.LOCKED_PUK),
        (ChannelState.LOCKED, {"lock": "PH-NET PIN"}, 0, S.LOCKED_NET),
        (ChannelState.SEARCHING, {}, 61, S.SEARCHING),
        (ChannelState.DENIED, {}, 181, S.DENIED),
        (ChannelState.DENIED, {"reject_cause": 3}, 0, S.DENIED),
        (ChannelState.DENIED, {"dbm": -105}, 200, S.SEARCHING),
    ],
)
async def test_what_the_modem_says_of_it(
    site: Site, state: ChannelState, more: dict[str, object], seconds: float, expected: HealthState
) -> None:
    await site.prove()
    site.radio(state, **more)  # type: ignore[arg-type]
    await site.passes(0)
    if seconds:
        assert site.state() is S.HEALTHY
    await site.passes(seconds)
    assert site.state() is expected
    site.radio(ChannelState.REGISTERED)
    await site.passes(1)
    if expected is S.DENIED:
        assert site.state() is S.DENIED
        await site.passes(61)
        assert site.state() is S.PROBATION
    else:
        assert site.state() is S.HEALTHY


async def test_a_sim_that_fails_twice_is_broken(site: Site) -> None:
    for reason in ("first", "after a reset"):
        site.radio(ChannelState.FAULTY, fault=13, reason=reason)
    await site.passes(1)
    assert site.state() is S.SIM_FAULT


async def test_refusals_of_the_sim_make_it_rest_longer_each_time_and_then_a_person_is_asked(site: Site) -> None:
    await site.prove()
    for rest_s in (900, 1800):
        for number in NUMBERS[:3]:
            site.sims.sms_refused(ONE, number, "cms", 8)
        await site.passes(1)
        assert site.state() is S.COOLDOWN
        permit = site.sims.sms(ONE, NUMBERS[0])
        assert permit.reason == "the SIM is cooldown: 3 refusals in a row that are about the SIM"
        assert permit.wait_s == pytest.approx(rest_s, abs=2)
        assert site.sims.sms(ONE, NUMBERS[0], urgent=True).granted
        await site.passes(rest_s + 1)
        assert site.state() is S.PROBATION
    for number in NUMBERS[:3]:
        site.sims.sms_refused(ONE, number, "cms", 8)
    await site.passes(1)
    await site.passes(1)
    assert site.state() is S.SUSPECT_BLOCKED
    assert site.sims.sms(ONE, NUMBERS[0]).wait_s is None
    site.sims.self_tested(ONE, True)
    site.sims.self_tested(ONE, True)
    await site.passes(4000)
    assert site.state() is S.PROBATION


async def test_a_destination_that_does_not_exist_is_not_held_against_the_sim(site: Site) -> None:
    await site.prove()
    for number in NUMBERS:
        site.sims.sms_refused(ONE, number, "cms", 1)
        site.sims.call_ended(CallFacts(ONE, number, True, Cause.UNALLOCATED_NUMBER, ring_s=1.0))
        site.sims.call_ended(CallFacts(ONE, number, True, Cause.USER_BUSY, ring_s=2.0))
    await site.passes(1)
    assert site.state() is S.HEALTHY


async def test_doubtful_refusals_count_only_to_many_destinations_and_at_once(site: Site) -> None:
    await site.prove()
    for _ in range(10):
        site.sims.call_ended(CallFacts(ONE, NUMBERS[0], True, Cause.CALL_REJECTED, lasted_s=1.0))
    for number in NUMBERS[:8]:
        site.sims.call_ended(CallFacts(ONE, number, True, Cause.NORMAL_UNSPECIFIED, lasted_s=20.0))
    await site.passes(1)
    assert site.state() is S.HEALTHY
    for number in NUMBERS[:5]:
        site.sims.call_ended(CallFacts(ONE, number, True, Cause.NORMAL_UNSPECIFIED, lasted_s=1.0))
    await site.passes(1)
    assert site.state() is S.COOLDOWN


async def test_a_modem_fault_is_not_the_sims(site: Site) -> None:
    await site.prove()
    for number in NUMBERS[:10]:
        site.sims.sms_refused(ONE, number, "cms", 300)
        site.sims.sms_refused(ONE, number, "error", None)
    await site.passes(1)
    assert site.state() is S.HEALTHY


async def test_an_outage_is_blamed_on_no_sim(tmp_path: Path) -> None:
    site = Site(tmp_path, SimsConfig())
    await site.begin()
    for n in range(1, 6):
        site.radio(ChannelState.REGISTERED, n)
    await site.passes(1)
    for n in range(1, 6):
        await site.prove(n)
    for n in range(1, 4):
        for number in NUMBERS[:3]:
            site.sims.sms_refused(ChannelId(f"site/modem{n}"), number, "cms", 8)
    await site.passes(1)
    assert {site.state(n) for n in range(1, 6)} == {S.HEALTHY}
    assert list(site.sims.outages) == ["45691"]
    await site.passes(700)
    await site.passes(1)
    assert site.sims.outages == {}
    assert {site.state(n) for n in range(1, 6)} == {S.HEALTHY}
    await site.spool.close()


async def test_one_sim_among_siblings_is_suspected_when_only_it_fails(tmp_path: Path) -> None:
    site = Site(tmp_path, SimsConfig())
    await site.begin()
    for n in (1, 2, 3):
        site.radio(ChannelState.REGISTERED, n)
    await site.passes(1)
    for n in (1, 2, 3):
        await site.prove(n)
    for number in NUMBERS[:5]:
        site.sims.sms_refused(ONE, number, "cms", 500)
    await site.passes(1)
    assert site.state() is S.SUSPECT_BLOCKED
    evidence = (await site.told())[-1].evidence
    assert "other SIMs of its operator succeed" in evidence[0]
    assert all("855120" not in line for line in evidence)
    await site.spool.close()


async def test_the_operators_own_words(site: Site) -> None:
    await site.prove()
    site.sims.sms_received(ONE, "+85512000010", "your SIM will be blocked")
    await site.passes(1)
    assert site.state() is S.HEALTHY
    site.sims.sms_received(ONE, "Smart", "Dear customer, your SIM 85510000001 will be blocked today. Call 888")
    await site.passes(1)
    assert site.state() is S.SUSPECT_BLOCKED
    said = (await site.told())[-1].evidence[0]
    assert "will be blocked" in said
    assert "85510000001" not in said


async def test_a_persons_word_wins_and_survives_a_restart(site: Site) -> None:
    await site.prove()
    await site.sims.set_health(SetSimHealth(channel=ONE, state=S.RETIRED, note="goes back to the shop"))
    assert site.state() is S.RETIRED
    assert not site.sims.sms(ONE, NUMBERS[0], urgent=True).granted
    await site.passes(1)
    await site.spool.close()
    await site.begin()
    site.radio(ChannelState.REGISTERED)
    await site.passes(1)
    assert site.state() is S.RETIRED
    await site.sims.set_health(SetSimHealth(channel=ONE, state=None))
    await site.passes(1)
    assert site.state() is S.HEALTHY


async def test_what_nobody_can_decree(site: Site) -> None:
    with pytest.raises(InvalidRequest, match="locked_puk"):
        await site.sims.set_health(SetSimHealth(channel=ONE, state=S.LOCKED_PUK))
    with pytest.raises(NotFound):
        await site.sims.set_health(SetSimHealth(channel=ChannelId("site/modem9"), state=S.RETIRED))


async def test_a_cooldown_survives_a_restart_and_ends_in_time(site: Site) -> None:
    await site.prove()
    for number in NUMBERS[:3]:
        site.sims.sms_refused(ONE, number, "cms", 8)
    await site.passes(1)
    await site.spool.close()
    site.now += 300
    await site.begin()
    site.radio(ChannelState.REGISTERED)
    await site.passes(1)
    assert site.state() is S.COOLDOWN
    wait_s = site.sims.sms(ONE, NUMBERS[0]).wait_s
    assert wait_s == pytest.approx(600, abs=10)
    await site.passes(610)
    assert site.state() is S.PROBATION


async def test_a_sim_that_moves_to_another_modem_takes_its_health_along(site: Site) -> None:
    await site.prove()
    for number in NUMBERS[:3]:
        site.sims.sms_refused(ONE, number, "cms", 8)
    await site.passes(1)
    site.radio(ChannelState.REGISTERED, 2, iccid="8985500000000000001")
    await site.passes(1)
    assert site.state(2) is S.COOLDOWN
    site.radio(ChannelState.REGISTERED, 1, iccid="8985500000000000777")
    await site.passes(1)
    assert site.state(1) is S.PROBATION


async def test_an_empty_account_and_an_unknown_one(site: Site) -> None:
    await site.prove()
    iccid = site.sims.sim_of(ONE)
    assert iccid is not None
    site.sims.account(iccid, Balance(site.wall(), None, note="no answer"))
    await site.passes(1)
    assert site.state() is S.HEALTHY
    site.sims.account(iccid, Balance(site.wall(), "0.00", "USD"))
    await site.passes(1)
    assert site.state() is S.EXHAUSTED
    assert site.sims.sms(ONE, NUMBERS[0]).wait_s == 300
    site.sims.account(iccid, Balance(site.wall(), None, note="no answer"))
    await site.passes(1)
    assert site.state() is S.EXHAUSTED
    site.sims.account(iccid, Balance(site.wall(), "5.00", "USD"))
    await site.passes(1)
    assert site.state() is S.HEALTHY


async def test_weak_for_long_is_degraded_and_comes_back_slowly(site: Site) -> None:
    await site.prove()
    site.radio(ChannelState.REGISTERED, dbm=-105)
    await site.passes(800)
    assert site.state() is S.HEALTHY
    await site.passes(200)
    assert site.state() is S.DEGRADED
    site.radio(ChannelState.REGISTERED, dbm=-70)
    await site.passes(900)
    site.radio(ChannelState.REGISTERED, dbm=-105)
    await site.passes(1)
    site.radio(ChannelState.REGISTERED, dbm=-70)
    await site.passes(1700)
    assert site.state() is S.DEGRADED
    await site.passes(200)
    assert site.state() is S.HEALTHY


async def test_quotas_are_counted_explained_and_survive_a_restart(tmp_path: Path) -> None:
    config = SimsConfig(
        quotas=Quotas(sms_per_day=3, calls_per_destination_per_day=1),
        by_iccid={"8985500000000000002": SimConfig(quotas=Quotas(sms_per_hour=1))},
    )
    site = Site(tmp_path, config)
    await site.begin()
    site.radio(ChannelState.REGISTERED)
    site.radio(ChannelState.REGISTERED, 2)
    await site.passes(1)
    for number in NUMBERS[:3]:
        assert site.sims.sms(ONE, number).granted
        site.sims.sms_sent(ONE, number)
    await site.passes(1)
    permit = site.sims.sms(ONE, NUMBERS[4])
    assert permit.reason.startswith("daily limit of 3 SMS of this SIM reached; next at 20")
    assert permit.wait_s is not None
    assert permit.code == 30022
    assert site.state() is S.QUOTA
    assert site.sims.sms(ONE, NUMBERS[4], urgent=True).granted
    assert site.sims.call(ONE, NUMBERS[0]).granted
    site.sims.call_ended(CallFacts(ONE, NUMBERS[0], True, 16, ring_s=2.0, talk_s=90.0))
    assert "to one number" in site.sims.call(ONE, NUMBERS[0]).reason
    await site.passes(1)
    await site.spool.close()
    await site.begin()
    site.radio(ChannelState.REGISTERED)
    await site.passes(1)
    assert not site.sims.sms(ONE, NUMBERS[4]).granted
    status = next(entry for entry in site.inventory.statuses() if entry.channel == ONE)
    assert status.usage is not None
    assert (status.usage.sms_day, status.usage.minutes_day) == (3, 1.5)
    await site.passes(permit.wait_s + 1)
    assert site.sims.sms(ONE, NUMBERS[4]).granted
    await site.spool.close()


async def test_a_pin_is_remembered_as_tried(site: Site) -> None:
    iccid = Iccid("8985500000000000009")
    assert not site.sims.pins.pin_tried(iccid, "1234")
    await site.sims.pins.note_pin(iccid, "1234")
    await site.spool.close()
    await site.begin()
    assert site.sims.pins.pin_tried(iccid, "1234")
    assert not site.sims.pins.pin_tried(iccid, "4321")
    await site.sims.pins.note_pin(iccid, None)
    assert not site.sims.pins.pin_tried(iccid, "1234")


def test_unknown_thresholds_are_named(tmp_path: Path) -> None:
    from edge_agent.sims.thresholds import thresholds

    with pytest.raises(InvalidRequest, match=r"sims\.thresholds\.cooldown: unknown"):
        thresholds({"cooldown": 1.0})
    assert thresholds({"cooldown_s": 60.0}).cooldown_s == 60.0
