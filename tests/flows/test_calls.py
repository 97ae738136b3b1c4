"""Calls between handsets and a Twilio application, through SIM, edge and cloud."""

from __future__ import annotations

import array
import asyncio
import base64
import math

import pytest
from twilio.request_validator import RequestValidator

from scripts.labkit.lab import basic_auth
from telecore.audio.tone import tone
from telecore.audio.wav import read_wav, write_wav
from tests.fakes.customer_app import Received, twiml
from tests.flows.conftest import World


def loudness(samples: bytes) -> float:
    values = array.array("h", samples)
    return (sum(v * v for v in values) / max(1, len(values))) ** 0.5


def assert_signed(world: World, requests: list[Received]) -> None:
    validator = RequestValidator(world.token)
    assert requests
    for request in requests:
        params = request.params if request.method == "POST" else {}
        assert validator.validate(request.url, params, request.headers["X-Twilio-Signature"]), request


async def test_a_call_with_inline_twiml_gathers_and_records(world: World) -> None:
    """The second thing that must be true of the issue: the unmodified client, digits, a recording, signatures."""
    handset = world.free_handset()
    spoken = write_wav(tone((440.0,), 3000))
    await world.network(
        "PUT",
        f"/subscribers/{handset}",
        {
            "on_call": "answer",
            "answer_after_s": 0.5,
            "press": [{"after_s": 2.0, "digits": "472#"}],
            "speak_wav": None,
        },
    )
    gathered = world.app.answer(
        "/gathered", twiml(f'<Record action="{world.app.url("/recorded")}" maxLength="4" playBeep="true"/>')
    )
    world.app.answer("/recorded", twiml("<Say>Thank you</Say><Hangup/>"))
    status = world.app.answer("/status", "")
    inline = twiml(f'<Gather action="{gathered}" timeout="10"><Say>Please key in your code</Say></Gather>')
    call = await asyncio.to_thread(
        world.client.calls.create,
        to=handset,
        from_=world.numbers[0],
        twiml=inline,
        status_callback=status,
        status_callback_event=["initiated", "ringing", "answered", "completed"],
    )
    assert call.status == "queued"
    (request,) = await world.app.wait_for("/gathered", within_s=30)
    assert request.params["Digits"] == "472"
    assert request.params["CallSid"] == call.sid
    there = await world.call_of(handset)
    await asyncio.sleep(1.0)
    async with world._http.post(
        f"{world.about['simulator_url']}/calls/{there['id']}/speak", data=spoken, headers={"Content-Type": "audio/wav"}
    ) as answer:
        assert answer.status < 400, await answer.text()
    (recorded,) = await world.app.wait_for("/recorded", within_s=30)
    ended = await world.call_final(call.sid)
    assert ended.status == "completed"
    assert int(ended.duration) >= 5

    recording = await world.until(lambda: asyncio.to_thread(lambda: world.client.recordings.list(call_sid=call.sid)))
    assert recording[0].sid == recorded.params["RecordingSid"]
    auth = basic_auth(world.about["account_sid"], world.token)

    async def media() -> bytes | None:
        async with world._http.get(recorded.params["RecordingUrl"] + ".wav", headers=auth) as got:
            return await got.read() if got.status == 200 else None

    pcm = read_wav(await world.until(media))
    assert loudness(pcm.samples) > 500
    async with world._http.get(recorded.params["RecordingUrl"] + ".wav") as nobody:
        assert nobody.status == 401

    await world.until(lambda: len(world.app.seen("/status")) == 4)
    states = [request.params["CallStatus"] for request in world.app.seen("/status")]
    assert states == ["initiated", "ringing", "in-progress", "completed"]
    assert [request.params["SequenceNumber"] for request in world.app.seen("/status")] == ["0", "1", "2", "3"]
    assert_signed(world, world.app.received)


async def test_an_ivr_of_two_pages(world: World) -> None:
    """A handset dials in, hears a prompt, presses a key during it, and hears the next page."""
    handset = world.free_handset()
    voice = world.app.answer(
        "/voice", twiml('<Gather numDigits="1" action="/menu"><Say>Press one for the river level now</Say></Gather>')
    )
    world.app.answer("/menu", twiml("<Say>The river is low</Say><Hangup/>"))
    await world.hook(world.numbers[1], voice_url=voice)
    dialled = await world.network(
        "POST",
        f"/subscribers/{handset}/calls",
        {"to": world.numbers[1], "press": [{"after_s": 1.5, "digits": "1"}]},
    )
    (menu,) = await world.app.wait_for("/menu", within_s=30)
    assert menu.params["Digits"] == "1"
    first = world.app.seen("/voice")[0].params
    assert (first["From"], first["To"], first["CallStatus"], first["Direction"]) == (
        handset,
        world.numbers[1],
        "ringing",
        "inbound",
    )

    async def over() -> object:
        call = await world.network("GET", f"/calls/{dialled['id']}")
        return call if call["state"] == "ended" else None

    call = await world.until(over)
    assert call["answered_at"] is not None
    assert call["cause"] == 16
    assert loudness(read_wav(await world.heard(dialled["id"])).samples) > 200
    assert_signed(world, world.app.received)


