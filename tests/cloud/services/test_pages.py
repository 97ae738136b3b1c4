"""Documents made ready with the real espeak-ng and sounds from a real server."""

from __future__ import annotations

import asyncio
import io

import pytest
import soundfile

from cloud.services.pages import Pages
from cloud.services.sounds import Sounds
from cloud.services.speaking.engine import SpeechFailed
from cloud.services.speaking.espeak import Espeak
from cloud.services.speech import ClipCache, Speech
from telecore.audio.tone import tone
from telecore.audio.wav import Pcm, read_wav, write_wav
from telecore.twiml.document import read_voice
from telecore.twiml.verbs.gather import Gather
from telecore.twiml.verbs.play import Play
from telecore.twiml.verbs.say import Say
from tests.fakes.customer_app import Reply, twiml
from tests.fakes.speech import PlainEngine

TONE = tone((440,), 200)


class Beeper(PlainEngine):
    name = "beeper"
    fails = False
    takes_s = 0.0

    async def render(self, script):
        await asyncio.sleep(self.takes_s)
        if self.fails:
            raise SpeechFailed("run apt-get install espeak-ng")
        return Pcm(8000, tone((300 + len(script.text),), 50))


@pytest.fixture
async def cache(files, clip_rows):
    cache = ClipCache(files, *clip_rows)
    yield cache
    await cache.close()


@pytest.fixture
def engine():
    return Beeper()


@pytest.fixture
def clock():
    class Clock:
        at = 0.0

        def __call__(self):
            return self.at

    return Clock()


@pytest.fixture
def pages(engine, cache, client, clock):
    return Pages(Speech([engine], cache), Sounds(client, cache, clock))


@pytest.fixture
def prepare(app, pages, account):
    async def prepare(inner):
        return await pages.prepare(read_voice(twiml(inner), app.url("/voice")), account)

    return prepare


async def test_say_becomes_a_clip_and_its_words_stay_here(prepare, files):
    ready = await prepare("<Say loop='2'>Hello</Say><Hangup/>")
    say = ready.page[0]
    assert isinstance(say, Say)
    assert (say.text, say.loop, len(ready.page)) == ("", 2, 2)
    assert await files.size(say.clip.sha256) == say.clip.size
    assert not ready.problems


async def test_prompts_of_a_gather_too(prepare, app):
    app.answer("/t.wav", Reply(write_wav(TONE), content_type="audio/wav"))
    ready = await prepare("<Gather><Say>One</Say><Play>t.wav</Play><Play>gone.wav</Play><Pause/></Gather>")
    (gather,) = ready.page
    assert isinstance(gather, Gather)
    assert [prompt.kind for prompt in gather.prompts] == ["say", "play", "pause"]
    assert [problem.code for problem in ready.problems] == [11200]


async def test_played_as_sent(prepare, app, files):
    app.answer("/t.wav", Reply(write_wav(TONE), content_type="audio/x-wav"))
    ready = await prepare("<Play>t.wav</Play>")
    clip = ready.page[0].clip
    assert clip.ms == 200
    heard = memoryview(read_wav(await files.read(clip.sha256, 0, clip.size)).samples).cast("h")
    sent = memoryview(TONE).cast("h")
    assert max(abs(a - b) for a, b in zip(heard, sent, strict=True)) < 600


@pytest.mark.parametrize(
    ("reply", "ms"),
    [
        (Reply(b"\xff" * 800, content_type="audio/basic"), 100),
        (Reply(b"\xff" * 800, content_type="audio/x-mulaw"), 100),
        (Reply(b".snd" + bytes([0, 0, 0, 24, 255, 255, 255, 255, 0, 0, 0, 1, 0, 0, 31, 64, 0, 0, 0, 1]) + b"\xff" * 80,
               content_type="audio/basic"), 10),
        (Reply(write_wav(bytes(32000), 16000), content_type="application/octet-stream"), 1000),
    ],
)  # fmt: skip
async def test_kinds_of_sound(prepare, app, reply, ms):
    app.answer("/t", reply)
    assert (await prepare("<Play>t</Play>")).page[0].clip.ms == ms


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(b"ID3", content_type="audio/mpeg"), 13420),
        (Reply(b"<html>", content_type="text/html"), 13420),
        (Reply(b"junk", content_type="audio/wav"), 13420),
        (Reply(b".snd" + bytes(20), content_type="audio/basic"), 13420),
        (Reply(status=404), 11200),
        (Reply(size=11_000_000, content_type="audio/wav"), 11750),
    ],
)
async def test_what_cannot_be_played_is_left_out_and_told(prepare, app, reply, code):
    app.answer("/t", reply)
    ready = await prepare("<Play>t</Play><Play digits='1w2'>t</Play><Hangup/>")
    assert [verb.kind for verb in ready.page] == ["play", "hangup"]
    assert ready.page[0] == Play("", "1w2")
    assert [problem.code for problem in ready.problems] == [code, code]
    assert ready.problems[0].url == app.url("/t")


async def test_a_sound_that_comes_too_late_is_left_out_and_told(prepare, app):
    late = app.answer("/t", Reply(delay_s=5)) + "#tt=500"
    ready = await prepare(f"<Play>{late}</Play><Hangup/>")
    assert [verb.kind for verb in ready.page] == ["hangup"]
    assert [(problem.code, problem.url) for problem in ready.problems] == [(11203, late)]


