"""A controller that is told to stop while handsets talk: what they hear, and what their applications are told."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from twilio.base.exceptions import TwilioRestException

from telecore.audio.g711 import ulaw_to_l16
from telecore.audio.tone import tone
from telecore.audio.wav import read_wav, write_wav
from tests.fakes.customer_app import CustomerApp, Reply, twiml
from tests.fakes.stream_app import StreamApp
from tests.flows.conftest import LabProcess, World
from tests.flows.test_streams import LOUD, SPOKEN, Call, connect, loudness

PATIENT_S, SHORT_S = 40, 2
ENDS_S = 25.0
"""What all but the calls may take (docs/operations.md)."""
EVENTS = ["initiated", "ringing", "answered", "completed"]
STEPS = ["initiated", "ringing", "in-progress", "completed"]


class Controller:
    """The lab's, stopped by hand and started again with another patience."""

    def __init__(self, world: World) -> None:
        self._world = world
        lab = Path(world.about["data_dir"])
        self._config, self._log = lab / "cloud" / "cloud.yaml", lab / "logs" / "cloud.log"

    @property
    def pid(self) -> int:
        return int(self._world.about["cloud"][0]["pid"])

    @property
    def alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    async def serves(self, *, calls_s: float) -> None:
        """It runs, and would wait for calls so long."""
        config = yaml.safe_load(self._config.read_text())
        if self.alive and config["stop"]["calls_s"] == calls_s:
            return
        config["stop"]["calls_s"] = calls_s
        self._config.write_text(yaml.safe_dump(config))
        started = await self._world.network("POST", "/processes/cloud/restart")
        self._world.about["cloud"][0]["pid"] = started["pid"]
        await self._world.until(self._ready, 60)
        for edge in self._world.about["edges"]:
            await self._world.until(lambda at=edge["status_url"]: self._linked(at), 30)

    async def told_to_stop(self) -> float:
        """SIGTERM, and it is heeded; when that was."""
        os.kill(self.pid, signal.SIGTERM)
        began = time.monotonic()
        await self._world.until(self._refuses, 10)
        return began

    async def ended(self, within_s: float) -> float:
        """When it was gone."""
        await self._world.until(lambda: not self.alive, within_s)
        return time.monotonic()

    def said(self) -> str:
        return self._log.read_text(errors="replace")

    async def _status(self, path: str) -> int:
        try:
            async with self._world._http.get(self._world.about["base_url"] + path) as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0

    async def _ready(self) -> bool:
        return await self._status("/readyz") == 200

    async def _refuses(self) -> bool:
        return await self._status("/readyz") == 503

    async def _linked(self, at: str) -> bool:
        async with self._world._http.get(at + "/status") as answer:
            return bool((await answer.json())["tunnel"]["connected"])


@pytest.fixture(scope="module")
def own_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    data = tmp_path_factory.mktemp("drain")
    config = data / "lab.yaml"
    config.write_text(yaml.safe_dump({"cloud": {"stop": {"calls_s": PATIENT_S}}}))
    lab = LabProcess(data, "--speed", "5", "--modems", "6", "--families", "sim7600,ec25", "--config", str(config))
    yield lab
    lab.stop()


@pytest.fixture
async def own_world(own_lab: LabProcess) -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as http, CustomerApp() as app:
        yield World(own_lab, http, app)


async def placed(world: World, number: int, document: str, status: str, answer_after_s: float = 0.2) -> tuple[Any, str]:
    """A call to a handset, and who that is."""
    handset = world.free_handset()
    await world.network("PUT", f"/subscribers/{handset}", {"on_call": "answer", "answer_after_s": answer_after_s})
    wanted = {"status_callback": world.app.answer(status, ""), "status_callback_event": EVENTS, "twiml": document}
    call = await asyncio.to_thread(world.client.calls.create, to=handset, from_=world.numbers[number], **wanted)
    return call, handset


