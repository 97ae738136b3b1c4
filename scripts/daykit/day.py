"""A day from its first minute to its verdict."""

from __future__ import annotations

import asyncio
import random as random_module
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from scripts.daykit.ledger import Ledger
from scripts.daykit.picture import Span
from scripts.daykit.report import Report
from scripts.daykit.site import Site
from scripts.daykit.traffic import Traffic
from scripts.daykit.trouble import Troubles
from scripts.daykit.verdict import judge
from scripts.daykit.virtual_time import VirtualClock
from simulator.modem.profile import PROFILES
from telecore.errors import InvalidRequest

WARM_UP_S = 300.0
DRAIN_S = 4 * 3600.0
"""After the last fault: what was held back has its time, and the longest back-off ends."""
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Plan:
    hours: float
    modems: int
    seed: int
    fault_every_s: float
    families: tuple[str, ...] = ()


class Day:
    """Runs on a virtual loop. ``progress`` is told each simulated hour."""

    def __init__(self, plan: Plan, clock: VirtualClock, folder: Path, progress: Callable[[str], None]) -> None:
        unknown = set(plan.families) - set(PROFILES)
        if unknown:
            raise InvalidRequest(f"there is no dialect {sorted(unknown)} (there are: {', '.join(PROFILES)})")
        self._plan = plan
        self._clock = clock
        self._folder = folder
        self._progress = progress

    async def run(self) -> Report:
        plan = self._plan
        profiles = [PROFILES[name] for name in (plan.families or tuple(PROFILES))]
        random_module.seed(plan.seed)  # the agent's back-off
        site = Site(asyncio.get_running_loop(), plan.modems, profiles, plan.seed)
        ledger, random = Ledger(), Random(plan.seed)
        traffic = Traffic(site, ledger, random, self._clock.wall)
        troubles = Troubles(site.network, Random(plan.seed + 1), self._clock.wall, plan.fault_every_s)
        stop = asyncio.Event()
        site.plug_in()
        living = asyncio.create_task(site.run(self._folder, stop, ledger.hear, traffic.page))
        await asyncio.wait({living}, timeout=WARM_UP_S)
        if living.done():
            living.result()
        began = self._clock.wall()
        await self._hours(plan, traffic, troubles, ledger)
        self._progress("no more faults; what was held back has its time")
        await asyncio.sleep(DRAIN_S)
        verdict, ended = judge(site, ledger, troubles), self._clock.wall()
        stop.set()
        await living
        return Report(plan, verdict, ledger, troubles.made, site, Span(began, ended))

    async def _hours(self, plan: Plan, traffic: Traffic, troubles: Troubles, ledger: Ledger) -> None:
        tasks = [asyncio.create_task(traffic.run()), asyncio.create_task(troubles.run())]
        left = plan.hours * HOUR_S
        try:
            while left > 0:
                done, _ = await asyncio.wait(tasks, timeout=min(left, HOUR_S))
                for task in done:
                    task.result()
                left -= HOUR_S
                self._progress(
                    f"{plan.hours - max(left, 0) / HOUR_S:4.1f} h: {len(ledger.outbound)} SMS out, "
                    f"{len(ledger.inbound)} in, {len(ledger.calls)} calls, {len(troubles.made)} faults"
                )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
