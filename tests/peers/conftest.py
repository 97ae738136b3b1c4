"""Programs that we did not write, on the simulated modem."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulator.rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A simulator of its own for each test: these programs leave modems in states of their liking."""
    rig = Rig(tmp_path, "--modems", "2")
    rig.registered()
    yield rig
    assert rig.stop() == 0