def steps(world: World, path: str) -> list[str]:
    """The statuses that were told there; one that is told twice with one token is one."""
    told = {one.headers["I-Twilio-Idempotency-Token"]: one.params["CallStatus"] for one in world.app.seen(path)}
    return list(told.values())


async def test_live_calls_end_as_they_would_have_and_then_it_ends(own_world: World) -> None:
    """Every kind of call that lives is served to its end: its keys, documents, sound, callbacks and record."""
    world, controller = own_world, Controller(own_world)
    await controller.serves(calls_s=PATIENT_S)
    prompt = Reply(write_wav(tone((500.0,), 1000)), content_type="audio/wav")
    world.app.answer("/prompt.wav", prompt)
    world.app.answer("/gathered", twiml(f"<Play>{world.app.url('/prompt.wav')}</Play><Redirect>/last</Redirect>"))
    world.app.answer("/last", twiml("<Say>Goodbye</Say><Hangup/>"))
    asks = twiml(f'<Gather action="{world.app.url("/gathered")}" numDigits="1" timeout="60"><Say>Code</Say></Gather>')
    page = world.app.answer("/page", twiml("<Play>/prompt.wav</Play><Hangup/>"))

    async with StreamApp() as app:
        redirect = twiml(f"<Redirect>{page}</Redirect>")
        ringing, _ = await placed(world, 4, redirect, "/ringing", answer_after_s=12.0)
        gathering, presses = await placed(world, 1, asks, "/gathering")
        caller, callee = world.free_handset(), world.free_handset()
        voice = world.app.answer("/dial", twiml(f'<Dial action="/dialled"><Number>{callee}</Number></Dial>'))
        world.app.answer("/dialled", twiml("<Hangup/>"))
        await world.hook(
            world.numbers[2],
            voice_url=voice,
            status_callback=world.app.answer("/dialling", ""),
            sms_url=world.app.answer("/sms", twiml("")),
        )
        for number in (world.numbers[3], world.numbers[5]):  # the <Dial> takes one of these, a late caller the other
            await world.hook(number, voice_url=page)
        await world.network("PUT", f"/subscribers/{callee}", {"answer_after_s": 0.2})
        spoken = base64.b64encode(write_wav(tone((700.0,), 40_000))).decode()
        dialling = await world.network(
            "POST", f"/subscribers/{caller}/calls", {"to": world.numbers[2], "press": [], "speak_wav": spoken}
        )
        stream = Call(world, app)
        talk = await stream.begin(connect(app) + "<Hangup/>")
        await world.until(lambda: steps(world, "/gathering")[-1:] == ["in-progress"])
        joined = await world.call_of(callee)

        async def answered() -> bool:
            return (await world.network("GET", f"/calls/{joined['id']}"))["answered_at"] is not None

        await world.until(answered)
        assert steps(world, "/ringing")[-1:] == ["ringing"]

        began = await controller.told_to_stop()
        with pytest.raises(TwilioRestException) as refused:
            await asyncio.to_thread(
                world.client.messages.create, to=callee, from_=world.numbers[0], body="another time"
            )
        assert (refused.value.status, refused.value.code) == (503, 20503)
        with pytest.raises(TwilioRestException) as refused:
            await asyncio.to_thread(world.client.calls.create, to=callee, from_=world.numbers[0], twiml=redirect)
        assert (refused.value.status, refused.value.code) == (503, 20503)
        # Whoever rings or writes cannot be told to come again.
        late = world.free_handset()
        line = next(number for number in (world.numbers[3], world.numbers[5]) if number != joined["from"])
        rings = await world.network("POST", f"/subscribers/{late}/calls", {"to": line, "press": []})
        await world.network("POST", f"/subscribers/{late}/messages", {"to": world.numbers[2], "body": "still there?"})
        pressing = await world.call_of(presses)
        await world.network("POST", f"/calls/{pressing['id']}/digits", {"digits": "7"})
        (gathered,) = await world.app.wait_for("/gathered", within_s=10)
        assert gathered.params["Digits"] == "7"
        await world.app.wait_for("/last", within_s=20)
        await stream.speak(SPOKEN)
        await talk.until(lambda: loudness(ulaw_to_l16(talk.heard()[-8000:])) > LOUD, within_s=10)
        (wrote,) = await world.app.wait_for("/sms", within_s=20)
        assert wrote.params["Body"] == "still there?"
        await talk.connection.close()
        for call in (gathering.sid, stream.sid, ringing.sid):
            assert (await world.call_final(call, 30)).status == "completed"
        assert (await world.network("GET", f"/calls/{rings['id']}"))["answered_at"] is not None
        assert loudness(read_wav(await world.heard(rings["id"])).samples) > 200
        assert loudness(read_wav(await world.heard(joined["id"])).samples[-32000:]) > 200, "they hear each other still"
        assert controller.alive
        await world.network("POST", f"/calls/{dialling['id']}/hangup", {})
        over = time.monotonic()
        ended = await controller.ended(ENDS_S)
        print(f"the last call ended after {over - began:.1f} s, the process {ended - over:.1f} s later")

    # All of it was told before the process ended.
    assert [steps(world, path) for path in ("/gathering", "/ringing")] == [STEPS, STEPS]
    assert steps(world, "/dialling") == ["completed"]
    (dialled,) = world.app.seen("/dialled")
    assert dialled.params["DialCallStatus"] == "completed"
    assert "calls go on at their edges" not in controller.said()
    assert "Traceback" not in controller.said()
    await controller.serves(calls_s=SHORT_S)
    calls = await asyncio.to_thread(world.client.calls.list)
    assert {call.status for call in calls} == {"completed"}
    assert len(calls) == 6
    assert all(int(call.duration) >= 1 for call in calls)


