"""What a peer of the tunnel may say: frames in every phase, on both sides; events into the cloud's store."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from cloud.services.caps import CapKeeper
from cloud.store import accounts, edges
from cloud.store.database import Database
from cloud.tunnel.ingest import Ingest
from telecore.codec import decode_command, decode_event, decode_notice, encode
from telecore.errors import RemoteProtocolError
from telecore.ids import EdgeId
from telecore.tunnel.frames import Bulk, Side, encode_bulk
from telecore.tunnel.protocol import TunnelProtocol
from tests.fakes.store import store_url
from tests.faults.conftest import Progress, Report
from tests.faults.fuzzing import fuzz, spoiled_bytes, spoiled_json, spoiled_text
from tests.telecore.test_codec import CASES, sample
from tests.telecore.tunnel.test_protocol import greeted_pair

OBJECTS = [dict(encode(sample(member))) for _, member in CASES]
EVENTS = [data for data in OBJECTS if data["kind"] in {m.kind for f, m in CASES if f.__name__ == "Event"}]
HELLO = {"type": "hello", "side": "edge", "edge": "site-1", "instance": "i", "stream": "up", "highest": 3}
FRAMES: list[dict[str, Any]] = [
    HELLO | {"version": 1, "minimum": 1},
    {"type": "resume", "stream": "down", "applied": 0},
    {"type": "ack", "applied": 0},
    {"type": "bye", "code": "fault", "reason": "x"},
    *({"type": "item", "seq": n + 1, "payload": data} for n, data in enumerate(OBJECTS)),
    *({"type": "notice", "payload": data} for data in OBJECTS),
]
TEXTS = [json.dumps(frame) for frame in FRAMES]
BINARY = [
    b"\x01\x00\x01\x00\xa0" + bytes(160),
    b"\x01" + b"".join(b"\x00\x02" + bytes([n]) + b"\x04abcd" for n in range(20)),
    encode_bulk(Bulk(3, 1400, True, b"abc")),
    encode_bulk(Bulk(2**32 - 1, 2**64 - 1, False, bytes(900))),
]
MESSAGE = st.one_of(
    spoiled_json(FRAMES).map(json.dumps),
    spoiled_text(TEXTS),
    spoiled_bytes(BINARY),
)
PHASES = ("before the greeting", "half greeted", "greeted edge", "greeted cloud")


def end_in(phase: str) -> TunnelProtocol:
    if phase.startswith("greeted"):
        edge, cloud = greeted_pair()
        end = edge if phase == "greeted edge" else cloud
        end.offer((n, {"n": n}) for n in range(1, 9))
        end.next_item()
        return end
    end = TunnelProtocol(Side.CLOUD, edge="site-1", stream="down", highest=0)
    end.start()
    if phase == "half greeted":
        end.receive(TEXTS[0])
        end.resume(0)
    return end


def hear(said: tuple[str, list[str | bytes]]) -> None:
    """A whole conversation. Nothing is raised; what comes out is bounded; payloads are values or one error."""
    phase, messages = said
    end = end_in(phase)
    for message in messages:
        end.receive(message)
    events = end.events()
    assert len(events) <= 2 * len(messages) + 4
    assert sum(map(len, end.data_to_send())) < 10_000
    for event in events:
        payload = getattr(event, "payload", None)
        for decode in (decode_event, decode_command, decode_notice) if isinstance(payload, dict) else ():
            try:
                value = decode(payload)
            except RemoteProtocolError:
                continue
            json.dumps(encode(value)).encode()


def test_frames(report: Report, progress: Progress) -> None:
    said = st.tuples(st.sampled_from(PHASES), st.lists(MESSAGE, min_size=1, max_size=6))
    report("fuzz: tunnel frames", **fuzz(said, hear, (), progress, share=0.5).figures())


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[tuple[asyncio.Runner, Any]]:
    """The street of one edge into a real store, and the loop to use it in."""
    with asyncio.Runner() as runner:
        db = Database(store_url(tmp_path))
        runner.run(db.__aenter__())
        account = runner.run(db.write(lambda conn: accounts.create(conn, "One")))
        runner.run(db.write(lambda conn: edges.create(conn, EdgeId("site-1"), account.sid)))
        yield runner, Ingest(db, allow=CapKeeper().allow).incoming(EdgeId("site-1"))
        runner.run(db.__aexit__(None, None, None))


def test_events_into_the_store(ingest: tuple[asyncio.Runner, Any], report: Report, progress: Progress) -> None:
    runner, street = ingest
    numbers = itertools.count(1)
    ours = [json.loads(json.dumps(data).replace('"x"', '"site-1/modem1"')) for data in EVENTS]

    def take(payload: Any) -> None:
        if isinstance(payload, dict):
            seq = next(numbers)
            runner.run(street.apply("s", seq, payload, history=seq % 5 == 0))
            assert runner.run(street.applied("s")) == seq

    report(
        "fuzz: events into the cloud's store",
        **fuzz(spoiled_json([*EVENTS, *ours]), take, (), progress, share=0.5).figures(),
    )
