"""Deletion reaches the edge, with the real processes: also one that was away, and what it tells of afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from edge_agent.blobs import EdgeBlobs
from edge_agent.spool import Spool
from telecore.audio.wav import write_wav
from telecore.events import CallEnded, CallOffered, Event, MessageReceived, RecordingBegan, RecordingMade
from telecore.ids import Address, CallSid, ChannelId, MessageSid, RecordingSid, Sha256, new_sid
from telecore.model import Recording
from tests.fakes.cloud_process import API, ROOT, CloudProcess, free_port

CHANNEL = ChannelId("site-1/modem1")
WORDS, NUMBER, SOUND = "the-code-is-4711", "+85599123456", b"what-was-said-"
MARKS = (WORDS.encode(), NUMBER.encode(), SOUND)


class Site:
    """An edge without modems, whose recordings wait for an hour that does not come; its data folder can be filled."""

    def __init__(self, folder: Path, cloud: CloudProcess) -> None:
        folder.mkdir()
        self.data, self.config, self.log, self.port = (
            folder / "data",
            folder / "agent.yaml",
            folder / "log",
            free_port(),
        )
        now = datetime.now().astimezone()
        hours = f"{now + timedelta(hours=3):%H:%M}-{now + timedelta(hours=4):%H:%M}"
        self.config.write_text(
            f"data_dir: data\nstatus: {{port: {self.port}}}\ndevices: []\n"
            f"cloud: {{budget: {{monthly_mb: 100, cheap_hours: '{hours}'}}}}\n"
        )
        token = cloud.result("enrol-edge", "site-1")["token"]
        line = ["enrol", "--cloud", f"http://127.0.0.1:{cloud.web}", f"--token={token}", "--config", str(self.config)]
        subprocess.run([sys.executable, "-m", "edge_agent", *line], check=True, cwd=ROOT, capture_output=True)

    def fill(self, *events: Event, sounds: Sequence[bytes] = ()) -> None:
        """As an agent would that was not connected."""

        async def write() -> None:
            spool = await Spool.open(self.data / "spool.db")
            blobs = await EdgeBlobs.open(self.data / "blobs", clips_bytes=1 << 20)
            for sound in sounds:
                await blobs.add(sound)
            for event in events:
                await spool.append(event)
            await blobs.close()
            await spool.close()

        asyncio.run(write())

    @contextmanager
    def running(self) -> Iterator[None]:
        line = [sys.executable, "-m", "edge_agent", "run", "--config", str(self.config)]
        with self.log.open("ab") as log:
            process = subprocess.Popen(line, cwd=ROOT, stderr=log)
        try:
            yield
        finally:
            process.kill()
            process.wait(10)

    def told(self) -> bool:
        """Whether the cloud has everything."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/status", timeout=5) as answer:
                status = json.load(answer)
        except OSError:
            return False
        return bool(status["tunnel"]["connected"]) and status["spooled"] == 0

    def recordings(self) -> list[str]:
        return [path.name for path in (self.data / "blobs" / "recordings").iterdir()]


def until(wanted: Callable[[], bool], within_s: float = 20.0) -> None:
    began = time.monotonic()
    while not wanted():
        assert time.monotonic() - began < within_s
        time.sleep(0.05)


def found(folder: Path) -> list[str]:
    """Files that hold any of it."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "log"]
    return [path.name for path in files if any(mark in path.read_bytes() for mark in MARKS)]


def sound(number: int) -> bytes:
    return write_wav((SOUND + f"{number:02}".encode()) * 500)


def call(sid: CallSid) -> list[Event]:
    offered = CallOffered(call=sid, channel=CHANNEL, caller=Address(NUMBER), called=None)
    return [offered, CallEnded(call=sid, cause=16, by="caller")]


def made(of: CallSid, sid: RecordingSid, data: bytes, sha256: Sha256) -> RecordingMade:
    return RecordingMade(
        call=of, recording=Recording(sid, of, sha256, len(data), 1.0), status_callback=f"http://{WORDS}"
    )


def sha_of(data: bytes) -> Sha256:
    return Sha256(hashlib.sha256(data).hexdigest())


def test_what_is_deleted_goes_from_an_edge_that_was_away_and_what_it_tells_late_too(tmp_path: Path) -> None:
    cloud = CloudProcess(tmp_path)
    cloud.create_account()
    cloud.start()
    try:
        site = Site(tmp_path / "site-1", cloud)
        message, first, second = MessageSid(new_sid("SM")), CallSid(new_sid("CA")), CallSid(new_sid("CA"))
        kept, gone, late = (RecordingSid(new_sid("RE")) for _ in range(3))
        waiting = [made(first, sid, sound(n), sha_of(sound(n))) for n, sid in enumerate((kept, gone))]
        received = MessageReceived(
            message=message, channel=CHANNEL, sender=Address(NUMBER), recipient=None, body=WORDS, parts=1, sent_at=None
        )
        site.fill(received, *call(first), *call(second), *waiting, sounds=[sound(0), sound(1)])
        with site.running():
            until(site.told)
        base = f"{API}/{cloud.account}"
        assert cloud.get(f"{base}/Recordings/{gone}.json").body["status"] == "processing"
        assert found(site.data)

        # It is away, and meanwhile all of it but one recording is deleted.
        for path in (f"Messages/{message}", f"Recordings/{gone}", f"Calls/{second}"):
            assert cloud.ask("DELETE", f"{base}/{path}.json").status == 204
        with site.running():
            until(lambda: site.recordings() == [f"{sha_of(sound(0))}.wav"])
            assert cloud.ask("DELETE", f"{base}/Recordings/{kept}.json").status == 204
            assert cloud.ask("DELETE", f"{base}/Calls/{first}.json").status == 204
            until(lambda: site.recordings() == [])
            until(lambda: found(tmp_path) == [], 30)

        # It was away again, and tells of sound it made for a deleted call, and of a deleted recording.
        again = RecordingBegan(call=first, sid=gone, status_callback=f"http://{WORDS}")
        site.fill(again, made(second, late, sound(2), sha_of(sound(2))), sounds=[sound(2)])
        assert site.recordings()
        with site.running():
            until(lambda: site.told() and site.recordings() == [])
            until(lambda: found(tmp_path) == [], 30)
            for sid in (late, gone, kept):
                assert cloud.get(f"{base}/Recordings/{sid}.json").status == 404
        assert "not its own" not in cloud.log.read_text()
    finally:
        cloud.kill()
