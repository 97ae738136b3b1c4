"""Calls over the simulator's modems, in its own process: what the handsets hear is what was sent, sample by sample."""

import asyncio
import json
import random
import struct
import sys
from contextlib import asynccontextmanager

import aiohttp
import pytest

from edge_agent.calls import Calls
from edge_agent.config import DeviceConfig
from edge_agent.devices.profiles import load_profiles
from edge_agent.devices.registry import Site, make_device
from edge_agent.devices.runner import DeviceRunner
from edge_agent.media.clock import MediaClock
from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16
from telecore.audio.wav import read_wav, write_wav
from telecore.commands import HangUp, RouteDial, RoutedLeg, RunPage
from telecore.ids import CallSid, DeviceId, EdgeId, channel_id, new_sid
from telecore.model import ChannelState
from telecore.notices import Announced, PageEnded, RouteWanted
from telecore.twiml.control import CollectSpec, DialSpec, DialTarget
from telecore.twiml.verbs.dial import Dial
from telecore.twiml.verbs.gather import Gather
from telecore.twiml.verbs.play import Play
from telecore.twiml.verbs.record import Record
from telecore.twiml.verbs.say import Say
from tests.fakes.blob_store import FolderBlobs, clip_of

pytestmark = [pytest.mark.flow, pytest.mark.timeout(90)]

PROFILES = load_profiles()
EDGE = EdgeId("site-1")


def noise(ms, seed):
    """Sound that µ-law carries exactly and no part of which is like another."""
    chance = random.Random(seed)
    count = 8 * ms
    return ulaw_to_l16(l16_to_ulaw(struct.pack(f"<{count}h", *(chance.randrange(-9000, 9000) for _ in range(count)))))


def share_heard(said, heard):
    """How much of it arrived unchanged and in order, by frames."""
    frames, found, at = [said[n : n + 320] for n in range(0, len(said), 320)], 0, 0
    for frame in frames:
        where = heard.find(frame, at)
        if where >= 0:
            found, at = found + 1, where
    return found / len(frames)


class SilentCore:
    """A Core for a test that is about calls only."""

    def __init__(self):
        self.incoming = None
        self.registered = set()

    async def part(self, part): ...
    async def report(self, report): ...

    async def radio(self, channel, status):
        if status.state is ChannelState.REGISTERED:
            self.registered.add(channel)

    async def ussd(self, channel, reply): ...
    async def event(self, event): ...
    def stored(self, channel, level): ...


class Site1:
    """The agent's calls on the lab's modems, and hands on the handsets."""

    def __init__(self, lab, http, directory):
        self.lab = lab
        self.http = http
        self.blobs = FolderBlobs(directory)
        self.notices = asyncio.Queue()
        self.clock = MediaClock()
        core = self.core = SilentCore()
        site = Site(EDGE, PROFILES)
        self.runners = {}
        for modem in lab["modems"]:
            config = DeviceConfig(DeviceId(modem["name"]), modem["at"], audio=modem["pcm"])
            channel = channel_id(EDGE, config.id)
            make = lambda config=config: make_device(config, site)  # noqa: E731
            self.runners[channel] = DeviceRunner(modem["name"], make, [channel], core, stopping=asyncio.Event())
        self.calls = Calls(
            self._emit, self._notify, fetch=self._fetch, blobs=self.blobs, voice=self._voice, clock=self.clock
        )
        core.incoming = self.calls.incoming

    async def heard(self, kind, call=None):
        """The next notice of this kind, or event of this class name."""
        async with asyncio.timeout(30):
            while True:
                notice = await self.notices.get()
                said = notice.event if isinstance(notice, Announced) else notice
                if kind in (type(said), said.kind) and call in (None, said.call):
                    return said

    def clip(self, samples):
        clip, data = clip_of(samples)
        self.blobs.put(data)
        return clip

    async def post(self, path, **body):
        async with self.http.post(self.lab["url"] + path, **body) as answer:
            answer.raise_for_status()
            return await answer.json(content_type=None)

    async def get(self, path):
        async with self.http.get(self.lab["url"] + path) as answer:
            answer.raise_for_status()
            return await answer.json(content_type=None)

    async def heard_by(self, call):
        async with self.http.get(f"{self.lab['url']}/calls/{call}/heard.wav") as answer:
            return read_wav(await answer.read()).samples

    async def _emit(self, event):
        return 1

    def _notify(self, notice):
        self.notices.put_nowait(notice)
        return True

    async def _fetch(self, clip):
        raise AssertionError("all clips are here")

    def _voice(self, channel):
        channels = self.runners[channel].channels
        return channels[0].voice if channels else None


