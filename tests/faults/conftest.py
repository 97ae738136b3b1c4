"""What must hold when things break: real processes on real links, seeded, each with figures in the report.

The short form runs in the suite; ``scripts/soak`` runs the long form and makes one table of all figures.
SIMFERRY_LONG=1 is the long form, SIMFERRY_SEED=n another run of chance, SIMFERRY_FAULTS_REPORT=file where rows go,
SIMFERRY_FAULTS_PROGRESS=file where a test says how far it is, SIMFERRY_UNTIL=when it will be stopped, Unix time,
SIMFERRY_FAULTS_SHORT=file that is made when it did less for that.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.customer_app import CustomerApp
from tests.faults.traffic import Site
from tests.flows.conftest import LabProcess

LONG = os.environ.get("SIMFERRY_LONG") == "1"
PROGRESS_S = 0.5
SEED = int(os.environ.get("SIMFERRY_SEED", "1"))

Report = Callable[..., None]
Progress = Callable[[float, float, str], None]


def left_s(reserve_s: float = 0.0) -> float:
    """How long a test may go on, when it needs ``reserve_s`` to end well; endless where nobody will stop it."""
    return float(os.environ.get("SIMFERRY_UNTIL", "inf")) - time.time() - reserve_s


def is_up(needed_s: float) -> bool:
    """Whether less time is left than that, so that a test has to do less than it should; the table then says so."""
    up = left_s(needed_s) < 0
    if up and (said := os.environ.get("SIMFERRY_FAULTS_SHORT")):
        Path(said).touch()
    return up


def times(short: int, long: int) -> int:
    """How often to do it."""
    return long if LONG else short


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Chance that comes again with the same seed."""
    return random.Random(f"{SEED} {request.node.nodeid}")


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """``report("kill -9 of the agent", tried=1000, lost=0, doubled=0)``: a row of the table; keys are its figures."""

    def tell(fault: str, **figures: int | float | str) -> None:
        row = {"fault": fault, "test": request.node.nodeid, "long": LONG, "seed": SEED, **figures}
        print(json.dumps(row))
        if kept := os.environ.get("SIMFERRY_FAULTS_REPORT"):
            with Path(kept).open("a") as file:
                file.write(json.dumps(row) + "\n")

    return tell


@pytest.fixture
def progress() -> Progress:
    """``progress(412, 1000, "kills")``: how far it is, for whoever watches `scripts/soak`. May be called often."""
    told = os.environ.get("SIMFERRY_FAULTS_PROGRESS")
    last = 0.0

    def tell(done: float, total: float, of: str) -> None:
        nonlocal last
        if told and (time.monotonic() - last > PROGRESS_S or done >= total):
            last = time.monotonic()
            fresh = Path(told + ".new")
            fresh.write_text(json.dumps({"done": done, "total": total, "of": of}))
            fresh.replace(told)

    return tell


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LabProcess]:
    """One that may be killed and stopped; a test that needs another has its own."""
    one = LabProcess(tmp_path, "--speed", "20")
    yield one
    assert one.stop()[0] == 0


@pytest.fixture
async def site(lab: LabProcess) -> AsyncIterator[Site]:
    """The lab with a customer's application."""
    async with aiohttp.ClientSession() as http, CustomerApp() as app:
        yield Site(lab, http, app)
