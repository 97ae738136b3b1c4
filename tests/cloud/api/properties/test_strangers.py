"""Whose record it is: nobody else reads, changes or deletes it, nor learns that it is there."""

from __future__ import annotations

import pytest
import requests

from cloud.api.description.model import Endpoint
from cloud.api.description.tables import ENDPOINTS
from tests.cloud.api.properties.told import problem
from tests.fakes.cloud_thread import CloudThread

GUARDED = [endpoint for endpoint in ENDPOINTS if not endpoint.open]
FREE = {"account", "country", "identity", "number"}
"""Pieces of a path that name no record: countries have numbers or none, an identity is what one
wants to be called, and a number that is looked up may be anybody's."""
RECORDS = [endpoint for endpoint in GUARDED if set(endpoint.pieces) - FREE]
NOBODYS = "0" * 32


def name(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.url}"


@pytest.mark.parametrize("endpoint", GUARDED, ids=name)
def test_credentials_are_asked_of_everybody(endpoint: Endpoint, cloud: CloudThread, session: requests.Session) -> None:
    mine, other = cloud.seed(), cloud.seed()
    users: dict[str, tuple[str, str] | None] = {
        "none": None,
        "wrong token": (mine.account.sid, "0" * 32),
        "no account": (f"AC{NOBODYS}", mine.account.auth_token),
        "garbage": ("\0", "é:\r"),
    }
    if "account" in endpoint.pieces:
        users["another's"] = (other.account.sid, other.account.auth_token)
    for kind, who in users.items():
        response = session.request(
            endpoint.method, cloud.url + mine.path(endpoint), auth=who, data=mine.params(endpoint) or None, timeout=20
        )
        assert problem(endpoint, response) == "", kind
        told = (response.status_code, response.json()["code"])
        assert told == (401, 20003) or (kind == "another's" and told == (404, 20404)), kind
        if response.status_code == 401:
            assert response.headers["WWW-Authenticate"] == 'Basic realm="Twilio API"'


@pytest.mark.parametrize("endpoint", RECORDS, ids=name)
def test_what_is_not_there_and_what_is_anothers_look_alike(
    endpoint: Endpoint, cloud: CloudThread, session: requests.Session
) -> None:
    mine, other = cloud.seed(), cloud.seed()
    who = (mine.account.sid, mine.account.auth_token)
    here, there = mine.pieces(endpoint), other.pieces(endpoint)
    foreign = {**there, **({"account": here["account"]} if "account" in here else {})}
    asked = (foreign, {piece: _changed(piece, value) for piece, value in here.items()})
    answers = [
        session.request(
            endpoint.method,
            cloud.url + endpoint.url.format_map(pieces),
            auth=who,
            data=mine.params(endpoint, **pieces) or None,
            timeout=20,
        )
        for pieces in asked
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (404, 20404), answer.text
    first, second = (_masked(answer.json()["message"], pieces) for answer, pieces in zip(answers, asked, strict=True))
    assert first == second
    theirs = session.request(
        endpoint.method,
        cloud.url + other.path(endpoint),
        auth=(other.account.sid, other.account.auth_token),
        data=other.params(endpoint) or None,
        timeout=20,
    )
    assert theirs.status_code in (endpoint.status, *endpoint.errors), "the other's own is as it was"


def _changed(piece: str, value: str) -> str:
    """A name of the right shape that is nobody's."""
    if piece == "account":
        return value
    return value[:2] + NOBODYS if len(value) == 34 else f"no-such-{piece}"


def _masked(message: str, pieces: dict[str, str]) -> str:
    for piece, value in pieces.items():
        message = message.replace(value, f"{{{piece}}}")
    return message
