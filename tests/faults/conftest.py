"""What must hold when things break: real processes on real links, seeded, each with figures in the report.

The short form runs in the suite; ``scripts/soak`` runs the long form and makes one table of all figures.
SIMFERRY_LONG=1 is the long form, SIMFERRY_SEED=n another run of chance, SIMFERRY_FAULTS_REPORT=file where rows go.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

LONG = os.environ.get("SIMFERRY_LONG") == "1"
SEED = int(os.environ.get("SIMFERRY_SEED", "1"))

Report = Callable[..., None]


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