@asynccontextmanager
async def simulator(directory, profile):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator", "--device-dir", str(directory), "--modems", "2"),
        *("--profile", profile, "--log-level", "warning"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture(params=["sim7600", "huawei", "ec25"])
async def site(request, tmp_path):
    devices, blobs = tmp_path / "devices", tmp_path / "blobs"
    devices.mkdir()
    blobs.mkdir()
    async with simulator(devices, request.param) as lab, aiohttp.ClientSession() as http:
        site = Site1(lab, http, blobs)
        tasks = [asyncio.create_task(part.run()) for part in (site.calls, *site.runners.values())]
        async with asyncio.timeout(30):
            while len(site.core.registered) < 2:  # noqa: ASYNC110 (there is nothing to wait on)
                await asyncio.sleep(0.05)
        yield site
        await site.calls.stop()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_a_call_is_played_to_asked_recorded_and_joined(site):
    caller, callee = site.lab["handsets"]["free"][0], site.lab["handsets"]["answers"]
    phone = (await site.post(f"/subscribers/{caller}/calls", json={"to": site.lab["numbers"][0]}))["id"]
    offered = await site.heard("call.offered")
    assert offered.caller == caller

    # Three sounds of two verbs follow each other without a sample of silence between them; a key stops the prompt.
    sounds = noise(3000, 1), noise(310, 2), noise(20_000, 3)
    page = (
        Play("http://app/music", clip=site.clip(sounds[0])),
        Say("one moment", clip=site.clip(sounds[1])),
        Gather("http://app/a", spec=CollectSpec(num_digits=5), prompts=(Say("menu", clip=site.clip(sounds[2])),)),
    )
    site.calls.run_page(RunPage(call=offered.call, page=1, verbs=page))
    await site.heard("call.answered")
    await asyncio.sleep(4.0)
    await site.post(f"/calls/{phone}/digits", json={"digits": "13597"})
    assert (await site.heard(PageEnded)).outcome.params == {"Digits": "13597"}
    heard = await site.heard_by(phone)
    assert sounds[0] + sounds[1].ljust(16 * 320, b"\0") + sounds[2][:3200] in heard

    site.calls.run_page(RunPage(call=offered.call, page=2, verbs=(Record("http://app/r"),)))
    await asyncio.sleep(0.8)
    speech = noise(1500, 4)
    await site.post(f"/calls/{phone}/speak", data=write_wav(speech))
    await asyncio.sleep(1.8)
    await site.post(f"/calls/{phone}/digits", json={"digits": "#"})
    made = await site.heard("recording.made")
    assert (await site.heard(PageEnded)).outcome.params["Digits"] == "#"
    assert speech in site.blobs.path(made.recording.sha256).read_bytes()

    dial = Dial(DialSpec((DialTarget(callee),), hangup_on_star=True), "http://app/d")
    site.calls.run_page(RunPage(call=offered.call, page=3, verbs=(dial,)))
    wanted = await site.heard(RouteWanted)
    leg = CallSid(new_sid("CA"))
    routed = (RoutedLeg(leg, channel_id(EDGE, DeviceId("modem2")), callee, 0),)
    site.calls.route_dial(RouteDial(call=offered.call, dial=wanted.dial, legs=routed))
    await site.heard("call.answered", leg)
    await asyncio.sleep(0.5)
    other = next(call["id"] for call in await site.get("/calls") if call["to"] == callee)
    talk = noise(1000, 5), noise(1000, 6)
    await asyncio.gather(
        site.post(f"/calls/{phone}/speak", data=write_wav(talk[0])),
        site.post(f"/calls/{other}/speak", data=write_wav(talk[1])),
    )
    await asyncio.sleep(1.8)
    # Both cross two processes in real time: on a loaded machine a late frame costs a frame of silence.
    assert share_heard(talk[0], await site.heard_by(other)) > 0.9
    assert share_heard(talk[1], await site.heard_by(phone)) > 0.9
    await site.post(f"/calls/{phone}/digits", json={"digits": "*"})
    assert (await site.heard("call.ended", leg)).by == "us"
    assert (await site.heard(PageEnded)).outcome.params["DialCallStatus"] == "completed"

    site.calls.hang_up(HangUp(call=offered.call))
    assert (await site.heard("call.ended", offered.call)).cause == 16
    assert site.clock.resyncs == 0
