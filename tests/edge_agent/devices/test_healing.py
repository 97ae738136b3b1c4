"""Each step of the ladder is done once, in order, and told with what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from edge_agent.config import HealingConfig
from edge_agent.contracts import Channel, Heal
from edge_agent.devices import runner as runner_module
from edge_agent.devices.healing import Healing
from edge_agent.devices.runner import DeviceRunner
from telecore.backoff import Policy
from telecore.errors import DeviceLost, DeviceRefused
from telecore.ids import ChannelId
from telecore.model import DeviceIdentity

CHANNEL = ChannelId("site/modem1")
HUNG = DeviceLost("modem1-at: hung: no answer to AT since AT+CSQ")


class Core:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.evidence: list[tuple[str, ...]] = []

    async def radio(self, channel: object, status: object) -> None: ...

    async def event(self, event: object) -> None:
        self.told.append((event.step, event.outcome))  # type: ignore[attr-defined]
        self.evidence.append(event.evidence)  # type: ignore[attr-defined]


class Power:
    """A socket that can be switched."""

    def __init__(self, possible: bool = True) -> None:
        self.possible = possible
        self.cycles = 0

    def see(self, port: str) -> None: ...

    async def cycle(self) -> str:
        self.cycles += 1
        return "off and on"


class Modem:
    """Opens after so many attempts of its kind; a reset may be what it needs."""

    resets: list[Heal] = []  # noqa: RUF012

    def __init__(self, works: Callable[[], bool], heals: bool = True) -> None:
        self.id = "modem1"
        self.identity = DeviceIdentity("A", "B", "C")
        self.channels = (Channel(CHANNEL),)
        self._works = works
        self._heals = heals

    async def open(self) -> None:
        if not self._works():
            raise HUNG

    async def run(self, core: object) -> None:
        await asyncio.Event().wait()

    async def heal(self, step: Heal) -> str:
        if not self._heals:
            raise DeviceRefused("error", None, "no such reset")
        Modem.resets.append(step)
        return f"{step} written"

    async def close(self) -> None: ...


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    Modem.resets = []
    sleep = asyncio.sleep

    async def short(seconds: float) -> None:
        await sleep(min(seconds, 0.001))

    monkeypatch.setattr(runner_module.asyncio, "sleep", short)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(3):
        while not condition():
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)


async def run(works: Callable[[], bool], core: Core, power: Power, config: HealingConfig | None = None) -> DeviceRunner:
    healing = Healing(
        "modem1",
        [CHANNEL],
        core,
        config or HealingConfig(),
        port="/dev/none",
        power=power,  # type: ignore[arg-type]
    )
    policy = Policy(0.001, 1.0, 0.001)
    runner = DeviceRunner(
        "modem1",
        lambda: Modem(works),
        [CHANNEL],
        core,
        stopping=asyncio.Event(),
        healing=healing,
        retry=policy,
        absent_retry=policy,  # type: ignore[arg-type,return-value]
    )
    runner.task = asyncio.ensure_future(runner.run())  # type: ignore[attr-defined]
    return runner


async def stop(runner: DeviceRunner) -> None:
    runner.task.cancel()  # type: ignore[attr-defined]
    await asyncio.wait([runner.task])  # type: ignore[attr-defined]


async def test_a_modem_that_a_power_cycle_brings_back() -> None:
    core, power = Core(), Power()
    runner = await run(lambda: power.cycles > 0, core, power)
    await until(lambda: runner.device is not None)
    await until(lambda: core.told[-1] == ("usb_power", "worked"))
    assert Modem.resets == [Heal.SOFT_RESET, Heal.VENDOR_RESET]
    steps = [entry for entry in core.told if entry[0] != "resynchronise"]
    assert steps == [
        ("reopen", "failed"),
        ("reopen", "failed"),
        ("soft_reset", "failed"),
        ("vendor_reset", "failed"),
        ("usb_power", "worked"),
    ]
    assert all(core.evidence)
    assert "off and on" in core.evidence[-1]
    await stop(runner)


async def test_quarantine_is_told_once_and_left_when_it_serves_again() -> None:
    core, power, tries = Core(), Power(possible=False), []

    def works() -> bool:
        tries.append(1)
        return len(tries) > 12

    runner = await run(works, core, power)
    await until(lambda: runner.device is not None)
    await until(lambda: ("quarantine", "worked") in core.told)
    assert core.told.count(("quarantine", "failed")) == 1
    assert core.told.count(("usb_power", "not_possible")) == 1
    assert power.cycles == 0
    await stop(runner)


async def test_a_site_that_wants_no_resets_has_none() -> None:
    core, power = Core(), Power()
    runner = await run(lambda: False, core, power, HealingConfig(resets=False))
    await until(lambda: ("quarantine", "failed") in core.told)
    assert (Modem.resets, power.cycles) == ([], 0)
    assert core.told.count(("soft_reset", "not_possible")) == 1
    await stop(runner)


@pytest.mark.parametrize("reason", ["in use by another program", "no permission (is the user in the group?)"])
async def test_what_is_not_its_fault_is_not_cured_by_resets(reason: str) -> None:
    core, power = Core(), Power()

    class Taken(Modem):
        async def open(self) -> None:
            raise DeviceLost(f"modem1-at: {reason}")

    healing = Healing("modem1", [CHANNEL], core, HealingConfig(), port="/dev/none", power=power)  # type: ignore[arg-type]
    policy = Policy(0.001, 1.0, 0.001)
    runner = DeviceRunner(
        "modem1",
        lambda: Taken(lambda: True),
        [CHANNEL],
        core,
        stopping=asyncio.Event(),
        healing=healing,
        retry=policy,  # type: ignore[arg-type,return-value]
    )
    runner.task = asyncio.ensure_future(runner.run())  # type: ignore[attr-defined]
    await until(lambda: runner.status.failures > 12)
    assert core.told == []
    await stop(runner)


async def test_a_device_that_is_gone_for_long_gets_its_socket_switched() -> None:
    core, power, now = Core(), Power(), [0.0]
    healing = Healing(
        "modem1",
        [CHANNEL],
        core,
        HealingConfig(),
        port="/dev/none",
        power=power,
        clock=lambda: now[0],  # type: ignore[arg-type]
    )
    for seconds in (0.0, 200.0, 301.0, 400.0, 3000.0):
        now[0] = seconds
        await healing.gone("modem1-at: no such port")
    assert power.cycles == 1
    now[0] = 4000.0
    await healing.gone("modem1-at: no such port")
    assert power.cycles == 2
    await healing.serves()
    assert core.told == [("usb_power", "failed"), ("usb_power", "worked")]
    assert core.evidence[0] == (
        "modem1-at: no such port",
        "gone for 301 s",
        "off and on",
        "modem1-at: no such port",
    )


async def test_a_cut_of_the_power_is_logged_while_nobody_knows_its_outcome(caplog: pytest.LogCaptureFixture) -> None:
    core, now = Core(), [0.0]
    healing = Healing(
        "modem1",
        [CHANNEL],
        core,
        HealingConfig(),
        port="/dev/none",
        power=Power(),  # type: ignore[arg-type]
        clock=lambda: now[0],
    )
    await healing.gone("modem1-at: no such port")
    assert not caplog.records
    now[0] = 301.0
    await healing.gone("modem1-at: no such port")
    assert [record.getMessage() for record in caplog.records] == [
        "modem1: usb_power: modem1-at: no such port; gone for 301 s; off and on"
    ]


async def test_evidence_holds_no_numbers() -> None:
    core = Core()
    healing = Healing("modem1", [CHANNEL], core, HealingConfig(), port="/dev/none", power=Power())  # type: ignore[arg-type]
    for _ in range(3):
        await healing.fails(Modem(lambda: False), "modem1-at: hung: no answer to ATD+4915112345678;", 0.0)
    assert len(core.evidence) > 2
    assert "4915112345678" not in repr(core.evidence)
