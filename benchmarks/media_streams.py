"""A hundred media streams at once through one edge and one cloud process: round trips, pace and CPU (goal 3).

``python -m benchmarks.media_streams [streams] [seconds] [ms of coalescing]``. An application echoes what it hears. Ours
goes edge → tunnel → cloud → application and back; beside it the same client, messages and application without edge,
tunnel and cloud. A frame is stamped where the edge hands it to the tunnel and read where it comes back, so that what is
measured is what streams add to a call; the two waits for the edge's 20 ms clock are not in it. Contenders take turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import struct
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from cloud.services.addresses import AddressPolicy
from cloud.services.feeds import Feeds
from cloud.services.pace import Pace
from cloud.services.stream import Stream, StreamOrder
from cloud.services.stream_socket import StreamDoor
from cloud.tunnel.hub import Hub, HubTimes
from edge_agent.call.feeds import Feeds as EdgeFeeds
from edge_agent.identity import Identity
from edge_agent.joining import Joining
from edge_agent.media.clock import MediaClock
from edge_agent.media.leg import Leg
from edge_agent.uplink import Uplink, UplinkTimes
from telecore.commands import CloseFeed, OpenFeed
from telecore.ids import AccountSid, CallSid, EdgeId, FeedId, new_sid
from telecore.media_streams import StreamIdentity, Teller
from telecore.model import Track
from telecore.notices import Do, FeedClosed, FeedOpened, Notice
from telecore.tunnel.link import MediaHandler
from telecore.twiml.control import StreamSpec
from tests.fakes.streets import BatchIn, Blobs, In, Out

EDGE, KEY = EdgeId("site-1"), "k" * 32
ROUNDS = 3
SETTLE_S = 1.0
_STAMP = struct.Struct("<d")


class Trips:
    """Stamps frames and reads the stamps of those that come back."""

    def __init__(self) -> None:
        self.on = False
        self.took: list[float] = []
        self.sent = 0

    def stamp(self, payload: bytes) -> bytes:
        self.sent += self.on
        return _STAMP.pack(time.monotonic()) + payload[_STAMP.size :]

    def read(self, payload: bytes) -> None:
        (at,) = _STAMP.unpack_from(payload)
        if self.on and at > 1.0:
            self.took.append((time.monotonic() - at) * 1000)

    async def measure(self, seconds: float) -> tuple[float, float, float]:
        """p50 and p99 in ms, and the share of frames that came back."""
        await asyncio.sleep(SETTLE_S)
        self.took, self.sent, self.on = [], 0, True
        await asyncio.sleep(seconds)
        self.on = False
        trips = sorted(self.took)
        return trips[len(trips) // 2], trips[len(trips) * 99 // 100], len(trips) / max(1, self.sent)


class StampingMedia:
    """The uplink's media, with stamps."""

    def __init__(self, uplink: Uplink, trips: Trips) -> None:
        self._uplink, self._trips = uplink, trips

    def send_media(self, stream: int, payload: bytes) -> bool:
        return self._uplink.send_media(stream, self._trips.stamp(payload))

    def on_media(self, stream: int, handler: MediaHandler | None) -> None:
        def came(sequence: int, payload: bytes) -> None:
            self._trips.read(payload)
            assert handler is not None
            handler(sequence, payload)

        self._uplink.on_media(stream, came if handler is not None else None)


# ---------------------------------------------------------------------- the cloud, in a process of its own


