"""Who answered: a machine before the document is asked for, a person beside it."""

from __future__ import annotations

import base64
import subprocess
from typing import Any

from telecore.audio.resample import resample
from telecore.audio.tone import silence, tone
from telecore.audio.wav import read_wav, write_wav
from tests.conformance.conftest import Customer
from tests.fakes.customer_app import twiml

GREETING = "You have reached the voicemail of Mary. I cannot take your call right now. Please leave a message."


def spoken(text: str) -> bytes:
    done = subprocess.run(["espeak-ng", "-v", "en-us", "--stdout", text], capture_output=True, check=True, timeout=20)
    wav = read_wav(done.stdout)
    return resample(wav.samples, wav.rate, 8000)


async def called(customer: Customer, samples: bytes, **how: object) -> Any:
    """A call to a handset that says this."""
    handset = customer.free_handset()
    wav = base64.b64encode(write_wav(samples)).decode()
    behaviour = {"on_call": "answer", "answer_after_s": 0.3, "press": [], "speak_wav": wav}
    await customer.network("PUT", f"/subscribers/{handset}", behaviour)
    return await customer.ask("calls.create", to=handset, from_=customer.numbers[0], **how)


async def test_a_voicemail_is_told_after_its_beep(customer: Customer) -> None:
    url = customer.app.answer("/voice", twiml("<Say>Hello</Say><Hangup/>"))
    voicemail = silence(600) + spoken(GREETING) + silence(700) + tone((1000,), 400)
    call = await called(customer, voicemail, url=url, machine_detection="DetectMessageEnd")
    (asked,) = await customer.app.wait_for("/voice", within_s=40)
    assert asked.params["AnsweredBy"] == "machine_end_beep"
    assert (await customer.call_over(call["sid"]))["answered_by"] == "machine_end_beep"


async def test_a_person_is_told_beside_the_document(customer: Customer) -> None:
    url = customer.app.answer("/voice", twiml('<Pause length="30"/>'))
    told_at = customer.app.answer("/amd", "")
    call = await called(
        customer,
        silence(400) + spoken("Hello?"),
        url=url,
        machine_detection="Enable",
        async_amd="true",
        async_amd_status_callback=told_at,
    )
    (asked,) = await customer.app.wait_for("/voice", within_s=30)
    assert "AnsweredBy" not in asked.params
    (told,) = await customer.app.wait_for("/amd", within_s=30)
    assert (told.params["CallSid"], told.params["AnsweredBy"]) == (call["sid"], "human")
    await customer.ask(f"calls({call['sid']}).update", status="completed")
    assert (await customer.call_over(call["sid"]))["answered_by"] == "human"
