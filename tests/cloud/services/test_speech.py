"""Rendering by the real espeak-ng; the cache by an engine that counts."""

from __future__ import annotations

import asyncio

import pytest

from cloud.services import speech
from cloud.services.clip_process import clip_file_apart
from cloud.services.files import Files
from cloud.services.speaking.engine import Script, SpeechFailed
from cloud.services.speaking.espeak import Espeak
from cloud.services.speech import ClipCache, Speech, more_time_s, speech_key
from telecore.audio.tone import tone
from telecore.audio.wav import Pcm, read_wav
from tests.fakes.speech import PlainEngine


class Rows:
    def __init__(self):
        self.clips = {}

    async def load(self, key):
        return self.clips.get(key)

    async def save(self, key, clip):
        self.clips[key] = clip


class CountingEngine(PlainEngine):
    name = "counting"
    available = frozenset({"en-us", "fr-fr"})

    def __init__(self):
        self.rendered = []
        self.fails = False

    async def render(self, script):
        self.rendered.append((script.text, script.voice))
        await asyncio.sleep(0.01)
        if self.fails:
            raise SpeechFailed("no")
        return Pcm(8000, tone((400 + len(script.text),), 100))


@pytest.fixture
async def files(tmp_path):
    files = Files(tmp_path)
    await files.open()
    yield files
    await files.close()


@pytest.fixture
def rows():
    return Rows()


@pytest.fixture
async def cache(files, rows):
    cache = ClipCache(files, rows.load, rows.save)
    yield cache
    await cache.close()


@pytest.fixture
async def espeak():
    engine = Espeak()
    try:
        await engine.open()
    except SpeechFailed as error:
        pytest.skip(str(error))
    return engine


async def test_espeak_speaks(espeak, cache, files):
    spoken = await Speech([espeak], cache).clip("Hello, this is a line with some words.", "woman", "en-US")
    assert spoken.warnings == ()
    assert 1000 < spoken.clip.ms < 6000
    sound = read_wav(await files.read(spoken.clip.sha256, 0, spoken.clip.size))
    assert sound.rate == 8000
    assert max(abs(sample) for sample in memoryview(sound.samples).cast("h")) > 3000


async def test_rendered_once_however_many_ask(cache):
    engine = CountingEngine()
    speech = Speech([engine], cache)
    first, second = await asyncio.gather(speech.clip("one"), speech.clip("one"))
    third = await speech.clip("one")
    assert first == second == third
    assert engine.rendered == [("one", "en-us")]
    await speech.clip("one", language="fr")
    assert len(engine.rendered) == 2


async def test_remembered_over_a_restart(cache, files, rows):
    engine = CountingEngine()
    clip = (await Speech([engine], cache).clip("one")).clip
    later = ClipCache(files, rows.load, rows.save)
    assert (await Speech([engine], later).clip("one")).clip == clip
    assert len(engine.rendered) == 1
    await files.delete(clip.sha256)
    fresh = ClipCache(files, rows.load, rows.save)
    assert (await Speech([engine], fresh).clip("one")).clip == clip
    assert len(engine.rendered) == 2


async def test_a_failure_is_told_to_all_and_not_remembered(cache):
    engine = CountingEngine()
    speech = Speech([engine], cache)
    engine.fails = True
    results = await asyncio.gather(speech.clip("one"), speech.clip("one"), return_exceptions=True)
    assert [type(result) for result in results] == [SpeechFailed, SpeechFailed]
    engine.fails = False
    assert (await speech.clip("one")).clip.ms == 100


async def test_one_who_gives_up_does_not_spoil_it_for_others(cache):
    speech = Speech([CountingEngine()], cache)
    impatient = asyncio.create_task(speech.clip("one"))
    await asyncio.sleep(0)
    patient = asyncio.create_task(speech.clip("one"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).clip.ms == 100


async def test_no_more_long_clips_are_made_at_once_than_there_are_cores(files, rows, monkeypatch):
    now, most = 0, 0

    async def watched(sound):
        nonlocal now, most
        now += 1
        most = max(most, now)
        try:
            return await clip_file_apart(sound)
        finally:
            now -= 1

    monkeypatch.setattr(speech, "clip_file_apart", watched)
    monkeypatch.setattr(speech, "_PROCESSES", 2)
    cache = ClipCache(files, rows.load, rows.save)
    clips = await asyncio.gather(*(cache.keep(str(n), Pcm(8000, bytes(2 * 8000 * 11))) for n in range(4)))
    assert [clip.ms for clip in clips] == [11000] * 4
    assert most == 2


async def test_the_longest_text_that_twilio_allows(espeak, cache):
    """Spoken whole: about 16 characters a second, faster than anybody speaks."""
    text = ("The river has risen and people near the bridge are asked to leave. " * 62)[:4096]
    async with asyncio.timeout(20 + more_time_s(text)):
        assert (await Speech([espeak], cache).clip(text)).clip.ms > 150_000


async def test_the_next_engine_speaks_when_one_fails_and_is_asked_first_again_later(cache):
    clock = [0.0]
    first, last = CountingEngine(), CountingEngine()
    first.name, first.fails = "first", True
    speech = Speech([first, last], cache, now=lambda: clock[0])
    spoken = await speech.clip("one")
    assert spoken.clip.ms == 100
    assert [code for code, text in spoken.warnings if "first could not speak (no)" in text] == [13520]
    assert (await speech.clip("two")).warnings == ()
    assert [len(first.rendered), len(last.rendered)] == [1, 2]
    clock[0], first.fails = 61.0, False
    await speech.clip("three")
    assert len(first.rendered) == 2


async def test_an_engine_that_takes_too_long_is_left_for_the_next(cache):
    class Slow(CountingEngine):
        name = "slow"

        async def render(self, script):
            await asyncio.sleep(0.5)
            return await super().render(script)

    slow, last = Slow(), CountingEngine()
    speech = Speech([slow, last], cache, patience_s=0.05)
    spoken = await speech.clip("one")
    assert "slow could not speak (it takes too long)" in spoken.warnings[0][1]
    assert (await speech.clip("two")).warnings == ()
    assert [text for text, _ in last.rendered] == ["one", "two"]


async def test_an_engine_is_asked_for_its_own_languages_only(cache):
    first, last = CountingEngine(), CountingEngine()
    first.name, first.available = "first", frozenset({"km"})
    speech = Speech([first, last], cache)
    await speech.clip("សួស្តី", language="km-KH")
    await speech.clip("salut", language="fr-FR")
    assert [voice for _, voice in first.rendered] == ["km"]
    assert [voice for _, voice in last.rendered] == ["fr-fr"]


def test_the_key_holds_engine_voice_and_markup():
    keys = {
        speech_key("a", Script("x", "v")),
        speech_key("b", Script("x", "v")),
        speech_key("a", Script("y", "v")),
        speech_key("a", Script("x", "w")),
    }
    assert len(keys) == 4


async def test_an_engine_that_never_ends_is_stopped_and_may_try_again(files, rows):
    class Stuck(CountingEngine):
        async def render(self, script):
            self.rendered.append(script.text)
            await asyncio.Event().wait()

    engine = Stuck()
    speaks = Speech([engine], ClipCache(files, rows.load, rows.save), render_s=0.01)
    for _ in range(2):
        with pytest.raises(SpeechFailed, match="counting did not finish"):
            await speaks.clip("hi")
    assert engine.rendered == ["hi", "hi"]
