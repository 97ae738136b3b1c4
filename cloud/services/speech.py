"""Text → clip: rendered once, remembered by engine, voice and markup, shared by whoever asks meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cloud.services.clip_process import clip_file_apart, is_long
from cloud.services.clips import clip_file
from cloud.services.files import Files
from cloud.services.speaking.engine import MARKUP, Script, SpeechEngine, SpeechFailed, Voice
from cloud.services.voices import DEFAULT_LANGUAGE, Wanted, match_language, no_voice_for, wanted
from telecore.audio.wav import Pcm
from telecore.errors import Transient
from telecore.ids import Sha256
from telecore.model import Clip
from telecore.twiml import ssml

log = logging.getLogger(__name__)

_IN_MEMORY = 10_000
_THREADS = 2
"""More than one, so that a long file keeps no short prompt waiting."""
_PROCESSES = os.cpu_count() or 1
"""Long clips made at once; more would only make each of them later."""
_S_PER_CHARACTER = 0.02
"""Over twenty times what speaking and converting a character takes (0.4 to 0.8 ms), for when much is asked at once."""
_PATIENCE_S = 8.0
"""How long an engine may take while another could speak instead: a caller waits for it."""
_RENDER_S = 60.0
"""How long an engine may work on a text that nobody waits for any more; long texts have longer."""
_REST_S = 60.0
"""How long an engine that failed is not asked again, so that not every caller waits for it."""

LoadClip = Callable[[str], Awaitable[Clip | None]]
SaveClip = Callable[[str, Clip], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Spoken:
    """``warnings``: Twilio's codes and sentences about a voice or language that is not to be had."""

    clip: Clip
    warnings: tuple[tuple[int, str], ...] = ()


class ClipCache:
    """Clips by the key of what they were made from: in memory, then in the store, and only then made."""

    def __init__(self, files: Files, load: LoadClip, save: SaveClip) -> None:
        self._files = files
        self._load = load
        self._save = save
        self._known: OrderedDict[str, Clip] = OrderedDict()
        self._making: dict[str, asyncio.Task[Clip]] = {}
        self._thread = ThreadPoolExecutor(_THREADS, thread_name_prefix="clips")
        self._turn = asyncio.Semaphore(_PROCESSES)

    async def get(self, key: str) -> Clip | None:
        """The clip of this key, if its file is still here. What is in memory costs no wait for a disk."""
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        clip = await self._load(key)
        if clip is None or await self._files.size(clip.sha256) != clip.size:
            return None
        self._remember(key, clip)
        return clip

    async def get_or_make(self, key: str, make: Callable[[], Awaitable[Pcm]]) -> Clip:
        """Whoever asks for the same key at the same time gets the same one; what ``make`` raises is raised to all."""
        found = self._known.get(key)
        if found is not None:
            return found
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(self._find_or_make(key, make))
            task.add_done_callback(lambda done: self._made(key, done))
        return await asyncio.shield(task)  # one impatient caller must not spoil it for the others

    async def keep(self, key: str, sound: Pcm) -> Clip:
        """Make a clip of this sound and remember it under the key."""
        data = await self._file(sound)
        ms = len(sound.samples) * 1000 // (2 * sound.rate)
        clip = Clip(await self._files.add(data), len(data), ms)
        self._remember(key, clip)
        await self._save(key, clip)
        return clip

    async def close(self) -> None:
        """Drop what is being made."""
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._thread.shutdown(wait=False)

    async def _find_or_make(self, key: str, make: Callable[[], Awaitable[Pcm]]) -> Clip:
        return await self.get(key) or await self.keep(key, await make())

    async def _file(self, sound: Pcm) -> bytes:
        if is_long(sound):
            try:
                async with self._turn:
                    return await clip_file_apart(sound)
            except Transient as error:
                log.warning("a long clip is made in our own process: %s", error)
        data, _ = await asyncio.get_running_loop().run_in_executor(self._thread, clip_file, sound)
        return data

    def _made(self, key: str, task: asyncio.Task[Clip]) -> None:
        self._making.pop(key, None)
        if not task.cancelled():
            task.exception()  # seen here even when every caller has gone

    def _remember(self, key: str, clip: Clip) -> None:
        self._known[key] = clip
        self._known.move_to_end(key)
        while len(self._known) > _IN_MEMORY:
            self._known.popitem(last=False)


