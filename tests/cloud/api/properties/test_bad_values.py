"""Each parameter of each endpoint with what a careless or hostile caller puts there, everything else being right.

CI tries two things on each parameter, others for each of them: one of the values, and that it is missing or there
twice. Everything on each with ``SIMFERRY_ALL_VALUES=1``.
"""

from __future__ import annotations

import os
import zlib

import pytest
import requests

from cloud.api.description.model import Endpoint
from cloud.api.description.tables import ENDPOINTS
from tests.cloud.api.properties.told import problem
from tests.fakes.cloud_thread import CloudThread
from tests.fakes.seeded_cloud import Seed

ALL = bool(os.environ.get("SIMFERRY_ALL_VALUES"))
TIMES = ("twice", "missing")
VALUES = {
    "empty": "",
    "blank": "  ",
    "NUL": "a\0b",
    "Unicode": "ភាសាខ្មែរ \u202e𝔘\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "a line's end": "a\r\nSet-Cookie: b=c",
    "long": "x" * 5000,
    "many digits": "9" * 100_000,
    "negative": "-1",
    "a fraction": "1.5",
    "infinite": "1e999",
    "other digits": "１２３",
    "a word": "hello",
    "a list": '["a"]',
    "SQL": "'; DROP TABLE calls; --",
    "XML": "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><Response>&b;</Response>",
    "a template": "{{7*7}}${7*7}%s%n",
    "a path": "../../../etc/passwd",
    "a strange URL": "http://[::1",
    "no URL": "javascript:alert(1)",
    "a year": "9999-12-31T23:59:59Z",
    "no day": "2026-02-30",
    "an offset": "2026-01-01T00:00:00+99:99",
}
ASKING = [endpoint for endpoint in ENDPOINTS if endpoint.params]


@pytest.mark.parametrize("endpoint", ASKING, ids=[f"{endpoint.method} {endpoint.url}" for endpoint in ASKING])
def test_no_value_of_a_parameter_is_too_much(endpoint: Endpoint, cloud: CloudThread, session: requests.Session) -> None:
    seed = cloud.seed()
    good = seed.params(endpoint)
    wrong = {}
    for name in (param.name for param in endpoint.params):
        rest = _without(good, name)
        cases = {kind: [*rest, (name, value)] for kind, value in VALUES.items()}
        cases |= {"twice": [*rest, (name, "hello"), (name, good.get(name, ""))], "missing": rest}
        for kind in _chosen(f"{endpoint.method} {endpoint.url} {name}"):
            if told := problem(endpoint, _ask(session, cloud, endpoint, seed, cases[kind])):
                wrong[name, kind] = told
    assert wrong == {}


def _chosen(name: str) -> list[str]:
    """Some of the kinds, spread so that together the parameters get all of them."""
    at = zlib.crc32(name.encode())
    return [*VALUES, *TIMES] if ALL else [list(VALUES)[at % len(VALUES)], TIMES[at // len(VALUES) % 2]]


def _without(params: dict[str, str], name: str) -> list[tuple[str, str]]:
    return [(key, value) for key, value in params.items() if key != name]


def _ask(
    session: requests.Session, cloud: CloudThread, endpoint: Endpoint, seed: Seed, params: list[tuple[str, str]]
) -> requests.Response:
    who = None if endpoint.open else (seed.account.sid, seed.account.auth_token)
    url = cloud.url + seed.path(endpoint)
    if endpoint.json:
        return session.request(endpoint.method, url, auth=who, json=dict(params), timeout=20)
    if endpoint.method == "POST":
        return session.request("POST", url, auth=who, data=params, timeout=20)
    fitting = [(key, value[:4000]) for key, value in params]  # a request line has its own limit
    return session.request(endpoint.method, url, auth=who, params=fitting, timeout=20)
