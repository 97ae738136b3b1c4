"""Speech by flite, in English only: its voices are clearer than espeak-ng's."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from cloud.services.speaking.engine import Script, SpeechFailed, Voice
from cloud.services.speaking.program import Program
from cloud.services.speaking.segments import Style, render_segments, segments_script
from telecore.audio.wav import AudioFormatError, Pcm, read_wav
from telecore.twiml.ssml import Speech

PROGRAM = "flite"
_WOMAN, _MAN = "slt", "rms"


class Flite:
    """One process per stretch of one manner. Its own markup mode is not used: odd markup makes it run for ever."""

    def __init__(self, program: str = PROGRAM, within_s: float = 20.0) -> None:
        self._program = Program(program, within_s)
        self.available: frozenset[str] = frozenset()
        self.name = "flite"

    async def open(self) -> None:
        """Raises SpeechFailed, naming the command that installs the program."""
        if await asyncio.to_thread(shutil.which, self._program.name) is None:
            raise SpeechFailed(f"{self._program.name} is not installed: run apt-get install flite")
        self.available = frozenset({"en-us"})

    def write(self, speech: Speech, voice: Voice) -> Script:
        return segments_script(speech, voice, _WOMAN if voice.female else _MAN, pitched=False)

    async def render(self, script: Script) -> Pcm:
        """Raises SpeechFailed."""
        return await render_segments(script, self)

    async def say(self, text: str, voice: str, style: Style) -> Pcm:
        """Raises SpeechFailed."""
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="flite-"))
        sound = folder / "sound.wav"  # it goes back in the file to fill in the length, which a pipe cannot do
        try:
            arguments = ["-voice", voice, "-f", "-", "-o", str(sound)]
            arguments += ["--setf", f"duration_stretch={1 / style.rate:.3f}"]
            await self._program.run(arguments, text.replace("\0", " ").encode("utf-8", "replace"))
            return read_wav(await asyncio.to_thread(sound.read_bytes))
        except (OSError, AudioFormatError) as error:
            raise SpeechFailed(f"{self._program.name} gave no sound: {error}") from error
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
