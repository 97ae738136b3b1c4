"""Whole stories in real processes: `scripts/lab` runs simulator, edge and cloud; we speak to their outsides only."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pluggy
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from tests.fakes.customer_app import CustomerApp

ROOT = Path(__file__).parent.parent.parent
AT_FIRST = {
    "on_call": "answer", "answer_after_s": 1.0, "hangup_after_s": None, "press": [], "speak_wav": None,
    "on_sms": "deliver", "sms_delay_s": 0.0,
}  # fmt: skip
"""How a handset behaves that nobody has told anything."""
FINAL = ("completed", "busy", "failed", "no-answer", "canceled")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/flows/" in str(item.path):
            item.add_marker(pytest.mark.flow)


class LabProcess:
    """A lab as a tester from outside sees it."""

    def __init__(self, data: Path, *options: str) -> None:
        self.logs = data / "logs"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scripts.labkit.lab", "--data", str(data), "--log-dir", str(self.logs), *options],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.communicate(timeout=30)
            raise RuntimeError(f"the lab did not start: {self.tail()}")
        self.about: dict[str, Any] = json.loads(line)

    def stop(self) -> tuple[int, float, str]:
        """SIGTERM; exit status, seconds it took, and what else it printed."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        rest, _ = self._process.communicate(timeout=30)
        return self._process.returncode, time.monotonic() - began, rest

    def kill(self) -> None:
        """SIGKILL to the lab alone."""
        self._process.kill()
        self._process.communicate(timeout=30)

    def tail(self, size: int = 1500) -> str:
        """The end of each log, so many characters."""
        return "\n".join(
            f"== {log.name}\n" + log.read_text(errors="replace")[-size:] for log in sorted(self.logs.glob("*.log"))
        )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pluggy.Result[pytest.TestReport], None]:
    """A story that fails shows what the lab's processes said last: it may not fail again where one looks."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and isinstance(item, pytest.Function):
        for lab in (one for one in item.funcargs.values() if isinstance(one, LabProcess)):
            report.sections.append(("the lab's logs", lab.tail(6000)))


class World:
    """What a test does to a lab: the official Twilio client, the simulator's HTTP interface, a customer's app."""

    def __init__(self, lab: LabProcess, http: aiohttp.ClientSession, app: CustomerApp) -> None:
        self.about = lab.about
        self.app = app
        self.token: str = lab.about["auth_token"]
        self._http = http
        self.client = Client(lab.about["account_sid"], self.token)
        self.client.api.base_url = lab.about["base_url"]
        self._free = iter(lab.about["handsets"]["free"])
        self._taken: list[str] = []

    @property
    def numbers(self) -> list[str]:
        return list(self.about["numbers"])

    async def network(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the simulator."""
        async with self._http.request(method, self.about["simulator_url"] + path, json=body) as answer:
            assert answer.status < 400, await answer.text()
            return await answer.json()

    async def heard(self, call: str) -> bytes:
        async with self._http.get(f"{self.about['simulator_url']}/calls/{call}/heard.wav") as answer:
            assert answer.status == 200
            return await answer.read()

    async def call_of(self, handset: str, *, number: str | None = None) -> dict[str, Any]:
        """The newest call of a handset, once there is one."""

        async def newest() -> dict[str, Any] | None:
            calls = [c for c in await self.network("GET", "/calls") if handset in (c["from"], c["to"])]
            return calls[-1] if calls else None

        found: dict[str, Any] = await self.until(newest)
        return found

    async def inbox(self, handset: str) -> list[dict[str, Any]]:
        return list(await self.network("GET", f"/subscribers/{handset}/messages"))

    async def hook(self, number: str, **urls: str) -> None:
        """Set URLs of an IncomingPhoneNumber: ``voice_url=…``."""

        def update() -> None:
            (row,) = self.client.incoming_phone_numbers.list(phone_number=number)
            row.update(**urls)

        await asyncio.to_thread(update)

    async def until(self, ask: Callable[[], Any], within_s: float = 30.0) -> Any:
        """Ask until the answer is true; return it. ``ask`` may be a coroutine function."""
        deadline = time.monotonic() + within_s
        while True:
            answer = ask()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return answer
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {within_s:g} s: {ask}")
            await asyncio.sleep(0.1)

    async def call_final(self, sid: str, within_s: float = 60.0) -> Any:
        """The call, once it is over."""

        async def over() -> Any:
            call = await asyncio.to_thread(self.client.calls(sid).fetch)
            return call if call.status in FINAL else None

        return await self.until(over, within_s)

    async def message_final(self, sid: str, within_s: float = 60.0) -> Any:
        async def over() -> Any:
            message = await asyncio.to_thread(self.client.messages(sid).fetch)
            return message if message.status in ("delivered", "undelivered", "failed") else None

        return await self.until(over, within_s)

    def free_handset(self) -> str:
        self._taken.append(next(self._free))
        return self._taken[-1]

    async def lines_free(self) -> None:
        """The next story finds no call of this one: what still lives is hung up at the handsets and by the API.

        Nor does it find what this one told its handsets.
        """

        async def none_live() -> bool:
            live = [call for call in await self.network("GET", "/calls") if call["state"] != "ended"]
            for call in live:
                with suppress(AssertionError):  # it ended by itself meanwhile
                    await self.network("POST", f"/calls/{call['id']}/hangup", {})
            return not live and not await asyncio.to_thread(self._completed) and not await self._lines_busy()

        await self.until(none_live, 40)
        for handset in self._taken:
            await self.network("PUT", f"/subscribers/{handset}", AT_FIRST)
        self._taken.clear()

    async def _lines_busy(self) -> bool:
        """Whether the cloud takes a line for busy or away still: an edge tells it a moment later."""
        login = aiohttp.encode_basic_auth(self.about["account_sid"], self.token)
        url = f"{self.about['base_url']}/simferry/v1/channels"
        async with self._http.get(url, headers={"Authorization": login}) as answer:
            assert answer.status == 200, await answer.text()
            channels = (await answer.json())["channels"]
            return any(one["in_call"] or one["state"] != "registered" for one in channels)

    def _completed(self) -> int:
        """How many calls the API knew as live; each is completed."""
        them = self.client.calls
        live = [call for status in ("queued", "ringing", "in-progress") for call in them.list(status=status)]
        for call in live:
            with suppress(TwilioRestException):  # it ended by itself meanwhile
                call.update(status="completed")
        return len(live)


@pytest.fixture(scope="session")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    """One lab for all stories that leave it as they found it."""
    lab = LabProcess(tmp_path_factory.mktemp("lab"), "--speed", "5")
    yield lab
    status, _, rest = lab.stop()
    assert (status, rest) == (0, "")


@pytest.fixture(scope="session")
def handsets_left(shared_lab: LabProcess) -> Iterator[str]:
    """There are twenty; whoever comes when all were given takes one that another story has done with."""
    return itertools.cycle(shared_lab.about["handsets"]["free"])


@pytest.fixture
async def world(shared_lab: LabProcess, handsets_left: Iterator[str]) -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as http, CustomerApp() as app:
        one = World(shared_lab, http, app)
        one._free = handsets_left
        yield one
        await one.lines_free()