async def test_a_call_that_is_longer_than_the_patience_goes_on_and_is_led_on(own_world: World) -> None:
    """Its page runs on at the edge without a controller, keeps the key, and the next process is told."""
    world, controller = own_world, Controller(own_world)
    await controller.serves(calls_s=SHORT_S)
    world.app.answer("/gathered", twiml("<Say>Goodbye</Say><Hangup/>"))
    asks = twiml(f'<Gather action="{world.app.url("/gathered")}" numDigits="1" timeout="60"><Say>Code</Say></Gather>')
    call, handset = await placed(world, 1, asks, "/told")
    await world.until(lambda: steps(world, "/told")[-1:] == ["in-progress"])
    began = await controller.told_to_stop()
    ended = await controller.ended(SHORT_S + ENDS_S)
    assert ended - began >= SHORT_S
    assert "1 calls go on at their edges" in controller.said()
    there = await world.call_of(handset)
    assert there["state"] != "ended"
    await world.network("POST", f"/calls/{there['id']}/digits", {"digits": "4"})
    await controller.serves(calls_s=PATIENT_S)
    (gathered,) = await world.app.wait_for("/gathered", within_s=30)
    assert (gathered.params["Digits"], gathered.params["CallSid"]) == ("4", call.sid)
    assert (await world.call_final(call.sid)).status == "completed"
    await world.until(lambda: steps(world, "/told") == STEPS)


async def test_told_a_second_time_it_waits_no_longer(own_world: World) -> None:
    world, controller = own_world, Controller(own_world)
    await controller.serves(calls_s=PATIENT_S)
    call, handset = await placed(world, 1, twiml('<Pause length="60"/>'), "/told")
    await world.until(lambda: steps(world, "/told")[-1:] == ["in-progress"])
    await controller.told_to_stop()
    await asyncio.sleep(1.0)
    assert controller.alive
    os.kill(controller.pid, signal.SIGTERM)
    again = time.monotonic()
    assert await controller.ended(ENDS_S) - again < PATIENT_S / 4
    assert (await world.call_of(handset))["state"] != "ended"
