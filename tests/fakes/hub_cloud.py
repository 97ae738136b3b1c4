"""A cloud that is a real hub with stores in memory, and the folder of an edge that is enrolled there."""

from __future__ import annotations

import contextlib
from pathlib import Path

from cloud.tunnel.hub import Hub
from edge_agent.identity import Identity
from telecore.codec import encode
from telecore.commands import Command
from telecore.ids import EdgeId
from telecore.notices import Heartbeat
from tests.fakes.streets import BatchIn, Blobs, Out
from tests.fakes.tunnel import KEY, QUICK_HUB, running

EDGE = EdgeId("site-1")


class Told(BatchIn):
    """Keeps whole events."""

    async def apply(self, stream, seq, payload, *, history):
        await super().apply(stream, seq, {"value": payload}, history=history)

    def of(self, kind):
        return [event for event in self.values if event["kind"] == kind]


class Cloud:
    """A hub with stores in memory."""

    def __init__(self):
        self.down, self.told, self.blobs = Out("down"), Told(), Blobs()
        self.notices = []
        self.hub = Hub(
            "127.0.0.1",
            0,
            authenticate=self.authenticate,
            outgoing=lambda edge: self.down,
            incoming=lambda edge: self.told,
            blobs=self.blobs,
            on_notice=lambda edge, notice: self.notices.append(notice),
            on_link=lambda edge, up: None,
            times=QUICK_HUB,
        )

    async def authenticate(self, edge, key):
        return (edge, key) == (EDGE, KEY)

    def wish(self, command: Command) -> None:
        self.down.highest += 1
        self.down.rows.append((self.down.highest, encode(command)))
        self.hub.wake(EDGE)

    def heartbeat(self) -> Heartbeat | None:
        return next((notice for notice in reversed(self.notices) if isinstance(notice, Heartbeat)), None)


@contextlib.asynccontextmanager
async def cloud():
    made = Cloud()
    async with running(made.hub.run()):
        await made.hub.ready()
        yield made


def write_site(folder: Path, port: int, devices="[]"):
    """A configured and enrolled edge's folder."""
    (folder / "agent.yaml").write_text(f"data_dir: data\nstatus: {{port: 0}}\ndevices: {devices}\n")
    (folder / "data").mkdir(exist_ok=True)
    Identity(EDGE, KEY, f"ws://127.0.0.1:{port}/tunnel").save(folder / "data" / "identity.json")
    return folder / "agent.yaml"
