"""The cloud's own handler of Messages behind Starlette and uvicorn: the same work in another web framework."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn  # type: ignore[import-not-found,unused-ignore]
from starlette.applications import Starlette  # type: ignore[import-not-found,unused-ignore]
from starlette.responses import Response as Answer  # type: ignore[import-not-found,unused-ignore]
from starlette.routing import Route  # type: ignore[import-not-found,unused-ignore]

from cloud.app import built
from cloud.config import load
from cloud.web.http import Handler, Request
from cloud.web.routing import Router

PATH = "/2010-04-01/Accounts/{account}/Messages.json"


def served(handler: Handler) -> Callable[[Any], Awaitable[Any]]:
    async def answer(asked: Any) -> Any:
        request = Request(
            method=asked.method,
            path=asked.url.path,
            query=asked.url.query,
            body=await asked.body(),
            content_type=asked.headers.get("content-type", ""),
            headers=asked.headers,
            fields=asked.path_params,
        )
        response = await handler(request)
        return Answer(response.body, response.status, media_type=response.content_type)

    return answer


async def main(folder: Path, port: int) -> None:
    config = folder / "cloud.yaml"
    config.write_text("data_dir: data\n")
    async with built(load(config)) as parts, asyncio.TaskGroup() as group:
        desk = group.create_task(parts.desk.run())
        handler, _ = Router(parts.web.routes).find("POST", PATH.format(account="AC"))
        app = Starlette(routes=[Route(PATH, served(handler), methods=["POST"])])
        await uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="warning", access_log=False)).serve()
        desk.cancel()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
