"""Speech by Piper's program and the models on disk that cloud.yaml names."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from cloud.services.speaking.engine import Script, SpeechFailed, Voice
from cloud.services.speaking.program import Program
from cloud.services.speaking.segments import Style, render_segments, segments_script
from telecore.audio.wav import Pcm
from telecore.twiml.ssml import Speech


class Piper:
    """``models``: the path of a ``.onnx`` file for each language tag; its ``.onnx.json`` lies beside it."""

    def __init__(self, program: str, models: Mapping[str, str], within_s: float = 20.0) -> None:
        self._program = Program(program, within_s)
        self._models = {tag.lower(): Path(path) for tag, path in models.items()}
        self._rates: dict[Path, int] = {}
        self.available: frozenset[str] = frozenset()
        self.name = "piper"

    async def open(self) -> None:
        """Raises SpeechFailed, naming the program, model or setting that is missing."""
        if await asyncio.to_thread(shutil.which, self._program.name) is None:
            raise SpeechFailed(f"{self._program.name} is not installed; speech.piper.program names Piper's program")
        if not self._models:
            raise SpeechFailed("speech.piper.models names no model, so Piper speaks no language")
        for path in self._models.values():
            self._rates[path] = await asyncio.to_thread(_rate, path)
        self.available = frozenset(self._models)

    def write(self, speech: Speech, voice: Voice) -> Script:
        """Each language has one voice, that of its model. The path is the voice's name: another model sounds anew."""
        return segments_script(speech, voice, str(self._models[voice.language]), pitched=False)

    async def render(self, script: Script) -> Pcm:
        """Raises SpeechFailed."""
        return await render_segments(script, self)

    async def say(self, text: str, voice: str, style: Style) -> Pcm:
        """Raises SpeechFailed."""
        arguments = ["--model", voice, "--output-raw", "--length-scale", f"{1 / style.rate:.3f}"]
        line = " ".join(text.replace("\0", " ").split())  # one line is one utterance
        samples = await self._program.run(arguments, f"{line}\n".encode("utf-8", "replace"))
        if not samples:
            raise SpeechFailed(f"{self._program.name} gave no sound with {Path(voice).name}")
        return Pcm(self._rates[Path(voice)], samples[: len(samples) // 2 * 2])


def _rate(model: Path) -> int:
    described = model.with_name(f"{model.name}.json")
    try:
        rate = json.loads(described.read_text(encoding="utf-8"))["audio"]["sample_rate"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SpeechFailed(f"{described} cannot be read as the description of a Piper model: {error}") from error
    if not model.is_file() or not isinstance(rate, int) or not 8000 <= rate <= 48000:
        raise SpeechFailed(f"{model} is not a Piper model that can be used")
    return rate
