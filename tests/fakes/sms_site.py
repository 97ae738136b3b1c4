"""The agent's real Messages and Spool over one tongue: a site that carries SMS both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from edge_agent.contracts import SmsService
from edge_agent.drivers.gateway.management import Management
from edge_agent.messages import Messages
from edge_agent.spool import Spool, Taken
from telecore.commands import SendMessage
from telecore.ids import E164, ChannelId, MessageSid
from telecore.model import ChannelState
from tests.fakes.tongues import ANSWERS, CHANNELS, MessagesCore, until

Row = dict[str, Any]


class SmsSite:
    """``tongue``: open, and run by ``carrying``."""

    def __init__(self, spool: Spool, core: MessagesCore, tongue: Management) -> None:
        self.spool = spool
        self.core = core
        self.tongue = tongue
        self.messages = Messages(spool, self, doubt_s=0.4)
        core.messages = self.messages
        self._count = 0

    def sms(self, channel: ChannelId) -> SmsService | None:
        line = next((line for line in self.tongue.lines if line.channel == channel), None)
        return self.tongue.sms(line) if line is not None else None

    def registered(self, channel: ChannelId) -> bool:
        return self.core.state(channel) is ChannelState.REGISTERED

    def number(self, channel: ChannelId) -> E164 | None:
        return None

    async def send(self, body: str, to: str = ANSWERS, line: int = 0) -> str:
        self._count += 1
        sid = MessageSid(f"SM{self._count}")
        command = SendMessage(message=sid, channel=CHANNELS[line], to=to, body=body, not_after=None)
        seq = await self.spool.applied("cloud") + 1
        if await self.spool.journal([Taken("cloud", seq, command)]) == [True]:
            self.messages.enqueue(command)
        return sid

    async def told(self, kind: str) -> list[Row]:
        return [row for _, row in await self.spool.read(0, 1000) if row["kind"] == kind]

    async def until_told(self, kind: str, count: int = 1) -> list[Row]:
        async with asyncio.timeout(8):
            while len(found := await self.told(kind)) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return found


@asynccontextmanager
async def carrying(path: Path, tongue: Management) -> AsyncIterator[SmsSite]:
    """Open the tongue, run it and the messages; let go of all of it at the end."""
    spool = await Spool.open(path)
    core = MessagesCore()
    site = SmsSite(spool, core, tongue)
    await tongue.open()
    tasks = [asyncio.create_task(tongue.run(core)), asyncio.create_task(site.messages.run())]
    try:
        await until(lambda: all(site.registered(channel) for channel in CHANNELS))
        yield site
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await tongue.close()
        await spool.close()
