"""Rendering by the real espeak-ng; the cache by an engine that counts."""

from __future__ import annotations

import asyncio

import pytest

from cloud.services import speech
from cloud.services.clip_process import clip_file_apart
from cloud.services.espeak import Espeak, SpeechFailed
from cloud.services.files import Files
from cloud.services.speech import ClipCache, Speech, more_time_s
from telecore.audio.tone import tone
from telecore.audio.wav import Pcm, read_wav


class Rows:
    def __init__(self):
        self.clips = {}

    async def load(self, key):
        return self.clips.get(key)

    async def save(self, key, clip):
        self.clips[key] = clip


class CountingEngine:
    name = "counting"
    available = frozenset({"en-us", "fr-fr"})

    def __init__(self):
        self.rendered = []
        self.fails = False

    async def render(self, text, voice):
        self.rendered.append((text, voice))
        await asyncio.sleep(0.01)
        if self.fails:
            raise SpeechFailed("no")
        return Pcm(8000, tone((400 + len(text),), 100))


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
    spoken = await Speech(espeak, cache).clip("Hello, this is a line with some words.", "woman", "en-US")
    assert spoken.warnings == ()
    assert 1000 < spoken.clip.ms < 6000
    sound = read_wav(await files.read(spoken.clip.sha256, 0, spoken.clip.size))
    assert sound.rate == 8000
    assert max(abs(sample) for sample in memoryview(sound.samples).cast("h")) > 3000


@pytest.mark.parametrize("text", ["[[", "-v fr", "a\0b", "<break/>", "🙂", "\ud800"])
async def test_odd_texts_do_no_harm(espeak, text):
    assert (await espeak.render(text, "en-us")).rate == 22050


async def test_rendered_once_however_many_ask(cache):
    engine = CountingEngine()
    speech = Speech(engine, cache)
    first, second = await asyncio.gather(speech.clip("one"), speech.clip("one"))
    third = await speech.clip("one")
    assert first == second == third
    assert engine.rendered == [("one", "en-us")]
    await speech.clip("one", language="fr")
    assert len(engine.rendered) == 2


async def test_remembered_over_a_restart(cache, files, rows):
    engine = CountingEngine()
    clip = (await Speech(engine, cache).clip("one")).clip
    later = ClipCache(files, rows.load, rows.save)
    assert (await Speech(engine, later).clip("one")).clip == clip
    assert len(engine.rendered) == 1
    await files.delete(clip.sha256)
    fresh = ClipCache(files, rows.load, rows.save)
    assert (await Speech(engine, fresh).clip("one")).clip == clip
    assert len(engine.rendered) == 2


async def test_a_failure_is_told_to_all_and_not_remembered(cache):
    engine = CountingEngine()
    speech = Speech(engine, cache)
    engine.fails = True
    results = await asyncio.gather(speech.clip("one"), speech.clip("one"), return_exceptions=True)
    assert [type(result) for result in results] == [SpeechFailed, SpeechFailed]
    engine.fails = False
    assert (await speech.clip("one")).clip.ms == 100


async def test_one_who_gives_up_does_not_spoil_it_for_others(cache):
    speech = Speech(CountingEngine(), cache)
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
        assert (await Speech(espeak, cache).clip(text)).clip.ms > 150_000


async def test_a_missing_program_names_the_command():
    with pytest.raises(SpeechFailed, match="apt-get install espeak-ng"):
        await Espeak("no-such-program").open()


@pytest.fixture
def program(tmp_path):
    program = tmp_path / "slow"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    return program


async def test_a_program_that_hangs_is_ended(program):
    with pytest.raises(SpeechFailed, match="within 0.2 s"):
        await Espeak(str(program), within_s=0.2).render("x", "en-us")


async def test_a_voice_that_is_not_there_is_a_failure(espeak):
    with pytest.raises(SpeechFailed, match="status"):
        await espeak.render("x", "tlh-none")
