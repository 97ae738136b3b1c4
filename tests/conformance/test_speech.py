"""What is said to callers and by them: markup, words gathered, a recording transcribed."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts.labkit.lab import basic_auth
from telecore.audio.resample import resample
from telecore.audio.tone import silence
from telecore.audio.wav import read_wav, write_wav
from tests.conformance.conftest import Customer
from tests.conformance.official import Refused
from tests.fakes.customer_app import twiml


def spoken(text: str, folder: Path) -> bytes:
    file = folder / "spoken.wav"
    subprocess.run(["flite", "-voice", "rms", "-t", text, "-o", str(file)], check=True, timeout=10)
    wav = read_wav(file.read_bytes())
    return silence(1200) + resample(wav.samples, wav.rate, 8000) + silence(3500)


async def called(customer: Customer, document: str, samples: bytes = b"") -> Any:
    """A call to a handset that says this, once it is answered."""
    handset = customer.free_handset()
    behaviour: dict[str, object] = {"on_call": "answer", "answer_after_s": 0.2, "press": []}
    if samples:
        behaviour["speak_wav"] = base64.b64encode(write_wav(samples)).decode()
    await customer.network("PUT", f"/subscribers/{handset}", behaviour)
    url = customer.app.answer("/voice", twiml(document))
    return await customer.ask("calls.create", to=handset, from_=customer.numbers[0], url=url)


async def test_markup_is_spoken_and_what_cannot_be_is_told(customer: Customer) -> None:
    call = await called(
        customer,
        '<Say voice="Polly.Joanna">Your code is <say-as interpret-as="digits">12</say-as><break time="300ms"/>'
        '<prosody rate="fast">thank you</prosody><w role="amazon:VB">read</w></Say><Hangup/>',
    )
    over = await customer.call_over(call["sid"])
    assert over["status"] == "completed"
    assert int(over["duration"]) >= 1
    notes = await customer.ask(f"calls({call['sid']}).notifications.list")
    assert [(note["error_code"], note["log"]) for note in notes] == [("13520", "1")]


@pytest.mark.realtime
async def test_words_are_gathered(customer: Customer, tmp_path: Path) -> None:
    pytest.importorskip("pocketsphinx")
    action = customer.app.answer("/action", twiml("<Hangup/>"))
    ask = (
        '<Gather input="dtmf speech" hints="sales, billing, customer service" speechTimeout="2" timeout="10" '
        f'action="{action}"/>'
    )
    said = spoken("customer service", tmp_path)
    await called(customer, ask + ask, said + said)  # asked again where it was not understood, as one should
    (asked,) = await customer.app.wait_for("/action", 1, within_s=40)
    assert asked.params["SpeechResult"] == "customer service"
    assert 0 < float(asked.params["Confidence"]) <= 1
    assert "Digits" not in asked.params
    await customer.call_over(asked.params["CallSid"])


async def test_a_transcription_is_told_listed_and_deleted(customer: Customer, tmp_path: Path) -> None:
    pytest.importorskip("pocketsphinx")
    told_at = customer.app.answer("/words", "")
    call = await called(
        customer,
        f'<Record playBeep="false" timeout="2" transcribe="true" transcribeCallback="{told_at}"/><Hangup/>',
        spoken("please call me tomorrow", tmp_path),
    )
    (told,) = await customer.app.wait_for("/words", 1, within_s=40)
    assert (told.params["TranscriptionStatus"], told.params["CallSid"]) == ("completed", call["sid"])
    await customer.call_over(call["sid"])
    sid, recording = told.params["TranscriptionSid"], told.params["RecordingSid"]
    fetched = await customer.ask(f"transcriptions({sid}).fetch")
    assert fetched["transcription_text"] == told.params["TranscriptionText"] != ""
    assert (fetched["status"], fetched["recording_sid"], fetched["type"]) == ("completed", recording, "fast")
    assert sid in [one["sid"] for one in await customer.ask("transcriptions.list")]
    of_recording = await customer.ask(f"recordings({recording}).transcriptions.list")
    assert [one["sid"] for one in of_recording] == [sid]
    assert (await customer.ask(f"recordings({recording}).transcriptions({sid}).fetch"))["sid"] == sid
    auth = basic_auth(customer.about["account_sid"], customer.token)
    async with customer._http.get(told.params["TranscriptionUrl"], headers=auth) as answer:
        assert (answer.status, (await answer.json())["sid"]) == (200, sid)
    await customer.delete(f"transcriptions({sid})")
    with pytest.raises(Refused) as caught:
        await customer.ask(f"recordings({recording}).transcriptions({sid}).fetch")
    assert (caught.value.status, caught.value.code) == (404, 20404)
