"""What every test is guarded by."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, settings

# How long an example takes tells of the machine, and not of the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A test that sets up logging, as a command line does, leaves nothing of it behind."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


MAY_BLOCK = {
    "cloud/app.py": {"_wired"},  # before anything is served
    "cloud/dashboard/rendering.py": {"__init__"},
    "asyncio/runners.py": {"close"},  # its loop runs nothing else any more; frames of uvloop itself are not seen
    "tests/fakes/blob_store.py": {"put", "__init__"},
}


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop() -> Iterator[None]:
    """A blocking call within a running loop, made by the agent or the cloud, raises BlockingError."""
    with blockbuster_ctx(scanned_modules=["edge_agent", "cloud"]) as blocking:
        blocking.functions["os.path.abspath"].deactivate()  # it asks for the working folder only, and touches no disk
        for function in blocking.functions.values():
            for file, names in MAY_BLOCK.items():
                function.can_block_in(file, names)
        yield
