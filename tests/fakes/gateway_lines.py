"""Lines of a simulated gateway, on a clock that is advanced by hand."""

from __future__ import annotations

from random import Random

from simulator.gateway.line import Line
from simulator.identity import imei
from simulator.network import Network
from tests.simulator.fake import FakeTimers

LINE1, LINE2, ANSWERS, FREE = "+85510000001", "+85510000002", "+85512000001", "+85512000010"


class Shelf:
    """A network with one gateway's lines in it, powered and registered."""

    def __init__(self, lines: int = 2, *, on: bool = True) -> None:
        self.timers = FakeTimers()
        self.network = Network(self.timers, 0, Random(7), gateways={"gateway1": lines})
        sims = self.network.gateway_sims["gateway1"]
        self.lines = [Line(index, sim, imei(index + 1), self.network) for index, sim in enumerate(sims)]
        if on:
            for line in self.lines:
                line.power(on=True)
            self.timers.advance(6)

    def fault(self, kind: str, target: str = "gateway1-1", **options: object) -> str:
        return self.network.faults.begin(kind, target, options, None).id

    def over(self, fault: str) -> None:
        assert self.network.faults.end(fault)
