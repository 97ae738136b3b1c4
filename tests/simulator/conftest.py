from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulator.rig import Rig


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One simulator process for all tests of a file."""
    rig = Rig(Path(tmp_path_factory.mktemp("lab")))
    rig.registered()
    yield rig
    assert rig.stop() == 0
