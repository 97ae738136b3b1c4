"""The words in which an endpoint is described, and how each of its parts stands to Twilio's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloud.api.urls import PATHS

Json = dict[str, Any]
"""A JSON Schema (2020-12), or a piece of an OpenAPI document."""


@dataclass(frozen=True, slots=True)
class Standing:
    """``kind``: same, differs, impossible (on a SIM), ours (Twilio has none). ``how``: in which way, with the code."""

    kind: str
    how: str = ""

    def __str__(self) -> str:
        return f"{_WORDS[self.kind]}: {self.how}" if self.how else _WORDS[self.kind]


_WORDS = {"same": "same", "differs": "differs", "impossible": "not possible on a SIM", "ours": "ours"}
SAME = Standing("same")


def differs(how: str) -> Standing:
    return Standing("differs", how)


def impossible(how: str, code: int | None = None) -> Standing:
    """Refused with this code; without one it is accepted and warned of, or changes nothing that can be seen."""
    return Standing("impossible", f"{how} ({code})" if code is not None else how)


def ours(how: str = "") -> Standing:
    return Standing("ours", how)


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a query or a form. ``known``: whether a form of ours asks for it; else it is ignored."""

    name: str
    schema: Json
    standing: Standing = SAME
    needed: bool = False
    repeated: bool = False
    known: bool = True


Params = tuple[Param, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes on success. ``schema`` names an entry of SCHEMAS; ``key`` the list it is in.

    ``shape``: one, page (the envelope of 2010-04-01), meta (that of v1 and v2), list (all at once), whole (likewise,
    with its uri), none, sound, any.
    """

    shape: str
    schema: str = ""
    key: str = ""


NOTHING = Answer("none")
SOUND = Answer("sound")


def one(schema: str) -> Answer:
    return Answer("one", schema)


def page(key: str, schema: str) -> Answer:
    return Answer("page", schema, key)


def meta(key: str, schema: str) -> Answer:
    return Answer("meta", schema, key)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``path`` is a name in PATHS, or the path itself. ``example``: parameters of a request that is taken.

    ``examples``: further ones, so that each parameter that is read only beside another is read once in the tests.
    ``errors``: codes of HTTP beyond those that every endpoint of its kind has.
    """

    method: str
    path: str
    summary: str
    answer: Answer
    takes: Params = ()
    status: int = 200
    standing: Standing = SAME
    example: Mapping[str, str] = field(default_factory=dict)
    examples: tuple[Mapping[str, str], ...] = ()
    errors: tuple[int, ...] = ()
    json: bool = False
    open: bool = False

    @property
    def url(self) -> str:
        """The path with its pieces in braces, without their patterns."""
        return re.sub(r"\{(\w+):(?:[^{}]|\{[^{}]*\})*\}", r"{\1}", PATHS.get(self.path, self.path))

    @property
    def pieces(self) -> tuple[str, ...]:
        return tuple(re.findall(r"\{(\w+)\}", self.url))

    @property
    def params(self) -> Params:
        """All of them, those of paging too."""
        return self.takes + (PAGING if self.answer.shape in ("page", "meta") else ())


@dataclass(frozen=True, slots=True)
class Family:
    """The endpoints of one resource."""

    name: str
    endpoints: tuple[Endpoint, ...]


PAGING: Params = (
    Param("PageSize", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 50}),
    Param("Page", {"type": "integer", "minimum": 0, "maximum": 10**9}),
    Param("PageToken", {"type": "string", "pattern": "^P[AB].+"}),
)
