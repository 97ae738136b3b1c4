"""What callers say, through the whole lab: a handset that speaks, the edge's judgement, the cloud's recogniser."""

from __future__ import annotations

import asyncio
import base64
import subprocess
from pathlib import Path

import pytest

from telecore.audio.resample import resample
from telecore.audio.tone import silence
from telecore.audio.wav import read_wav, write_wav
from tests.fakes.customer_app import twiml
from tests.flows.conftest import World

pytest.importorskip("pocketsphinx")


def spoken(text: str, folder: Path) -> bytes:
    """flite is understood better than espeak-ng."""
    file = folder / "spoken.wav"
    subprocess.run(["flite", "-voice", "rms", "-t", text, "-o", str(file)], check=True, timeout=10)
    wav = read_wav(file.read_bytes())
    return resample(wav.samples, wav.rate, 8000)


async def answers_with(world: World, handset: str, samples: bytes) -> None:
    wav = base64.b64encode(write_wav(samples)).decode()
    behaviour = {"on_call": "answer", "answer_after_s": 0.2, "press": [], "speak_wav": wav}
    await world.network("PUT", f"/subscribers/{handset}", behaviour)


async def test_a_word_is_gathered_and_its_partial_results_are_told(world: World, tmp_path: Path) -> None:
    handset = world.free_handset()
    await answers_with(world, handset, silence(1500) + spoken("customer service", tmp_path) + silence(3000))
    partial, action = world.app.answer("/partial", ""), world.app.answer("/action", twiml("<Hangup/>"))
    url = world.app.answer(
        "/voice",
        twiml(
            f'<Gather input="dtmf speech" action="{action}" hints="sales, customer service, billing" '
            f'speechTimeout="auto" timeout="10" partialResultCallback="{partial}"/><Hangup/>'
        ),
    )
    call = await asyncio.to_thread(world.client.calls.create, to=handset, from_=world.numbers[0], url=url)
    (asked,) = await world.app.wait_for("/action", 1, within_s=40)
    assert asked.params["SpeechResult"] == "customer service"
    assert 0 < float(asked.params["Confidence"]) <= 1
    for told in world.app.seen("/partial"):
        assert told.params["CallSid"] == call.sid
        assert {"SequenceNumber", "StableSpeechResult", "UnstableSpeechResult"} <= set(told.params)
    assert world.app.seen("/partial")


async def test_a_recording_is_put_into_words(world: World, tmp_path: Path) -> None:
    handset = world.free_handset()
    await answers_with(world, handset, silence(1000) + spoken("please call me tomorrow", tmp_path) + silence(4000))
    words = world.app.answer("/words", "")
    url = world.app.answer(
        "/voice", twiml(f'<Record playBeep="false" timeout="2" transcribeCallback="{words}"/><Hangup/>')
    )
    await asyncio.to_thread(world.client.calls.create, to=handset, from_=world.numbers[1], url=url)
    (told,) = await world.app.wait_for("/words", 1, within_s=40)
    assert told.params["TranscriptionStatus"] == "completed"
    assert "call me" in told.params["TranscriptionText"]
    sid = told.params["TranscriptionSid"]
    fetched = await asyncio.to_thread(world.client.transcriptions(sid).fetch)
    assert fetched.transcription_text == told.params["TranscriptionText"]
    assert fetched.recording_sid == told.params["RecordingSid"]
