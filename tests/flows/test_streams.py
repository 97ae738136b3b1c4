"""Media streams through the whole chain: handset, SIM, edge, tunnel, cloud, and an application's WebSocket."""

from __future__ import annotations

import array
import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise

import aiohttp
import pytest

from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16
from telecore.audio.tone import tone
from telecore.audio.wav import read_wav, write_wav
from tests.fakes.customer_app import CustomerApp, Reply, twiml
from tests.fakes.stream_app import StreamApp, Talk
from tests.flows.conftest import LabProcess, World

FRAME_S = 0.02
LOUD = 500
SPOKEN = tone((440.0,), 1500)


def loudness(samples: bytes) -> float:
    values = array.array("h", samples)
    return (sum(v * v for v in values) / max(1, len(values))) ** 0.5


def last_loud_s(samples: bytes) -> float:
    """Where the last loud 20 ms end, in seconds from the beginning."""
    loud = [at for at in range(0, len(samples), 320) if loudness(samples[at : at + 320]) > LOUD]
    return (loud[-1] + 320) / 16000 if loud else 0.0


class Call:
    """A handset that talks with an application."""

    def __init__(self, world: World, app: StreamApp) -> None:
        self.world, self.app = world, app

    async def begin(self, twiml_: str, **options: str) -> Talk:
        self.handset = self.world.free_handset()
        await self.world.network("PUT", f"/subscribers/{self.handset}", {"on_call": "answer", "answer_after_s": 0.2})
        made = await asyncio.to_thread(
            self.world.client.calls.create,
            to=self.handset,
            from_=self.world.numbers[0],
            twiml=f"<Response>{twiml_}</Response>",
            **options,
        )
        self.sid = made.sid
        talk = await self.app.talk(len(self.app.talks), within_s=30)
        self.id = (await self.world.call_of(self.handset))["id"]
        return talk

    async def speak(self, samples: bytes) -> None:
        url = f"{self.world.about['simulator_url']}/calls/{self.id}/speak"
        async with self.world._http.post(url, data=write_wav(samples), headers={"Content-Type": "audio/wav"}) as answer:
            assert answer.status < 400, await answer.text()

    async def heard(self) -> tuple[bytes, float]:
        """What the handset heard until now, and when that was."""
        sound = read_wav(await self.world.heard(self.id)).samples
        return sound, time.monotonic()


async def echo(talk: Talk) -> None:
    """Say back what is heard."""
    told = 0
    while not talk.over.is_set():
        talk.news.clear()
        for message in talk.messages[told:]:
            told += 1
            if message["event"] == "media":
                await talk.send("media", media={"payload": message["media"]["payload"]})
        await talk.news.wait()


def connect(app: StreamApp) -> str:
    return f'<Connect><Stream url="{app.url}"><Parameter name="k" value="v"/></Stream></Connect>'


async def test_an_application_talks_with_a_handset(world: World) -> None:
    """Both ways, in pace; a key; a mark; a clear that is obeyed at once; and the next verb when it is through."""
    after = world.app.answer("/after", twiml("<Hangup/>"))
    async with StreamApp() as app:
        call = Call(world, app)
        talk = await call.begin(connect(app) + f"<Redirect>{after}</Redirect>")
        assert [message["event"] for message in talk.messages[:2]] == ["connected", "start"]
        assert talk.of("start")[0]["start"]["customParameters"] == {"k": "v"}
        await talk.until(lambda: talk.of("media"))

        await call.speak(SPOKEN)
        await talk.until(lambda: loudness(ulaw_to_l16(talk.heard()[-8000:])) > LOUD, within_s=10)
        await world.network("POST", f"/calls/{call.id}/digits", {"digits": "5"})
        await talk.until(lambda: talk.of("dtmf"), within_s=10)
        assert talk.of("dtmf")[0]["dtmf"]["digit"] == "5"

        await talk.say(l16_to_ulaw(tone((600.0,), 2000)))
        await talk.mark("said")
        said_at = time.monotonic()
        await talk.until(talk.marks, within_s=10)
        assert 1.8 < time.monotonic() - said_at < 2.6

        await talk.say(l16_to_ulaw(tone((800.0,), 60_000)))
        await talk.mark("never heard")
        await asyncio.sleep(1.0)
        cleared_at = time.monotonic()
        await talk.clear()
        await talk.until(lambda: len(talk.marks()) == 2)
        await asyncio.sleep(1.0)
        sound, at = await call.heard()
        silent_at = at - len(sound) / 16000 + last_loud_s(sound)
        print(f"clear to silence {silent_at - cleared_at:.3f} s")
        assert silent_at - cleared_at < 0.4, "the promise is 0.2 s; the rest is for a machine that is shared"

        media = [at for at, message in zip(talk.arrived, talk.messages, strict=False) if message["event"] == "media"]
        pace = (media[-1] - media[50]) / FRAME_S / (len(media) - 51)
        assert pace == pytest.approx(1.0, abs=0.05)
        numbers = [int(message["sequenceNumber"]) for message in talk.messages[1:]]
        assert numbers == list(range(1, len(numbers) + 1))

        await talk.connection.close()
        await world.app.wait_for("/after", within_s=20)
        assert (await world.call_final(call.sid)).status == "completed"


