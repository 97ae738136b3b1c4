"""Random weeks of SIMs over a real spool: whatever happens, each change has its reason and nothing is a dead end."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from edge_agent.config import Quotas, SimsConfig
from edge_agent.contracts import CallFacts, RadioStatus
from edge_agent.inventory import Inventory
from edge_agent.sims.keeper import Sims
from edge_agent.sims.windows import MOST
from edge_agent.spool import Spool
from telecore.causes import AMBIGUOUS_CMS
from telecore.codec import decode_event
from telecore.commands import SetSimHealth
from telecore.events import SimHealthChanged
from telecore.ids import ChannelId, Iccid, Plmn
from telecore.model import ChannelState, SignalLevel, Sim
from telecore.sim_health import Balance, HealthState

S = HealthState
C = ChannelState
CHANNELS = [ChannelId(f"site/modem{n}") for n in range(1, 5)]
NUMBERS = [f"+8551200{n:04d}" for n in range(30)]
NOT_THE_SIMS_CMS = (1, 27, 28, 30, 195, 196, 69, 96, 208, 300, 304, 322, 332, 197, 38, 41, 192)
NOT_THE_SIMS_CALLS = (1, 3, 16, 17, 18, 19, 20, 22, 27, 28, 34, 38, 41, 65)
OUR_CONCLUSIONS = {S.COOLDOWN, S.SUSPECT_BLOCKED, S.DENIED}


class Life:
    """What a seed makes happen. The same seed, the same life."""

    def __init__(self, seed: int, path: Path) -> None:
        self.chance = random.Random(seed)
        self.path = path
        self.now = 1000.0
        self.offset = 1_772_000_000.0

    async def begin(self) -> None:
        self.spool = await Spool.open(self.path)
        self.inventory = Inventory(busy=lambda channel: 0, changed=lambda: None, wall=self.wall)
        config = SimsConfig(quotas=Quotas(sms_per_day=200))
        self.sims = Sims(self.spool, self.inventory, config, wall=self.wall, clock=lambda: self.now)
        await self.sims.load()
        for n, channel in enumerate(CHANNELS):
            self.radio(channel, n, C.REGISTERED)

    def wall(self) -> float:
        return self.offset + self.now

    def radio(self, channel: ChannelId, n: int, state: ChannelState, **more: object) -> None:
        sim = Sim(Iccid(f"898550000000000000{n}" if n else ""), operator=Plmn("45691" if n % 2 else "45601"))
        shown = None if state in (C.ABSENT, C.LOCKED) else sim
        signal = SignalLevel(self.chance.choice((-110, -98, -80, -60)))
        self.sims.radio(channel, RadioStatus(state, shown, signal, **more))  # type: ignore[arg-type]

    async def passes(self, seconds: float) -> None:
        self.now += seconds
        await self.sims.look()

    async def happens(self) -> None:
        """One thing of the many."""
        chance, sims = self.chance, self.sims
        n = chance.randrange(len(CHANNELS))
        channel, to = CHANNELS[n], chance.choice(NUMBERS)
        match chance.randrange(11):
            case 0 | 1:
                for _ in range(chance.randrange(1, 30)):
                    sims.sms_sent(channel, to)
            case 2 | 3:
                code = chance.choice((*NOT_THE_SIMS_CMS, *AMBIGUOUS_CMS, 8, 10, 42, 50))
                for number in NUMBERS[: chance.randrange(1, 7)]:
                    sims.sms_refused(channel, number, chance.choice(("cms", "cme", "error")), code)
            case 4:
                cause, talked = chance.choice((8, 16, 17, 21, 31, 42, 57, 127)), chance.choice((None, None, 40.0))
                sims.call_ended(CallFacts(channel, to, True, cause, 2.0, talked, lasted_s=chance.choice((1.0, 20.0))))
            case 5:
                sims.sms_reported(channel, to, chance.choice((0x00, 0x20, 0x41, 0x45)))
            case 6 | 7:
                state = chance.choice((C.REGISTERED, C.REGISTERED, *C))
                lock = chance.choice(("SIM PIN", "SIM PUK", "PH-NET PIN")) if state is C.LOCKED else ""
                cause = chance.choice((None, 2, 3, 6, 11, 17, 20)) if state is C.DENIED else None
                fault = chance.choice((None, 13)) if state is C.FAULTY else None
                self.radio(channel, n, state, lock=lock, reject_cause=cause, fault=fault)
            case 8:
                iccid = sims.sim_of(channel)
                if iccid is not None:
                    amount = chance.choice((None, "0.00", "5.00"))
                    sims.account(iccid, Balance(self.wall(), amount, "USD", chance.choice((None, "2026-03-01"))))
            case 9:
                self.offset += chance.choice((0.0, -7200.0, 90_000.0, 0.0))
            case 10:
                sims.self_tested(channel, chance.random() < 0.7)
        await self.passes(chance.choice((0.0, 1.0, 70.0, 200.0, 2000.0, 20_000.0)))

    def states(self) -> dict[ChannelId, HealthState]:
        return {entry.channel: entry.health.state for entry in self.inventory.statuses() if entry.health is not None}

    async def told(self) -> list[SimHealthChanged]:
        events = [decode_event(payload) for _, payload in await self.spool.read(0, 100_000)]
        return [event for event in events if isinstance(event, SimHealthChanged)]


async def lived(seed: int, path: Path, steps: int) -> Life:
    life = Life(seed, path)
    await life.begin()
    for _ in range(steps):
        await life.happens()
    return life


SEEDS = range(12)


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_change_is_told_once_in_order_and_with_its_evidence(seed: int, tmp_path: Path) -> None:
    life = await lived(seed, tmp_path / "spool.db", 120)
    last: dict[ChannelId, HealthState] = {}
    for event in await life.told():
        assert event.evidence, event
        assert all(event.evidence), event
        assert event.was is not event.health.state, event
        if event.was is not None and event.iccid:
            assert event.was is last.get(event.channel), event
        last[event.channel] = event.health.state
        assert "+855" not in " ".join(event.evidence)
    assert last == life.states()
    await life.spool.close()


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_state_is_a_dead_end(seed: int, tmp_path: Path) -> None:
    """Registered, paid for, tested and proved, every SIM is healthy or merely about to expire, in a day and a bit."""
    life = await lived(seed, tmp_path / "spool.db", 60)
    for n, channel in enumerate(CHANNELS):
        life.sims.radio(
            channel,
            RadioStatus(C.REGISTERED, Sim(Iccid(f"898550000000000000{n}" if n else "")), SignalLevel(-60)),
        )
    await life.passes(90_000.0)
    for channel in CHANNELS:
        iccid = life.sims.sim_of(channel)
        assert iccid is not None
        life.sims.account(iccid, Balance(life.wall(), "9.00", "USD"))
        life.sims.self_tested(channel, True)
        life.sims.self_tested(channel, True)
    await life.passes(25_000.0)
    for channel in CHANNELS:
        for number in NUMBERS[:25]:
            life.sims.sms_sent(channel, number)
    await life.passes(1.0)
    await life.passes(2000.0)
    assert set(life.states().values()) <= {S.HEALTHY, S.EXPIRING}
    await life.spool.close()


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_is_not_the_sims_doing_never_stops_it(seed: int, tmp_path: Path) -> None:
    life = Life(seed, tmp_path / "spool.db")
    await life.begin()
    for _ in range(80):
        n = life.chance.randrange(len(CHANNELS))
        channel, to = CHANNELS[n], life.chance.choice(NUMBERS)
        life.sims.sms_refused(channel, to, "cms", life.chance.choice(NOT_THE_SIMS_CMS))
        life.sims.sms_refused(channel, to, "error", None)
        life.sims.sms_reported(channel, to, 0x41)
        cause = life.chance.choice(NOT_THE_SIMS_CALLS)
        life.sims.call_ended(CallFacts(channel, to, True, cause, 1.0, lasted_s=1.0))
        await life.passes(life.chance.choice((0.0, 1.0, 300.0)))
        assert not OUR_CONCLUSIONS & set(life.states().values())
        assert life.sims.sms(channel, to).granted
    await life.spool.close()


@pytest.mark.parametrize("state", [S.RETIRED, S.HEALTHY, S.SUSPECT_BLOCKED])
async def test_a_persons_word_is_never_overridden(state: HealthState, tmp_path: Path) -> None:
    life = Life(7, tmp_path / "spool.db")
    await life.begin()
    await life.passes(1.0)
    one = CHANNELS[1]
    await life.sims.set_health(SetSimHealth(channel=one, state=state, note="I say so"))
    for step in range(80):
        await life.happens()
        assert life.states()[one] is state
        if step % 25 == 24:
            await life.spool.close()
            await life.begin()
            await life.passes(0.0)
    await life.spool.close()


async def test_the_same_life_is_judged_the_same(tmp_path: Path) -> None:
    stories = []
    for name in ("first.db", "second.db"):
        life = await lived(3, tmp_path / name, 80)
        stories.append([(event.channel, event.was, event.health, event.evidence) for event in await life.told()])
        await life.spool.close()
    assert stories[0] == stories[1]
    assert len(stories[0]) > 8


async def test_memory_is_bounded(tmp_path: Path) -> None:
    life = Life(1, tmp_path / "spool.db")
    await life.begin()
    record = life.sims._roll.at(CHANNELS[1])
    assert record is not None
    for n in range(3 * MOST):
        life.sims.sms_refused(CHANNELS[1], f"+8551{n:07d}", "cms", 8)
        if n % 500 == 0:
            await life.passes(30_000.0)
            await asyncio.sleep(0)
    await life.passes(1.0)
    assert len(record.window.since(0.0)) <= MOST
    assert len(record.cooldowns) <= 8
    assert len(record.strikes) <= 8
    await life.spool.close()
