"""The lab as customers meet it: through Twilio's own clients, and by the webhooks that their applications get."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.conformance import told
from tests.conformance.official import NodeClient, Official, PythonClient, missing_node
from tests.conformance.table import TOLD
from tests.fakes.customer_app import CustomerApp, Received
from tests.flows.conftest import FINAL, LabProcess, World, pytest_runtest_makereport

__all__ = ["pytest_runtest_makereport"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/conformance/" in str(item.path):
            item.add_marker(pytest.mark.flow)


_passed: set[str] = set()
_left_out: set[Path] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed:
        _passed.add(report.nodeid)


def pytest_deselected(items: list[pytest.Item]) -> None:
    _left_out.update(item.path for item in items)


@pytest.fixture(scope="module", autouse=True)
def all_told(request: pytest.FixtureRequest) -> Iterator[None]:
    """At the end of a file that ran whole and well: the table is right in what it says of the file."""
    told.HEARD.clear()
    yield
    if _whole(request):
        missing = TOLD.get(request.path.stem, frozenset()) - told.HEARD
        assert not missing, f"{request.path.name} no longer tells {sorted(missing)}"


def _whole(request: pytest.FixtureRequest) -> bool:
    """Nothing of the file was left out, skipped or failed; but for Node, whose requests are not noted anyway."""
    stories = [item for item in request.session.items if item.path == request.path and "[node" not in item.nodeid]
    chosen = any("::" in word for word in request.config.args)
    return not chosen and request.path not in _left_out and all(item.nodeid in _passed for item in stories)


class Customer(World):
    """A customer with one of the official clients, an application, and a phone network to call and be called from."""

    official: Official

    async def ask(self, path: str, *args: object, **params: object) -> Any:
        return await self.official.ask(path, *args, **params)

    async def delete(self, path: str) -> None:
        """204, which both clients tell as true. The method is called ``remove`` in Node."""
        name = "remove" if self.official.name == "node" else "delete"
        assert await self.ask(f"{path}.{name}") is True

    async def call_over(self, sid: str, within_s: float = 60.0) -> dict[str, Any]:
        """The call, once it is over."""

        async def over() -> Any:
            call = await self.ask(f"calls({sid}).fetch")
            return call if call["status"] in FINAL else None

        found: dict[str, Any] = await self.until(over, within_s)
        return found

    def moment(self, at: datetime) -> object:
        """As the client wants it: Node's is told a Date by text."""
        return at if self.official.name == "python" else {"$date": at.isoformat()}

    async def hooked(self, number: str, **urls: str) -> None:
        """Set URLs of the number by the client."""
        (row,) = await self.ask("incoming_phone_numbers.list", phone_number=number)
        await self.ask(f"incoming_phone_numbers({row['sid']}).update", **urls)

    async def dial_in(self, handset: str, number: str, **how: object) -> dict[str, Any]:
        """A handset calls a number of ours."""
        made: dict[str, Any] = await self.network("POST", f"/subscribers/{handset}/calls", {"to": number, **how})
        return made

    async def check_signatures(self) -> None:
        """Every request that the application got was signed, says the client's own validator."""
        for request in self.app.received:
            assert await self.official.signed(request.url, _form(request), _signature(request)), request.url


def _form(request: Received) -> dict[str, str]:
    return request.params if request.method == "POST" else {}


def _signature(request: Received) -> str:
    return request.headers["X-Twilio-Signature"]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    """One lab for all of them, its network in a hurry, two sites."""
    made = LabProcess(tmp_path_factory.mktemp("lab"), "--speed", "10", "--edges", "2")
    yield made
    status, _, rest = made.stop()
    assert (status, rest) == (0, "")


@pytest.fixture(scope="session")
def handsets(lab: LabProcess) -> Iterator[str]:
    return iter(lab.about["handsets"]["free"] * 20)


def _noted() -> aiohttp.TraceConfig:
    """Sound and text are fetched by their URLs, without a client: noted as well."""

    async def ended(_session: object, _context: object, done: aiohttp.TraceRequestEndParams) -> None:
        told.note(done.method, done.url.path, done.response.status)

    config = aiohttp.TraceConfig()
    config.on_request_end.append(ended)
    return config


@pytest.fixture(params=["python", "node"])
async def customer(request: pytest.FixtureRequest, lab: LabProcess, handsets: Iterator[str]) -> AsyncIterator[Customer]:
    """Told once with each client. At the end every webhook is checked with that client's validator."""
    if request.param == "node" and (why := missing_node()):
        pytest.skip(why)
    about = lab.about
    place = (about["base_url"], about["account_sid"], about["auth_token"])
    async with aiohttp.ClientSession(trace_configs=[_noted()]) as http, CustomerApp() as app:
        one = Customer(lab, http, app)
        one._free = handsets
        client = await NodeClient.start(*place) if request.param == "node" else PythonClient(*place)
        one.official = client
        try:
            yield one
            await asyncio.wait_for(one.check_signatures(), 20)
        finally:
            await one.lines_free()
            await client.close()
            if one.client.http_client.session is not None:
                one.client.http_client.session.close()
