"""Which sites a page is to show, as its URL says it: ``?q=village&show=trouble&after=site-99``."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from cloud.fleet.snapshot import Look
from cloud.web.http import Request, pairs

LONGEST = 63
_TROUBLE = "trouble"


def look_of(request: Request) -> Look:
    """What is asked for; what is longer than any name is cut."""
    given = dict(pairs(request.query))
    search, after = (given.get(name, "").strip()[:LONGEST] for name in ("q", "after"))
    return Look(search.lower(), given.get("show") == _TROUBLE, after)


def query(look: Look) -> str:
    """The same, for a URL; nothing for all sites from the first on."""
    asked = (("q", look.search), ("show", _TROUBLE if look.trouble else ""), ("after", look.after))
    return urlencode([(name, value) for name, value in asked if value])


def beyond(look: Look, after: str) -> str:
    """The query of the sites that come next; nothing if these are the last."""
    return query(replace(look, after=after)) if after else ""
