"""A hub and an uplink over a real WebSocket on loopback, with stores in memory and a proxy between them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection

from cloud.tunnel.hub import Hub, HubTimes
from cloud.tunnel.line import LineTimes as HubLineTimes
from edge_agent.config import CloudConfig
from edge_agent.identity import Identity
from edge_agent.joining import Joining
from edge_agent.uplink import LineTimes, Uplink, UplinkTimes
from telecore.backoff import Policy
from telecore.ids import EdgeId
from telecore.notices import Notice
from tests.fakes.streets import BatchIn, Blobs, In, Out
from tests.fakes.tcp_proxy import TcpProxy

EDGE = EdgeId("site-1")
KEY = "5ec2e7" * 10

QUICK = UplinkTimes(
    line=LineTimes(open=2, ping=0.3, pong=0.3, close=0.3),
    greeting=2.0,
    coalesce=0.002,
    steady=0.0,
    refused=0.3,
    retry=Policy(first=0.02, factor=1.0, cap=0.02),
)
QUICK_HUB = HubTimes(
    line=HubLineTimes(open=2, ping=0.3, pong=0.3, close=0.3), greeting=1.0, coalesce=0.002, alive=0.3, back=0.0
)


class Rig:
    """Everything of one edge and its cloud."""

    def __init__(self) -> None:
        self.up, self.down = Out("up"), Out("down")
        self.at_cloud, self.at_edge = BatchIn(), In()
        self.edge_blobs, self.cloud_blobs = Blobs(), Blobs()
        self.cloud_notices: list[Notice] = []
        self.edge_notices: list[Notice] = []
        self.cloud_links: list[bool] = []
        self.edge_links: list[bool] = []
        self.refusals: list[str] = []
        self.urgent = False
        self.saves = False
        self.greeting: list[Notice] = []
        self.keys = {EDGE: KEY}
        self.hub = self.make_hub()
        self.proxy = TcpProxy(0)

    def make_hub(self, port: int = 0) -> Hub:
        async def authenticate(edge: EdgeId, key: str) -> bool:
            return self.keys.get(edge) == key

        return Hub(
            "127.0.0.1",
            port,
            authenticate=authenticate,
            outgoing=lambda edge: self.down,
            incoming=lambda edge: self.at_cloud,
            blobs=self.cloud_blobs,
            on_notice=lambda edge, notice: self.cloud_notices.append(notice),
            on_link=lambda edge, up: self.cloud_links.append(up),
            times=QUICK_HUB,
        )

    def uplink(
        self,
        *,
        key: str = KEY,
        port: int | None = None,
        times: UplinkTimes = QUICK,
        cloud: CloudConfig | None = None,
        spent: Callable[[], Collection[str]] = tuple,
    ) -> Uplink:
        return Uplink(
            f"ws://127.0.0.1:{port or self.proxy.port}/tunnel",
            Joining(Identity(EDGE, key, ""), None),
            self.up,
            self.at_edge,
            self.edge_blobs,
            on_notice=self.edge_notices.append,
            greeting=lambda: self.greeting,
            on_link=self.edge_links.append,
            on_refused=self.refusals.append,
            urgent=lambda: self.urgent,
            saves=lambda: self.saves,
            times=times,
            cloud=cloud,
            spent=spent,
        )

    @contextlib.asynccontextmanager
    async def cloud(self, bytes_per_s: float | None = None) -> AsyncIterator[None]:
        """The hub and the proxy before it."""
        async with running(self.hub.run()):
            await self.hub.ready()
            self.proxy = TcpProxy(self.hub.port, bytes_per_s)
            async with self.proxy.running():
                yield


@contextlib.asynccontextmanager
async def running(*coroutines: object) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run these beside the body; at the end cancel them and see that they end in time."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]  # type: ignore[arg-type]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        async with asyncio.timeout(10):
            results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def until(condition: Callable[[], object], within_s: float = 15.0) -> None:
    """Wait for it to become true."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
