"""Which engines cloud.yaml makes, and one that another package brings."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
from aiohttp import web

from cloud import config
from cloud.services import plugins
from cloud.services.speaking.engine import SpeechFailed, Voice
from cloud.services.speaking.engines import speech_engines
from telecore.audio.tone import tone
from telecore.audio.wav import write_wav
from telecore.errors import InvalidRequest
from telecore.twiml.ssml import Break, Words


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """As if a package with this plug-in were installed."""
    point = EntryPoint("cloud-voice", "tests.fakes.cloud_voice:CloudVoice", "simferry.speech")
    monkeypatch.setattr(plugins, "entry_points", lambda **wanted: EntryPoints([point]).select(**wanted))


def speech(text):
    return config.parse(text.encode(), Path("/etc/simferry/cloud.yaml")).speech


def names(text):
    return [engine.name for engine in speech_engines(speech(text))]


def test_espeak_is_always_there_and_last():
    assert names("") == ["espeak-ng"]
    assert names("speech: {engines: [espeak-ng, flite]}") == ["flite", "espeak-ng"]
    assert names("speech: {engines: [piper], piper: {models: {en-US: amy.onnx}}}") == ["piper", "espeak-ng"]
    assert speech("speech: {piper: {models: {en-US: amy.onnx}}}").piper.models == {"en-US": "/etc/simferry/amy.onnx"}


def test_a_name_that_is_nobody():
    with pytest.raises(
        InvalidRequest, match=r"speech\.engines: no plug-in of simferry\.speech is called 'polly'.*cloud-v"
    ):
        speech_engines(speech("speech: {engines: [polly]}"))


def test_a_plug_in_that_fails_is_named():
    with pytest.raises(InvalidRequest, match="'cloud-voice' cannot be used: 'url'"):
        speech_engines(speech("speech: {engines: [cloud-voice]}"))


async def test_a_plug_in_speaks(aiohttp_server_url):
    url, asked = aiohttp_server_url
    engine, _ = speech_engines(
        speech(f"speech: {{engines: [cloud-voice], plugins: {{cloud-voice: {{url: '{url}'}}}}}}")
    )
    await engine.open()
    script = engine.write((Words("សួស្តី"), Break(100)), Voice("km", female=True))
    sound = await engine.render(script)
    assert asked == [("km-female", "សួស្តី")]
    assert len(sound.samples) == 2 * 8 * (200 + 100)
    asked.append("down")
    with pytest.raises(SpeechFailed, match="503"):
        await engine.render(script)


@pytest.fixture
async def aiohttp_server_url():
    asked = []

    async def speak(request):
        if "down" in asked:
            raise web.HTTPServiceUnavailable
        asked.append((request.query["voice"], await request.text()))
        return web.Response(body=write_wav(tone((400,), 200)), content_type="audio/wav")

    app = web.Application()
    app.router.add_post("/speak", speak)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}/speak", asked
    await runner.cleanup()
