"""What a box tells of its own accord: one POST each, tried again when nobody takes it."""

from __future__ import annotations

import asyncio
import json

from aiohttp import ClientError, ClientSession, ClientTimeout

PUSH_TRIES = 3
PUSH_AGAIN_S = 1.0


class Webhooks:
    """`url` empty: nothing is told."""

    def __init__(self, url: str, sn: str) -> None:
        self.url = url
        self._sn = sn
        self._under_way: set[asyncio.Task[None]] = set()

    def push(self, name: str, value: object) -> None:
        """Tell it soon."""
        if self.url:
            task = asyncio.get_running_loop().create_task(self._post({"sn": self._sn, name: value}))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    def stop(self) -> None:
        """What is not told yet is not told."""
        for task in list(self._under_way):
            task.cancel()

    async def _post(self, value: dict[str, object]) -> None:
        body = json.dumps(value, ensure_ascii=False).encode()
        for _ in range(PUSH_TRIES):
            try:
                async with (
                    ClientSession(timeout=ClientTimeout(total=5)) as session,
                    session.post(self.url, data=body, headers={"Content-Type": "application/json"}) as answer,
                ):
                    if answer.status == 200:
                        return
            except (ClientError, TimeoutError, OSError):
                pass
            await asyncio.sleep(PUSH_AGAIN_S)
