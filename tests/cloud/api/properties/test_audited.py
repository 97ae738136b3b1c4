"""Every request that changes something but traffic leaves one entry, done or refused; the others leave none."""

from __future__ import annotations

import pytest
import requests

from cloud.api.audited import TRAFFIC
from cloud.api.description.model import Endpoint
from cloud.api.description.tables import ENDPOINTS
from tests.cloud.api.properties.test_strangers import name
from tests.fakes.cloud_thread import CloudThread

CHANGING = [endpoint for endpoint in ENDPOINTS if endpoint.method != "GET"]


def test_traffic_is_a_part_of_what_there_is() -> None:
    assert len(TRAFFIC) < len(CHANGING) / 3


@pytest.mark.parametrize("endpoint", CHANGING, ids=name)
def test_each_change_is_one_entry(endpoint: Endpoint, cloud: CloudThread, session: requests.Session) -> None:
    mine = cloud.seed()
    before = len(cloud.audited())
    params = mine.params(endpoint)
    answer = session.request(
        endpoint.method,
        cloud.url + mine.path(endpoint),
        auth=None if endpoint.open else (mine.account.sid, mine.account.auth_token),
        **({"json": params} if endpoint.url == "/edges/enrol" else {"data": params or None}),
        timeout=20,
    )
    made = cloud.audited()[: len(cloud.audited()) - before]
    if (endpoint.method, endpoint.url) in TRAFFIC:
        assert made == []
    elif answer.status_code == 401:
        assert made == [], "strangers must not fill the log"
    else:
        (entry,) = made
        assert entry.result == "done" if answer.status_code < 400 else entry.result.startswith("refused")
        assert entry.who == ("an edge by its token" if endpoint.open else mine.account.sid)
        assert entry.source == "127.0.0.1"
        for value in params.values():
            assert len(value) < 6 or value not in entry.detail, "names are kept, not values"


def test_whoever_cannot_prove_who_he_is_leaves_none(cloud: CloudThread, session: requests.Session) -> None:
    before = len(cloud.audited())
    for _ in range(3):
        url = f"{cloud.url}/2010-04-01/Accounts/AC{'0' * 32}/Keys.json"
        assert session.post(url, auth=(f"AC{'0' * 32}", "x"), timeout=20).status_code == 401
    assert len(cloud.audited()) == before
