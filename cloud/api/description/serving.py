"""``GET /simferry/v1/openapi.json``: what this cloud serves. Anybody may read it."""

from __future__ import annotations

from cloud.api.description.openapi import document
from cloud.api.urls import OPENAPI
from cloud.web.http import Request, Response, Route, json_response


class DescriptionApi:
    """``public_url`` is how this cloud is reached from outside."""

    def __init__(self, public_url: str) -> None:
        self._response = json_response(document(public_url))

    def routes(self) -> list[Route]:
        return [Route("GET", OPENAPI, self.fetch)]

    async def fetch(self, request: Request) -> Response:
        return self._response