async def cloud(url: str, coalesce_s: float) -> None:
    """A hub whose every OpenFeed wish is a stream to the application; the edge says how many by its notices."""
    pace, door = Pace(), StreamDoor(AddressPolicy(["127.0.0.0/8"]))
    streams: list[Stream] = []
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(stream: Stream) -> None:
        if await stream.open():
            await stream.serve()
        await stream.close()

    def begin(count: int) -> None:
        for _ in range(count):
            spec = StreamSpec(url, both_ways=True)
            order = StreamOrder(
                EDGE,
                CallSid(new_sid("CA")),
                AccountSid(new_sid("AC")),
                "secret",
                FeedId(new_sid("MZ")),
                url,
                spec,
                False,
            )
            streams.append(Stream(order, feeds, door, pace, lambda code, text: print(code, text, file=sys.stderr)))
            tasks.add(asyncio.create_task(serve(streams[-1])))

    def told(edge: EdgeId, notice: Notice) -> None:
        match notice:
            case FeedOpened():
                feeds.opened(edge, notice)
            case FeedClosed():
                feeds.closed(edge, notice)

    async def authenticate(edge: EdgeId, key: str) -> bool:
        return key == KEY

    hub = Hub(
        "127.0.0.1", 0, authenticate=authenticate, outgoing=lambda edge: Out("down"), incoming=lambda edge: BatchIn(),
        blobs=Blobs(), on_notice=told, on_link=lambda edge, up: None, times=HubTimes(coalesce=coalesce_s),
    )  # fmt: skip
    feeds = Feeds(hub)
    running = asyncio.create_task(hub.run())
    await hub.ready()
    print(hub.port, flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if line.strip() == "stop":
            for stream in streams:
                stream.end()
            if tasks:
                await asyncio.wait(tasks)
            streams.clear()
            tasks.clear()
        else:
            begin(int(line))
        print("done", flush=True)
    running.cancel()


# ---------------------------------------------------------------------- the application, in a process of its own


async def application() -> None:
    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket, sid = web.WebSocketResponse(compress=False), ""
        await socket.prepare(request)
        async for frame in socket:
            message = json.loads(frame.data)
            if message["event"] == "media":
                payload = message["media"]["payload"]
                with contextlib.suppress(ConnectionError):
                    await socket.send_str(f'{{"event":"media","streamSid":"{sid}","media":{{"payload":"{payload}"}}}}')
            elif message["event"] == "start":
                sid = message["streamSid"]
        return socket

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().create_future()


# ---------------------------------------------------------------------- the edge, and the measuring


class Process:
    """It ends with the stack."""

    def __init__(self, stack: contextlib.AsyncExitStack, *arguments: str) -> None:
        command = [sys.executable, "-m", "benchmarks.media_streams", *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stack.callback(self._process.wait)
        stack.callback(self._process.kill)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def cpu_s(self) -> float:
        return int(Path(f"/proc/{self._process.pid}/schedstat").read_text().split()[0]) / 1e9

    async def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        await asyncio.to_thread(self._process.stdout.readline)


@contextlib.asynccontextmanager
async def edge(port: int, trips: Trips, coalesce_s: float) -> AsyncIterator[MediaClock]:
    """An uplink, feeds, and a leg for each that is wished."""
    clock, legs = MediaClock(), {}

    def obey(notice: Notice) -> None:
        if isinstance(notice, Do) and isinstance(command := notice.command, OpenFeed):
            leg = legs[command.feed] = Leg(clock)
            leg.start()
            feeds.open(command, leg)
        elif isinstance(notice, Do) and isinstance(command := notice.command, CloseFeed):
            feeds.close(command.feed)
            if (leg := legs.pop(command.feed, None)) is not None:
                leg.close()

    up = asyncio.Event()
    uplink = Uplink(
        f"ws://127.0.0.1:{port}/tunnel", Joining(Identity(EDGE, KEY, ""), None), Out("up"), In(), Blobs(),
        on_notice=obey, greeting=lambda: [], on_link=lambda linked: up.set(), times=UplinkTimes(coalesce=coalesce_s),
    )  # fmt: skip
    feeds = EdgeFeeds(uplink.notify, StampingMedia(uplink, trips))
    running = asyncio.create_task(uplink.run())
    try:
        await asyncio.wait_for(up.wait(), 10)
        yield clock
    finally:
        running.cancel()
        await asyncio.wait([running])


class Bare:
    """The same messages straight to the application, one each 20 ms."""

    def __init__(self, trips: Trips) -> None:
        self._trips = trips
        self._teller = Teller(StreamIdentity("AC", "CA", new_sid("MZ")), (Track.INBOUND,), {})

    async def open(self, door: StreamDoor, url: str) -> None:
        self.socket = await door.open(url, {})
        self.socket.listen(self._came)
        self.socket.send(self._teller.start())

    def tick(self) -> None:
        self.socket.send(self._teller.media(Track.INBOUND, self._trips.stamp(bytes(160))))

    def _came(self, text: str | bytes) -> None:
        self._trips.read(b64decode(json.loads(text)["media"]["payload"]))


async def bare(url: str, streams: int, seconds: float, trips: Trips) -> tuple[float, float, float]:
    clock, door = MediaClock(), StreamDoor(AddressPolicy(["127.0.0.0/8"]))
    clients = [Bare(trips) for _ in range(streams)]
    for client in clients:
        await client.open(door, url)
        clock.add(client)
    try:
        return await trips.measure(seconds)
    finally:
        for client in clients:
            clock.remove(client)
            await client.socket.close()


async def compare(streams: int, seconds: float, coalesce_s: float) -> None:
    trips = Trips()
    rounds: dict[str, list[tuple[float, ...]]] = {"ours": [], "bare": []}
    async with contextlib.AsyncExitStack() as stack:
        url = f"ws://127.0.0.1:{Process(stack, 'application').port}/"
        served = Process(stack, "cloud", url, str(coalesce_s))
        clock = await stack.enter_async_context(edge(served.port, trips, coalesce_s))
        for _ in range(ROUNDS):
            await served.tell(str(streams))
            before, own = served.cpu_s(), time.process_time()
            ours = await trips.measure(seconds)
            took = SETTLE_S + seconds
            rounds["ours"].append(
                (
                    *ours,
                    (served.cpu_s() - before) / took,
                    (time.process_time() - own) / took,
                    clock.lateness_p99() * 1000,
                )
            )
            await served.tell("stop")
            rounds["bare"].append(await bare(url, streams, seconds, trips))
    print(f"\n{streams} streams, round trip beyond the edge's clock, coalescing {coalesce_s * 1000:g} ms each way")
    for name, values in rounds.items():
        p50, p99, back, *rest = (statistics.median(column) for column in zip(*values, strict=True))
        print(f"  {name:6} p50 {p50:7.2f} ms  p99 {p99:7.2f} ms  {back:.4f} of the frames came back")
        if rest:
            of_cloud, of_edge, late = rest
            print(
                f"         CPU of a core: cloud {of_cloud:.0%}, edge {of_edge:.0%}; edge's clock late p99 {late:.1f} ms"
            )


def main(arguments: list[str]) -> None:
    begin: dict[str, Callable[[], Any]] = {
        "cloud": lambda: asyncio.run(cloud(arguments[1], float(arguments[2]))),
        "application": lambda: asyncio.run(application()),
    }
    if arguments and arguments[0] in begin:
        with contextlib.suppress(KeyboardInterrupt):
            begin[arguments[0]]()
        return
    counts = [int(arguments[0])] if arguments else [1, 10, 50, 100]
    seconds = float(arguments[1]) if len(arguments) > 1 else 5.0
    windows_ms = [float(arguments[2])] if len(arguments) > 2 else [0.0, 5.0]
    for streams in counts:
        for window_ms in windows_ms:
            asyncio.run(compare(streams, seconds, window_ms / 1000))


if __name__ == "__main__":
    main(sys.argv[1:])
