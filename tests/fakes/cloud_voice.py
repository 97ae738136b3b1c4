"""A plug-in as another package would bring one: an engine that asks a server for each stretch of words."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from cloud.services.speaking.engine import Script, SpeechFailed, Voice
from cloud.services.speaking.segments import Style, render_segments, segments_script
from telecore.audio.wav import AudioFormatError, Pcm, read_wav
from telecore.twiml.ssml import Speech


class CloudVoice:
    """POST {url}?voice=… with the words; the answer is a WAV file."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self.name = "cloud-voice"
        self._url = options["url"]
        self.available = frozenset(options.get("languages", "km lo").split())

    async def open(self) -> None:
        return

    def write(self, speech: Speech, voice: Voice) -> Script:
        return segments_script(speech, voice, f"{voice.language}-{'female' if voice.female else 'male'}")

    async def render(self, script: Script) -> Pcm:
        return await render_segments(script, self)

    async def say(self, text: str, voice: str, style: Style) -> Pcm:
        query = {"voice": voice, "rate": f"{style.rate:g}"}
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
                session.post(self._url, params=query, data=text.encode()) as answer,
            ):
                answer.raise_for_status()
                return read_wav(await answer.read())
        except (aiohttp.ClientError, TimeoutError, AudioFormatError) as error:
            raise SpeechFailed(f"{self._url} did not speak: {error or 'no answer in time'}") from error