@pytest.mark.parametrize(
    ("kind", "status"), [("busy", "busy"), ("no_answer", "no-answer"), ("unreachable", "no-answer")]
)
async def test_calls_that_nobody_takes(world: World, kind: str, status: str) -> None:
    call = await asyncio.to_thread(
        world.client.calls.create,
        to=world.about["handsets"][kind],
        from_=world.numbers[2],
        twiml=twiml("<Say>never heard</Say>"),
        timeout=10,
    )
    ended = await world.call_final(call.sid)
    assert ended.status == status
    assert ended.duration in (None, "0")


async def test_a_live_call_obeys_an_update(world: World) -> None:
    handset = world.free_handset()
    call = await asyncio.to_thread(
        world.client.calls.create,
        to=handset,
        from_=world.numbers[0],
        twiml=twiml("<Pause length='60'/>"),
    )

    async def talking() -> bool:
        return bool((await asyncio.to_thread(world.client.calls(call.sid).fetch)).status == "in-progress")

    await world.until(talking)
    await asyncio.sleep(0.5)
    await asyncio.to_thread(world.client.calls(call.sid).update, twiml=twiml("<Say>Updated</Say><Hangup/>"))
    ended = await world.call_final(call.sid)
    assert ended.status == "completed"
    there = await world.call_of(handset)
    assert loudness(read_wav(await world.heard(there["id"])).samples) > 200


async def test_the_api_hangs_up(world: World) -> None:
    handset = world.free_handset()
    call = await asyncio.to_thread(
        world.client.calls.create, to=handset, from_=world.numbers[0], twiml=twiml("<Pause length='60'/>")
    )

    async def talking() -> bool:
        return bool((await asyncio.to_thread(world.client.calls(call.sid).fetch)).status == "in-progress")

    await world.until(talking)
    await asyncio.to_thread(world.client.calls(call.sid).update, status="completed")
    assert (await world.call_final(call.sid, 15)).status == "completed"
    assert (await world.call_of(handset))["state"] == "ended"


async def test_dial_joins_two_handsets(world: World) -> None:
    """A handset calls in, the application dials another through a second SIM, each hears the other."""
    caller, callee = world.free_handset(), world.free_handset()
    voice = world.app.answer("/dial", twiml(f'<Dial action="/dialled" timeout="20"><Number>{callee}</Number></Dial>'))
    world.app.answer("/dialled", twiml("<Hangup/>"))
    await world.hook(world.numbers[3], voice_url=voice)
    spoken = base64.b64encode(write_wav(tone((700.0,), 6000))).decode()
    await world.network("PUT", f"/subscribers/{callee}", {"answer_after_s": 0.5, "hangup_after_s": 5.0})
    dialled = await world.network(
        "POST", f"/subscribers/{caller}/calls", {"to": world.numbers[3], "press": [], "speak_wav": spoken}
    )
    (after,) = await world.app.wait_for("/dialled", within_s=40)
    assert after.params["DialCallStatus"] == "completed"
    assert after.params["DialBridged"] == "true"
    child = await asyncio.to_thread(world.client.calls(after.params["DialCallSid"]).fetch)
    assert child.parent_call_sid == after.params["CallSid"]
    assert (child.direction, child.status) == ("outbound-dial", "completed")
    there = await world.call_of(callee)
    assert loudness(read_wav(await world.heard(there["id"])).samples) > 200
    assert dialled["id"] != there["id"]


@pytest.mark.realtime
async def test_what_is_played_is_heard_as_it_was_sent(world: World) -> None:
    """20 s of sound that never repeats, through <Play>: compared sample by sample, so a lost or doubled frame shows."""
    handset = world.free_handset()
    sent = _warble(20)
    world.app.answer("/warble.wav", _wav(sent.tobytes()))
    call = await asyncio.to_thread(
        world.client.calls.create,
        to=handset,
        from_=world.numbers[1],
        twiml=twiml(f"<Play>{world.app.url('/warble.wav')}</Play><Hangup/>"),
    )
    assert (await world.call_final(call.sid)).status == "completed"
    there = await world.call_of(handset)
    heard = array.array("h", read_wav(await world.heard(there["id"])).samples)
    begun = next(n for n, value in enumerate(heard) if abs(value) > 200) - next(
        n for n, value in enumerate(sent) if abs(value) > 200
    )
    shift = min(range(begun - 4, begun + 5), key=lambda n: _difference(sent[:800], heard, n))
    wrong = [n for n in range(0, len(sent) - 160, 160) if _difference(sent[n : n + 160], heard, shift + n) > 300]
    assert wrong == [], f"frames at {wrong} differ, of {len(heard)} samples heard from {shift} on"


def _warble(seconds: int) -> array.array[int]:
    """A tone that wanders so that no two frames are alike."""
    phase, samples = 0.0, array.array("h")
    for n in range(seconds * 8000):
        phase += 2 * math.pi * (600 + 300 * math.sin(n / 9001) + 150 * math.sin(n / 577)) / 8000
        samples.append(round(8000 * math.sin(phase)))
    return samples


def _difference(sent: array.array[int], heard: array.array[int], at: int) -> float:
    """Mean distance of samples; µ-law's rounding alone makes about 100."""
    window = heard[max(0, at) : max(0, at) + len(sent)]
    if len(window) < len(sent):
        return 1e9
    return sum(abs(a - b) for a, b in zip(sent, window, strict=True)) / len(sent)


def _wav(samples: bytes) -> object:
    from tests.fakes.customer_app import Reply

    return Reply(write_wav(samples), content_type="audio/wav")
