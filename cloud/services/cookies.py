"""The cookies of an application: of one call, or of one conversation by SMS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.cookies import CookieError, Morsel, SimpleCookie

import aiohttp
from yarl import URL

MOST = 50
MOST_CHARS = 4096


class Cookies:
    """Sent back only to where they came from. ``kept`` is what another one's ``text`` gave; what is no such is none."""

    def __init__(self, kept: str = "") -> None:
        self._jar = aiohttp.CookieJar(unsafe=True)
        self._heard: dict[tuple[str, str], str] = {}
        for origin, name, written in _read(kept):
            self.heard(URL(origin), _parsed(written), name)

    def heard(self, origin: URL, cookies: Mapping[str, Morsel[str]], only: str = "") -> None:
        """Those that came with an answer of this URL."""
        for name, morsel in cookies.items():
            place = (str(origin.with_query(None)), name)
            written = morsel.OutputString()
            if len(written) <= MOST_CHARS and (place in self._heard or len(self._heard) < MOST) and only in ("", name):
                self._heard[place] = written
                self._jar.update_cookies({name: morsel}, origin)

    def of(self, target: URL) -> SimpleCookie:
        """Those to send along."""
        found = self._jar.filter_cookies(target)
        return found if isinstance(found, SimpleCookie) else SimpleCookie(found)

    def text(self) -> str:
        """To be kept; nothing when there are none."""
        return json.dumps([[*place, written] for place, written in self._heard.items()]) if self._heard else ""


def _read(kept: str) -> list[tuple[str, str, str]]:
    return [(origin, name, written) for origin, name, written in json.loads(kept)] if kept else []


def _parsed(written: str) -> SimpleCookie:
    found = SimpleCookie()
    try:
        found.load(written)
    except CookieError:
        return SimpleCookie()
    return found
