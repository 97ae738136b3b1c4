"""Lists in pages, as Twilio's clients walk them: by the SID to go on from, so that new rows move nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from cloud.api.forms import Form
from cloud.store.records import Cursor, PageOf
from cloud.web.http import Pairs, Response, json_response
from telecore.errors import InvalidRequest

T = TypeVar("T")

DEFAULT_SIZE = 50
MAX_SIZE = 1000
_OF_PAGING = frozenset({"Page", "PageSize", "PageToken"})


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page is asked for, and with which other parameters."""

    path: str
    number: int
    cursor: Cursor
    filters: Pairs

    def uri(self, number: int, token: str = "") -> str:
        """The URI of another page of the same list."""
        own = [("PageSize", str(self.cursor.size)), ("Page", str(number))] + ([("PageToken", token)] if token else [])
        return f"{self.path}?{urlencode([*self.filters, *own])}"


def read_paging(path: str, params: Pairs) -> Paging:
    """Raises InvalidRequest: 20007 for a page too large, 21481 for a token that is none."""
    form = Form(params)
    size = form.integer("PageSize", DEFAULT_SIZE, 1, 10**9)
    if size > MAX_SIZE:
        raise InvalidRequest(f"'PageSize' may be up to {MAX_SIZE}", field="PageSize", code=20007)
    token = form.text("PageToken")
    direction, sid = token[:2], token[2:]
    if token and (direction not in ("PA", "PB") or not sid):
        raise InvalidRequest("Invalid PageToken", field="PageToken", code=21481)
    cursor = Cursor(size, after=sid if direction == "PA" else None, before=sid if direction == "PB" else None)
    filters = tuple((name, value) for name, value in params if name not in _OF_PAGING)
    return Paging(path, form.integer("Page", 0, 0, 10**9), cursor, filters)


def list_response(key: str, paging: Paging, page: PageOf[T], render: Callable[[T], dict[str, object]]) -> Response:
    """The envelope. Clients take the one key that is not of paging for the list."""
    start = paging.number * paging.cursor.size
    after, before = page.next_after, page.previous_before
    return json_response(
        {
            key: [render(item) for item in page.items],
            "page": paging.number,
            "page_size": paging.cursor.size,
            "start": start,
            "end": start + max(0, len(page.items) - 1),
            "uri": paging.uri(paging.number, _token(paging.cursor)),
            "first_page_uri": paging.uri(0),
            "next_page_uri": paging.uri(paging.number + 1, f"PA{after}") if after else None,
            "previous_page_uri": paging.uri(max(0, paging.number - 1), f"PB{before}") if before else None,
        }
    )


def meta_response(
    key: str, public_url: str, paging: Paging, page: PageOf[T], render: Callable[[T], dict[str, object]]
) -> Response:
    """The envelope of versions 1 and 2 of Twilio's APIs. Clients follow its URLs as they are."""
    after, before = page.next_after, page.previous_before
    meta = {
        "page": paging.number,
        "page_size": paging.cursor.size,
        "first_page_url": public_url + paging.uri(0),
        "previous_page_url": public_url + paging.uri(max(0, paging.number - 1), f"PB{before}") if before else None,
        "url": public_url + paging.uri(paging.number, _token(paging.cursor)),
        "next_page_url": public_url + paging.uri(paging.number + 1, f"PA{after}") if after else None,
        "key": key,
    }
    return json_response({"meta": meta, key: [render(item) for item in page.items]})


def _token(cursor: Cursor) -> str:
    if cursor.after is not None:
        return f"PA{cursor.after}"
    return f"PB{cursor.before}" if cursor.before is not None else ""