class Speech:
    """Speaks through the first engine that has the language; the last one speaks when that fails, and for the rest."""

    def __init__(
        self,
        engines: Sequence[SpeechEngine],
        cache: ClipCache,
        *,
        patience_s: float = _PATIENCE_S,
        rest_s: float = _REST_S,
        render_s: float = _RENDER_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engines = tuple(engines)
        self._cache = cache
        self._patience_s = patience_s
        self._rest_s = rest_s
        self._render_s = render_s
        self._now = now
        self._resting: dict[str, float] = {}

    async def open(self) -> None:
        """Make the engines ready; one that cannot be is told in the log and left alone."""
        for engine in self._engines:
            try:
                await engine.open()
            except SpeechFailed as error:
                log.error("%s", error)  # noqa: TRY400  (one sentence for the operator; the rest works without it)

    async def clip(
        self, text: str, voice: str | None = None, language: str | None = None, speech: ssml.Speech = ()
    ) -> Spoken:
        """The text as a clip, or its markup when there is some. Raises SpeechFailed."""
        want = wanted(voice, language)
        said = speech or (ssml.Words(text),)
        problems: list[str] = []
        for engine in self._able(want.language):
            if engine is self._engines[-1]:
                return await self._spoken(engine, want, said, problems)
            try:
                async with asyncio.timeout(self._patience_s + more_time_s(text)):
                    return await self._spoken(engine, want, said, problems)
            except (SpeechFailed, TimeoutError) as failure:
                error = failure if isinstance(failure, SpeechFailed) else "it takes too long"
                log.warning("%s failed, the next engine speaks: %s", engine.name, error)
                self._resting[engine.name] = self._now() + self._rest_s
                problems.append(f"{engine.name} could not speak ({error}); another voice did")
        raise SpeechFailed("there is no speech engine")

    def _able(self, language: str) -> list[SpeechEngine]:
        """Those to ask, in their order: who has the language and did not fail a moment ago, and always the last."""
        return [
            engine
            for engine in self._engines
            if engine is self._engines[-1]
            or (
                match_language(language, engine.available) is not None
                and self._resting.get(engine.name, 0.0) <= self._now()
            )
        ]

    async def _spoken(self, engine: SpeechEngine, want: Wanted, said: ssml.Speech, problems: list[str]) -> Spoken:
        found = match_language(want.language, engine.available)
        warnings = list(want.warnings)
        if found is None:
            warnings.append(no_voice_for(want.language))
            found = match_language(DEFAULT_LANGUAGE, engine.available) or "en"
        script = engine.write(said, Voice(found, want.female, want.name))
        clip = await self._cache.get_or_make(speech_key(engine.name, script), lambda: self._render(engine, script))
        warnings += [(MARKUP, f"<Say>: {problem}") for problem in (*problems, *script.problems)]
        return Spoken(clip, tuple(warnings))

    async def _render(self, engine: SpeechEngine, script: Script) -> Pcm:
        within_s = self._render_s + more_time_s(script.text)
        try:
            async with asyncio.timeout(within_s):
                return await engine.render(script)
        except TimeoutError as error:
            raise SpeechFailed(f"{engine.name} did not finish within {within_s:g} s") from error


def more_time_s(text: str) -> float:
    """What a text may take beyond the time of a short one, so that none is left out merely because it is long."""
    return len(text) * _S_PER_CHARACTER


def speech_key(engine: str, script: Script) -> Sha256:
    """What a rendered text is remembered by."""
    whole = "\0".join(("say", engine, script.voice, script.text))
    return Sha256(hashlib.sha256(whole.encode("utf-8", "replace")).hexdigest())