async def test_started_beside_the_page_until_stopped_and_the_end_of_the_call(world: World) -> None:
    """<Start> hears both parties over two pages; REST begins another and stops it; the call's end stops the first."""
    later = world.app.answer("/later", twiml('<Say>two</Say><Pause length="2"/><Hangup/>'))
    status = world.app.answer("/told", "")
    world.app.answer("/tone.wav", Reply(write_wav(SPOKEN), content_type="audio/wav"))
    async with StreamApp() as app:
        call = Call(world, app)
        talk = await call.begin(
            f'<Start><Stream url="{app.url}" name="ears" track="both_tracks" statusCallback="{status}"/></Start>'
            f'<Play>{world.app.url("/tone.wav")}</Play><Pause length="3"/><Redirect>{later}</Redirect>'
        )
        assert talk.of("start")[0]["start"]["tracks"] == ["inbound", "outbound"]
        await call.speak(SPOKEN)
        streams = world.client.calls(call.sid).streams
        made = await asyncio.to_thread(streams.create, url=app.url, name="mine")
        second = await app.talk(1, within_s=10)
        assert second.sid == made.sid
        await second.until(lambda: len(second.of("media")) > 5, within_s=10)
        stopped = await asyncio.to_thread(streams("mine").update, status="stopped")
        assert stopped.status == "stopped"
        await second.until(second.over.is_set)
        assert second.messages[-1]["event"] == "stop"
        await world.app.wait_for("/later", within_s=30)
        await talk.until(talk.over.is_set, within_s=20)
        assert talk.messages[-1]["event"] == "stop"
        assert loudness(ulaw_to_l16(talk.heard("inbound"))) > 100
        assert loudness(ulaw_to_l16(talk.heard("outbound"))) > 100
        told = await world.app.wait_for("/told", within_s=20, count=2)
        assert [request.params["StreamEvent"] for request in told] == ["stream-started", "stream-stopped"]
        assert {request.params["StreamName"] for request in told} == {"ears"}


@pytest.fixture(scope="module")
def cut_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    lab = LabProcess(tmp_path_factory.mktemp("cut"), "--speed", "5", "--tunnel-proxy", "--modems", "1")
    yield lab
    lab.stop()


@pytest.fixture
async def cut_world(cut_lab: LabProcess) -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as http, CustomerApp() as app:
        one = World(cut_lab, http, app)
        yield one
        await one.lines_free()


async def test_a_cut_of_five_seconds_is_silence_in_pace_and_then_they_talk_on(cut_world: World) -> None:
    async with StreamApp(echo) as app:
        call = Call(cut_world, app)
        talk = await call.begin(connect(app))
        await talk.until(lambda: len(talk.of("media")) > 50, within_s=10)
        await cut_world.network("POST", "/faults", {"kind": "tunnel_cut", "target": "site-1", "for_s": 5})
        await asyncio.sleep(7)
        assert not talk.over.is_set()
        media = [at for at, message in zip(talk.arrived, talk.messages, strict=False) if message["event"] == "media"]
        assert (media[-1] - media[0]) / FRAME_S / (len(media) - 1) == pytest.approx(1.0, abs=0.06)
        assert max(b - a for a, b in pairwise(media)) < 1.0
        before, _ = await call.heard()
        await call.speak(SPOKEN)
        await asyncio.sleep(3)
        after, _ = await call.heard()
        assert loudness(after[len(before) :]) > LOUD
