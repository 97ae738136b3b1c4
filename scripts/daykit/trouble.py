"""Faults of modems, SIMs and the network, at random moments, seeded; and what was in force when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from simulator.faults import MODEM_KINDS
from simulator.network import Network

LONGEST_S = {"modem_garbage": 30.0, "modem_hang": 240.0, "call_drops": 120.0, "late_answers": 60.0}
DEFAULT_LONGEST_S = 600.0
REPORTS = (0x00, 0x01, 0x20, 0x30, 0x41, 0x45, 0x63)
REJECTS = (2, 3, 6, 11, 15, 17, 22)
CMS_CODES = (21, 38, 41, 42, 47, 330, 500)


@dataclass(frozen=True, slots=True)
class Trouble:
    kind: str
    device: str
    begin: float
    end: float


class Troubles:
    """``every_s``: mean time between two, over the whole site."""

    def __init__(self, network: Network, random: Random, clock: Callable[[], float], every_s: float) -> None:
        self._network = network
        self._random = random
        self._clock = clock
        self._every_s = every_s
        self.made: list[Trouble] = []

    async def run(self) -> None:
        """Until cancelled. Every kind comes at least once in as many faults as there are kinds."""
        kinds: list[str] = []
        devices = [sim.device for sim in self._network.sims.values()]
        while True:
            await asyncio.sleep(self._random.expovariate(1 / self._every_s))
            if not kinds:
                kinds = self._random.sample(list(MODEM_KINDS), len(MODEM_KINDS))
            self._begin(kinds.pop(), self._random.choice(devices))

    def during(self, device: str, begin: float, end: float) -> list[Trouble]:
        """What was in force on a modem within this time."""
        return [made for made in self.made if made.device == device and made.begin <= end and made.end >= begin]

    def _options(self, kind: str) -> dict[str, object]:
        if kind == "cms_error":
            return {"code": self._random.choice(CMS_CODES)}
        if kind == "report_status":
            return {"status": self._random.choice(REPORTS)}
        if kind == "registration_denied":
            return {"cause": self._random.choice(REJECTS)}
        return {}

    def _begin(self, kind: str, device: str) -> None:
        for_s = self._random.uniform(5.0, LONGEST_S.get(kind, DEFAULT_LONGEST_S))
        options = self._options(kind)
        self._network.faults.begin(kind, device, options, for_s)
        self.made.append(Trouble(kind, device, self._clock(), self._clock() + for_s))
