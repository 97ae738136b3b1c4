"""One cloud for all of these: every one of them makes accounts of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.fakes.cloud_thread import CloudThread, cloud_thread


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudThread]:
    with cloud_thread(tmp_path_factory.mktemp("cloud")) as made:
        yield made


@pytest.fixture(scope="session")
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        yield made
