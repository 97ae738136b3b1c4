"""Which endpoints the stories tell, and what of it was told: requests that a client made and that were answered."""

from __future__ import annotations

import re
from functools import cache

from cloud.api.description.model import Endpoint
from cloud.api.description.tables import ENDPOINTS

HEARD: set[tuple[str, str]] = set()
"""``("GET", "calls")``: answered well since the file of stories began, or refused where it is never possible."""


def note(method: str, url_path: str, status: int) -> None:
    """A request of a client, and the status of its answer."""
    for endpoint in _of_twilio():
        if endpoint.method == method and re.fullmatch(_pattern(endpoint.url), url_path):
            if status < 400 or endpoint.standing.kind == "impossible":
                HEARD.add(name_of(endpoint))
            return


def name_of(endpoint: Endpoint) -> tuple[str, str]:
    return endpoint.method, endpoint.path


@cache
def twilios() -> frozenset[tuple[str, str]]:
    """The endpoints that are Twilio's."""
    return frozenset(name_of(endpoint) for endpoint in _of_twilio())


@cache
def _of_twilio() -> tuple[Endpoint, ...]:
    """The most exact path first: ``Local.json`` before ``{sid}.json``."""
    ours = [one for one in ENDPOINTS if re.match(r"/(2010-04-01|v\d)/", one.url)]
    return tuple(sorted(ours, key=lambda one: (one.url.count("{"), -len(one.url))))


def _pattern(url: str) -> str:
    return "[^/]+".join(re.escape(piece) for piece in re.split(r"\{\w+\}", url))


def words(text: str) -> frozenset[tuple[str, str]]:
    """``"calls: GET POST"``, one path a line."""
    pairs = (line.split(":") for line in text.strip().splitlines())
    return frozenset((method, path.strip()) for path, methods in pairs for method in methods.split())
