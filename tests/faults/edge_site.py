"""One site for the fault tests: a simulated network in a process, the agent in another, and a real hub as its cloud."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from telecore.commands import SendMessage
from telecore.ids import ChannelId, MessageSid
from tests.fakes.hub_cloud import Cloud, cloud, write_site
from tests.fakes.tunnel import until
from tests.simulator.rig import Rig

ROOT = Path(__file__).parents[2]


class Site:
    """``modems`` are used from the first on; the channel of the n-th is ``site-1/modem<n>``."""

    def __init__(self, rig: Rig, made: Cloud, config: Path) -> None:
        self.rig, self.cloud, self.config = rig, made, config
        self.handset: str = rig.line["handsets"]["free"][0]
        self.process: asyncio.subprocess.Process | None = None
        self.bodies: dict[str, str] = {}

    async def start(self) -> None:
        with (self.config.parent / "agent.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "edge_agent", "run", "--config", str(self.config)), cwd=ROOT, stderr=log
            )

    async def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        assert await asyncio.wait_for(self.process.wait(), 30) == 0

    def send(self, body: str, modem: int = 1, *, repeat: bool = False) -> MessageSid:
        """Accept a message for a modem."""
        sid = MessageSid(f"SM{len(self.bodies):032x}")
        self.bodies[sid] = body
        channel = ChannelId(f"site-1/modem{modem}")
        not_after = datetime.now(UTC) + timedelta(hours=2)
        self.cloud.wish(
            SendMessage(message=sid, channel=channel, to=self.handset, body=body, not_after=not_after, repeat=repeat)
        )
        return sid

    async def receive(self, body: str, modem: int = 1) -> None:
        """Let the handset write to a SIM."""
        to = self.rig.line["numbers"][modem - 1]
        await self.api("POST", f"/subscribers/{self.handset}/messages", {"to": to, "body": body})

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        status, value = await asyncio.to_thread(self.rig.api.ask, method, path, body)
        assert status in (200, 201), value
        return value

    def told(self, *kinds: str) -> dict[str, dict[str, Any]]:
        """The events of these kinds, by message."""
        return {event["message"]: event for kind in kinds for event in self.cloud.told.of(kind)}

    def settled(self) -> int:
        return len(self.told("message.submitted", "message.failed"))

    async def at_rest(self) -> None:
        """Every message that went is with the handset, or 10 s have passed without that."""
        failed = self.told("message.failed")
        wanted = {body for sid, body in self.bodies.items() if sid not in failed}
        for _ in range(100):
            if wanted <= {message["body"] for message in await self._inbox()}:
                return
            await asyncio.sleep(0.1)

    async def _inbox(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.api("GET", f"/subscribers/{self.handset}/messages")
        return found

    async def books(self) -> dict[str, int]:
        """What became of the messages that were accepted."""
        heard = Counter(message["body"] for message in await self._inbox())
        submitted, failed = self.told("message.submitted"), self.told("message.failed")
        unknown = {sid for sid, event in failed.items() if event["uncertain"]}
        gone = [sid for sid, body in self.bodies.items() if not heard[body] and sid not in failed]
        return {
            "accepted": len(self.bodies),
            "lost": len(gone),
            "doubled": sum(times > 1 for times in heard.values()),
            "unknown": len(unknown),
            "failed": len(failed) - len(unknown),
            "submitted": len(submitted),
            "delivered": len(self.told("message.delivered")),
        }

    async def left_in_modem(self, modem: int = 1) -> int:
        """Messages to be sent that lie in it; the agent must not run."""
        line = await asyncio.to_thread(self.rig.at, modem)
        line.ask('AT+CPMS="ME"')
        listed = line.ask("AT+CMGL=4")
        line.close()
        del self.rig.open[modem]
        return listed.count("+CMGL:")


@asynccontextmanager
async def site(folder: Path, rig: Rig, modems: int = 1) -> AsyncIterator[Site]:
    """The agent is not started yet."""
    lines = [rig.line["modems"][n] for n in range(modems)]
    devices = ", ".join(
        f"{{id: modem{n + 1}, port: {line['at']}, audio: {line['pcm']}, number: {rig.line['numbers'][n]}}}"
        for n, line in enumerate(lines)
    )
    async with cloud() as made:
        config = await asyncio.to_thread(write_site, folder, made.hub.port, f"[{devices}]")
        running = Site(rig, made, config)
        try:
            yield running
        finally:
            if running.process is not None and running.process.returncode is None:
                await running.kill()


__all__ = ["Site", "site", "until"]
