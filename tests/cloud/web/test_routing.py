"""Paths to handlers."""

from __future__ import annotations

import pytest

from cloud.web.http import Request, Response, Route
from cloud.web.routing import MethodNotAllowed, Router
from telecore.errors import NotFound


async def one(_: Request) -> Response:
    return Response()


async def two(_: Request) -> Response:
    return Response()


ROUTER = Router(
    [
        Route("GET", "/a/{x}.json", one),
        Route("POST", "/a/{x}.json", two),
        Route("GET", "/a/{x:RE[0-9]{2}}", two),
        Route("GET", "/a+b", one),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "handler", "fields"),
    [
        ("GET", "/a/1.json", one, {"x": "1"}),
        ("POST", "/a/1.json", two, {"x": "1"}),
        ("GET", "/a/b%20c%2Fd.json", one, {"x": "b c/d"}),
        ("GET", "/a/RE12", two, {"x": "RE12"}),
        ("GET", "/a/1.json.json", one, {"x": "1.json"}),
        ("GET", "/a+b", one, {}),
    ],
)
def test_found(method: str, path: str, handler: object, fields: dict[str, str]) -> None:
    assert ROUTER.find(method, path) == (handler, fields)


@pytest.mark.parametrize("path", ["/", "/a", "/a/.json", "/a/1/2.json", "/a/RE123", "/aab", "/a/1.json/", "/A/1.json"])
def test_not_found(path: str) -> None:
    with pytest.raises(NotFound, match="was not found"):
        ROUTER.find("GET", path)


def test_another_method() -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        ROUTER.find("DELETE", "/a/1.json")
    assert caught.value.allowed == ("GET", "POST")


def test_a_pattern_must_be_whole() -> None:
    with pytest.raises(ValueError, match="not closed"):
        Router([Route("GET", "/a/{x", one)])


def test_the_ending_of_twilios_first_api_may_be_left_out() -> None:
    root = "/2010-04-01/Accounts/{account}"
    routes = [
        Route("GET", f"{root}/Recordings/{{sid}}.json", one),
        Route("GET", f"{root}/Recordings/{{sid:RE[0-9]+}}", two),
        Route("GET", "/v1/Things.json", one),
    ]
    router = Router(routes)
    here = "/2010-04-01/Accounts/AC1/Recordings"
    assert router.find("GET", f"{here}/x") == (one, {"account": "AC1", "sid": "x"})
    assert router.find("GET", f"{here}/x.json") == (one, {"account": "AC1", "sid": "x"})
    assert router.find("GET", f"{here}/RE1") == (two, {"account": "AC1", "sid": "RE1"})
    with pytest.raises(MethodNotAllowed):
        router.find("PUT", f"{here}/x")
    with pytest.raises(NotFound) as caught:
        router.find("GET", f"{here}/x/y")
    assert caught.value.message.endswith("/x/y was not found")
    with pytest.raises(NotFound):
        router.find("GET", "/v1/Things")