async def test_a_sound_is_asked_for_by_its_validators(prepare, app):
    reply = Reply(write_wav(TONE), content_type="audio/wav", headers={"ETag": '"v1"', "Last-Modified": "then"})
    app.answer("/t.wav", [reply, Reply(status=304)])
    first = await prepare("<Play>t.wav</Play>")
    second = await prepare("<Play>t.wav</Play>")
    assert first.page == second.page
    asked = app.seen("/t.wav")[1]
    assert (asked.headers["If-None-Match"], asked.headers["If-Modified-Since"]) == ('"v1"', "then")
    third = await prepare("<Play>t.wav</Play>")
    assert third.page == first.page
    assert app.seen("/t.wav")[2].headers["If-None-Match"] == '"v1"'


async def test_a_fresh_sound_is_not_asked_for(prepare, app, clock):
    reply = Reply(write_wav(TONE), content_type="audio/wav", headers={"Cache-Control": "public, max-age=60"})
    app.answer("/t.wav", reply)
    for at in (0, 59, 61):
        clock.at = at
        await prepare("<Play>t.wav</Play>")
    assert len(app.seen("/t.wav")) == 2


async def test_a_304_nobody_asked_for_is_a_failure(prepare, app):
    app.answer("/t.wav", Reply(status=304))
    assert (await prepare("<Play>t.wav</Play>")).problems[0].code == 11200


async def test_a_silent_engine_costs_the_verb_and_not_the_call(prepare, engine):
    engine.fails = True
    ready = await prepare("<Say>Hello</Say><Hangup/>")
    assert [verb.kind for verb in ready.page] == ["hangup"]
    assert "apt-get install espeak-ng" in ready.problems[0].text


async def test_a_long_text_has_more_time_than_a_short_one(cache, client, engine, account, app):
    engine.takes_s = 0.4
    pages = Pages(Speech([engine], cache), Sounds(client, cache), within_s=0.1)
    short, long = "Hello", "Hello " * 682
    document = read_voice(twiml(f"<Say>{short}</Say><Say>{long}</Say><Hangup/>"), app.url("/voice"))
    ready = await pages.prepare(document, account)
    assert [verb.kind for verb in ready.page] == ["say", "hangup"]
    assert ready.page[0].clip.ms == 50
    assert [problem.code for problem in ready.problems] == [13420]
    assert "within 0.2 s" in ready.problems[0].text


async def test_keys_are_pressed_though_the_sound_beside_them_is_late(cache, client, engine, account, app):
    app.answer("/t", Reply(delay_s=5))
    pages = Pages(Speech([engine], cache), Sounds(client, cache), within_s=0.2)
    document = read_voice(twiml("<Play digits='1w2'>t</Play><Play>t</Play><Hangup/>"), app.url("/voice"))
    ready = await pages.prepare(document, account)
    assert (ready.page[0], [verb.kind for verb in ready.page]) == (Play("", "1w2"), ["play", "hangup"])
    assert [(problem.code, problem.url) for problem in ready.problems] == [(13420, app.url("/t"))] * 2


async def test_warnings_of_the_document_and_of_voices_are_told(prepare):
    ready = await prepare("<Say voice='loud' language='lo-LA' colour='red'>Hello</Say>")
    assert sorted(problem.code for problem in ready.problems) == [12200, 13511, 13512]
    assert {problem.level for problem in ready.problems} == {"warning"}


async def test_with_the_real_voice(cache, client, account, app):
    engine = Espeak()
    try:
        await engine.open()
    except SpeechFailed as error:
        pytest.skip(str(error))
    pages = Pages(Speech([engine], cache), Sounds(client, cache))
    document = read_voice(twiml("<Say language='fr-FR'>Bonjour à tous</Say>"), app.url("/voice"))
    ready = await pages.prepare(document, account)
    assert ready.page[0].clip.ms > 500


async def test_without_a_recogniser_keys_are_heard_and_words_are_told(prepare):
    ready = await prepare("<Gather input='dtmf speech'/><Gather input='speech' language='km-KH'/>")
    assert [(gather.spec.keys, gather.spec.speech) for gather in ready.page] == [(True, None), (False, None)]
    assert [(problem.code, problem.level) for problem in ready.problems] == [(13335, "error")] * 2
    assert "'km-KH'" in ready.problems[1].text


async def test_with_one_words_are_listened_for(app, engine, cache, client, account):
    pages = Pages(Speech([engine], cache), Sounds(client, cache), lambda language: language == "en-US")
    document = read_voice(twiml("<Gather input='speech'/><Gather input='speech' language='lo'/>"), app.url("/voice"))
    ready = await pages.prepare(document, account)
    assert [gather.spec.speech is not None for gather in ready.page] == [True, False]


async def test_an_mp3(prepare, app):
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", samplerate=16000, channels=1, format="MP3") as sound:
        sound.buffer_write(bytes(32000), "int16")
    app.answer("/t.mp3", Reply(file.getvalue(), content_type="audio/mpeg"))
    ready = await prepare("<Play>t.mp3</Play>")
    assert ready.problems == ()
    assert ready.page[0].clip.ms == 1000
