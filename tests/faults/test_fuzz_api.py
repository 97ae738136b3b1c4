"""What anybody who has credentials, or none, may ask of the API: every endpoint, its own parameters, odd values."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes

import aiohttp
import pytest
from hypothesis import strategies as st
from yarl import URL

from cloud.api.description.model import Endpoint
from cloud.api.description.tables import ENDPOINTS
from tests.fakes.api_site import basic
from tests.fakes.seeded_cloud import Seed, SeededCloud, seeded_cloud
from tests.faults.conftest import Progress, Report
from tests.faults.fuzzing import NUMBERS, WORDS, fuzz, spoiled_bytes

NAMES = sorted({param.name for endpoint in ENDPOINTS for param in endpoint.params})
ODD = (
    *NUMBERS, *WORDS, "+85512000001", "+1", "%2B855", "sip:a@b", "client:x", "http://127.0.0.1:1/x", "http://[::ffff:10.0.0.1]/",
    "file:///etc/passwd", "true", "TRUE", "2026-02-30", "9999-12-31", "-1 day", "<Response><Say>x</Say></Response>",
    "<Response>", "{\"a\":1}", "[]", "'; DROP TABLE calls; --", "\r\nX: y", "AC" + "0" * 32, "ទឹក" * 500,
    "Say" * 3000, "\x1a", "**21*1#", "0.5.1", "1,2,3", "*", "?", "=", "GET", "queued",
)  # fmt: skip
TYPES = (
    "application/x-www-form-urlencoded",
    "application/json",
    "text/xml",
    "multipart/form-data; boundary=x",
    "",
    "x/\xff",
)
BODIES = (b"To=%2B1&From=%2B2&Body=x", b'{"a": [1, {"b": null}]}', b"--x\r\n\r\n")
FRESH = 50
"""Requests that share what was seeded."""
PER_S = 5.0


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. ``pieces`` take the place of the path's own; ``raw`` of the whole body."""

    endpoint: Endpoint
    pieces: dict[str, str]
    params: list[tuple[str, str]]
    known: bool
    raw: bytes | None
    kind: str


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    endpoint = draw(st.sampled_from(ENDPOINTS))
    example = list(dict(endpoint.example).items())
    names = [param.name for param in endpoint.params] or NAMES
    for change in draw(st.lists(st.integers(0, 3), max_size=4)):
        if change == 0 and example:
            example.pop(draw(st.integers(0, len(example) - 1)))
        elif change == 1 and example:
            at = draw(st.integers(0, len(example) - 1))
            example[at] = (example[at][0], draw(st.sampled_from(ODD)))
        else:
            example.append((draw(st.sampled_from(names if change == 2 else NAMES)), draw(st.sampled_from(ODD))))
    pieces: dict[str, str] = {}
    if endpoint.pieces and draw(st.integers(0, 4)) == 0:
        pieces[draw(st.sampled_from(endpoint.pieces))] = draw(st.sampled_from(ODD))
    raw = draw(
        st.none() | st.none() | spoiled_bytes((b"To=%2B1&From=%2B2&Body=x", b'{"a": [1, {"b": null}]}', b"--x\r\n\r\n"))
    )
    return Ask(endpoint, pieces, example, draw(st.integers(0, 9)) > 0, raw, draw(st.sampled_from(TYPES)))


class Door:
    """A seeded cloud on a real port, asked from a loop of its own."""

    def __init__(self, runner: asyncio.Runner, cloud: SeededCloud) -> None:
        self._runner = runner
        self._cloud = cloud
        self._http = runner.run(_session())
        self.statuses: dict[int, int] = {}
        self._seed: Seed | None = None
        self._asked = 0
        self._fresh = True

    def close(self) -> None:
        self._runner.run(self._http.close())

    def ask_again(self, what: Ask) -> None:
        """The same of one account only: a new one has its place in memory, as it should."""
        self._fresh = False
        self.ask(what)

    def ask(self, what: Ask) -> None:
        """No answer is a fault of ours, each has the one shape, and none takes long."""
        status, body, kind = self._runner.run(self._ask(what))
        self.statuses[status] = self.statuses.get(status, 0) + 1
        assert status < 500, (status, body[:500])
        if status >= 400 and what.endpoint.path.startswith(("/2010", "/v1", "/v2")):
            told = json.loads(body)
            assert {"code", "message", "status"} <= set(told), told
        assert "text/html" not in kind or status < 400 or b"Traceback" not in body

    async def _ask(self, what: Ask) -> tuple[int, bytes, str]:
        self._asked += 1
        if self._asked % FRESH == 0 and self._fresh:
            self._seed = None  # much of it has been deleted by now
        seed = self._seed = self._seed or await self._cloud.seed()
        path = what.endpoint.url
        for name, value in (seed.pieces(what.endpoint) | what.pieces).items():
            path = path.replace("{" + name + "}", quote(value.encode("utf-8", "surrogatepass"), safe=""))
        filled = [
            (name, seed.fill({name: value})[name]) if "{" in value else (name, value) for name, value in what.params
        ]
        form = "&".join(f"{_coded(name)}={_coded(value)}" for name, value in filled)
        headers = basic(seed.account) if what.known else {}
        send: dict[str, Any] = {}
        if what.endpoint.method == "POST" or what.raw is not None:
            send["data"] = form.encode() if what.raw is None else what.raw
            headers["Content-Type"] = (
                TYPES[0] if what.raw is None else what.kind.encode("latin-1").decode("ascii", "ignore")
            )
        else:
            path += f"?{form}"
        url = URL(self._cloud.url + path, encoded=True)
        async with (
            asyncio.timeout(PER_S),
            self._http.request(what.endpoint.method, url, headers=headers, **send) as answer,
        ):
            if answer.status == 401 and what.known and self._fresh:
                self._seed = None  # it closed its own account, or took its token away
            return answer.status, await answer.read(), answer.headers.get("Content-Type", "")


def _coded(text: str) -> str:
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with asyncio.Runner() as runner:
        context = seeded_cloud(tmp_path)
        made = Door(runner, runner.run(context.__aenter__()))
        yield made
        made.close()
        runner.run(context.__aexit__(None, None, None))


def test_every_endpoint(door: Door, report: Report, progress: Progress) -> None:
    found = fuzz(asks(), door.ask, (), progress, again=door.ask_again)
    statuses = " ".join(f"{status}:{times}" for status, times in sorted(door.statuses.items()))
    report("fuzz: the REST API", **found.figures(), statuses=statuses)
    assert len(door.statuses) > 2
