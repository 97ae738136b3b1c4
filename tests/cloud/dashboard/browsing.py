"""A browser without a screen: keeps cookies, finds the token of a form, logs in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from cloud.dashboard.cookies import COOKIE
from tests.cloud.dashboard.conftest import PASSWORD


class Browser:
    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url = url
        self.http = http
        self.page = ""
        self.where = ""

    async def get(self, path: str) -> int:
        async with self.http.get(self.url + path) as answer:
            self.page, self.where = await answer.text(), answer.url.path
            return answer.status

    async def post(self, path: str, **fields: str) -> int:
        """With the token of the page that was read last; redirects are followed."""
        form = {"csrf": self.csrf, **fields}
        async with self.http.post(self.url + path, data=form) as answer:
            self.page, self.where = await answer.text(), answer.url.path
            return answer.status

    async def log_in(self, user: str = "ann", password: str = PASSWORD) -> int:
        self.http.cookie_jar.clear(lambda morsel: morsel.key == COOKIE)
        await self.get("/operator")
        return await self.post("/operator/login", user=user, password=password)

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.page)
        return found[1] if found else ""

    def found(self, pattern: str) -> str:
        found = re.search(pattern, self.page, re.DOTALL)
        assert found, self.page
        return found[1]

    def cookie(self, name: str) -> str:
        return next((morsel.value for morsel in self.http.cookie_jar if morsel.key == name), "")


@asynccontextmanager
async def browsing(url: str) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield Browser(url, http)
