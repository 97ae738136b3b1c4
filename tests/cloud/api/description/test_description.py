"""The tables against what is served, what handlers read, what they answer, and what Twilio's own client can send."""

from __future__ import annotations

import ast
import asyncio
import json
import re
from collections.abc import AsyncIterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from jsonschema_rs import validator_for

from cloud.api import forms
from cloud.api.description.absent import ABSENT
from cloud.api.description.markdown import document as markdown
from cloud.api.description.model import Endpoint
from cloud.api.description.openapi import document
from cloud.api.description.tables import ENDPOINTS, LEFT_OUT, SCHEMAS
from cloud.api.urls import PATHS, RELEASES
from cloud.store import accounts, releases
from cloud.store.database import Connection
from cloud.web.routing import pattern_of
from tests.cloud.api.test_releases import RELEASE
from tests.fakes.api_site import basic
from tests.fakes.official_client import operations
from tests.fakes.seeded_cloud import SeededCloud, seeded_cloud

ROOT = Path(__file__).parents[4]
OPERATORS = ("/operator", "/healthz", "/readyz")


def braces(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


BY_REQUEST = {(endpoint.method, braces(endpoint.url)): endpoint for endpoint in ENDPOINTS}
BEFORE = {
    ("POST", "promote_token"): ("POST", "secondary_token"),
    ("DELETE", "secondary_token"): ("POST", "secondary_token"),
}
"""What has to be asked first, so that an example is taken."""


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[SeededCloud]:
    async with seeded_cloud(tmp_path) as made:
        yield made


class Reads(dict[str, list[str]]):
    """What a form was asked for, whatever the way."""

    asked: set[str] = set()

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> list[str]:
        self.asked.add(name)
        return super().__getitem__(name)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names that forms have been asked for."""
    original = forms.Form.__init__

    def recording(self: forms.Form, pairs: Any) -> None:
        original(self, pairs)
        self._values = Reads(self._values)

    monkeypatch.setattr(forms.Form, "__init__", recording)
    Reads.asked.clear()
    return Reads.asked


async def test_what_is_served_is_described_and_the_other_way_round(cloud: SeededCloud) -> None:
    served = {
        (route.method, pattern_of(route.path))
        for route in cloud.parts.web.routes
        if not route.path.startswith((*OPERATORS, "/client/static", "/media/")) and route.path not in ("/", "/client")
    }
    described = {(endpoint.method, pattern_of(_whole_path(endpoint))) for endpoint in ENDPOINTS}
    assert served - described == set(), "served, and not in cloud/api/description"
    assert described - served == set(), "described, and not served"
    assert len(described) == len(ENDPOINTS), "described twice"


def _whole_path(endpoint: Endpoint) -> str:
    return PATHS.get(endpoint.path, endpoint.path)


async def test_examples_are_taken_and_read_what_is_described_and_answered_as_described(
    cloud: SeededCloud, asked: set[str]
) -> None:
    """Each endpoint once for each of its examples: the status, the shape to the last field, and the parameters read."""
    served = document("https://gw.example")
    wrong: list[str] = []
    async with aiohttp.ClientSession() as http:
        for endpoint in ENDPOINTS:
            asked.clear()
            for example in (endpoint.example, *endpoint.examples):
                wrong += await _answered(cloud, http, endpoint, dict(example), served)
            known = {param.name for param in endpoint.params if param.known}
            if not endpoint.json:
                wrong += [
                    f"{endpoint.method} {endpoint.url} reads {name}, undescribed" for name in sorted(asked - known)
                ]
                wrong += [f"{endpoint.method} {endpoint.url} never reads {name}" for name in sorted(known - asked)]
    assert wrong == []


def _with_a_release(conn: Connection, owner: str) -> None:
    """There is one, and all other accounts are this one's: only then may an account see to releases."""
    releases.add(conn, RELEASE)
    for account in accounts.roots(conn):
        if account.sid != owner:
            accounts.update(conn, account.sid, owner=owner)


async def _answered(
    cloud: SeededCloud, http: aiohttp.ClientSession, endpoint: Endpoint, example: dict[str, str], served: Any
) -> list[str]:
    seed = await cloud.seed()
    if endpoint.path.startswith(RELEASES):
        await cloud.parts.db.write(lambda conn: _with_a_release(conn, seed.account.sid))
    if (before := BEFORE.get((endpoint.method, endpoint.path))) is not None:
        async with http.request(before[0], cloud.url + PATHS[before[1]], headers=basic(seed.account)) as answer:
            assert answer.status < 300, await answer.text()
    params = seed.fill(example)
    how: dict[str, Any] = {"json": params} if endpoint.json else {"data": params}
    if endpoint.method != "POST":
        how = {"params": params}
    headers = {} if endpoint.open else basic(seed.account)
    async with http.request(endpoint.method, cloud.url + seed.path(endpoint), headers=headers, **how) as answer:
        body = await answer.read()
        about = f"{endpoint.method} {endpoint.url} {params}: {answer.status} {body[:300]!r}"
        if answer.status != endpoint.status:
            return [about] if answer.status not in endpoint.errors else []
    if endpoint.answer.shape in ("sound", "any"):
        return []
    if endpoint.answer.shape == "none":
        return [] if body == b"" else [about]
    operation = served["paths"][endpoint.url][endpoint.method.lower()]
    schema = operation["responses"][str(endpoint.status)]["content"]["application/json"]["schema"]
    checked = validator_for({**schema, "components": served["components"]})
    problems = [f"{about}: {error.message} at {error.instance_path}" for error in checked.iter_errors(json.loads(body))]
    listed = json.loads(body).get(endpoint.answer.key) if endpoint.answer.key else [None]
    if not listed and endpoint.standing.kind != "impossible":
        problems.append(f"{about}: the list is empty, so nothing was compared")
    return problems


def test_no_handler_reads_a_parameter_that_nobody_describes() -> None:
    """Those that are read on some path that no example takes are found in the source."""
    described = {param.name for endpoint in ENDPOINTS for param in endpoint.params}
    found = {
        (str(path.relative_to(ROOT)), str(call.args[0].value))
        for path in sorted((ROOT / "cloud" / "api").glob("*.py"))
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and re.search(r"(^|\.)form$|^Form\(", ast.unparse(call.func.value))
        and call.func.attr in vars(forms.Form)
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }
    assert {one for one in found if one[1] not in described} == set()
    assert len(found) > 30


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_schema_is_used(name: str) -> None:
    assert any(endpoint.answer.schema == name for endpoint in ENDPOINTS)


def test_every_parameter_that_the_official_client_sends_is_described() -> None:
    """As taken, or as ignored: none is forgotten."""
    missing = {
        f"{operation.method} {operation.path} {name}"
        for operation in operations()
        if (operation.method, operation.path) in BY_REQUEST
        for name in operation.params
        if name not in {param.name for param in BY_REQUEST[operation.method, operation.path].params}
    }
    assert missing == set()


def test_every_field_that_the_official_client_reads_is_answered() -> None:
    """Or named among those that are left out, which are left out indeed."""
    missing: dict[str, set[str]] = {}
    for operation in operations():
        endpoint = BY_REQUEST.get((operation.method, operation.path))
        if endpoint is not None and endpoint.answer.schema:
            name = endpoint.answer.schema
            missing.setdefault(name, set()).update(operation.fields - set(SCHEMAS[name]))
    assert {name: fields for name, fields in missing.items() if fields} == {
        name: set(fields) for name, fields in LEFT_OUT.items()
    }


def test_every_request_of_the_official_client_is_served_or_said_to_be_absent() -> None:
    requests = {f"{operation.method} {operation.path}" for operation in operations()}
    unserved = {request for request in requests if tuple(request.split(" ", 1)) not in BY_REQUEST}
    told = {row.requests: {request for request in unserved if matches(request, row.requests)} for row in ABSENT}
    assert unserved - set().union(*told.values()) == set(), "neither described nor in absent.py"
    assert [row for row, found in told.items() if not found] == [], "served after all, or never there"


def matches(request: str, row: str) -> bool:
    return fnmatchcase(request.replace("{}", "{1"), row.replace("{}", "{1").replace("[", "[[]"))


def test_examples_name_what_is_described() -> None:
    wrong = [
        f"{endpoint.method} {endpoint.url} {name}"
        for endpoint in ENDPOINTS
        for example in (endpoint.example, *endpoint.examples)
        for name in example
        if name not in {param.name for param in endpoint.params}
    ]
    assert wrong == []


def test_the_committed_document_is_what_the_tables_say() -> None:
    command = "python -m cloud.api.description > docs/twilio.md"
    assert (ROOT / "docs" / "twilio.md").read_text() == markdown(), f"stale: {command}"


async def test_the_description_is_served_to_anybody(cloud: SeededCloud) -> None:
    address = f"{cloud.url}/simferry/v1/openapi.json"
    async with asyncio.timeout(10), aiohttp.ClientSession() as http, http.get(address) as answer:
        served = await answer.json()
    assert answer.status == 200
    assert served == document("https://gw.example")
    assert served["openapi"] == "3.1.0"
    assert served["components"]["securitySchemes"]["basic"]["scheme"] == "basic"
