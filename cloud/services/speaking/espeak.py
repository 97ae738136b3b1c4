"""Speech by espeak-ng, which needs no Internet: one process per text."""

from __future__ import annotations

import asyncio
import logging
import shutil

from cloud.services.speaking.engine import Script, SpeechFailed, Voice
from cloud.services.speaking.espeak_markup import EspeakMarkup
from cloud.services.speaking.program import Program
from telecore.audio.wav import AudioFormatError, Pcm, read_wav
from telecore.twiml.ssml import Speech, plain

log = logging.getLogger(__name__)

PROGRAM = "espeak-ng"
WORDS_PER_MINUTE = 160
_FEMALE = "+f3"
"""A woman's voice is a variant of any language's."""
_TEXT_LIMIT = 64 * 1024
_UNREAD = {"Lao": (0x0E80, 0x0EFF), "Tibetan": (0x0F00, 0x0FFF), "Khmer": (0x1780, 0x17FF)}
"""Scripts of which 1.51 has no voice: it says "letter one seven nine nine" for each sign."""


class Espeak:
    """A speech engine. ``available`` holds the languages of the voices installed, once ``open`` has returned."""

    def __init__(self, program: str = PROGRAM, within_s: float = 20.0) -> None:
        self._program = Program(program, within_s)
        self.available: frozenset[str] = frozenset()
        self.name = "espeak-ng"

    async def open(self) -> None:
        """Learn which voices there are. Raises SpeechFailed, naming the command that installs the program."""
        program = self._program.name
        if await asyncio.to_thread(shutil.which, program) is None:
            raise SpeechFailed(f"{program} is not installed, so <Say> is silent: run apt-get install espeak-ng")
        listing = await self._program.run(["--voices"])
        rows = [line.split() for line in listing.decode("utf-8", "replace").splitlines()[1:]]
        self.available = frozenset(row[1].lower() for row in rows if len(row) > 1)
        log.info("%s speaks %d languages", program, len(self.available))

    def write(self, speech: Speech, voice: Voice) -> Script:
        """Its own SSML. Raises SpeechFailed for a script that it would spell out, letter by letter, by number."""
        _check_script(plain(speech))
        suffix = _FEMALE if voice.female else ""
        markup = EspeakMarkup(voice.language, self.available, female=voice.female)
        text = markup.document(speech)
        return Script(text, voice.language + suffix, tuple(dict.fromkeys(markup.problems)))

    async def render(self, script: Script) -> Pcm:
        """Raises SpeechFailed."""
        arguments = ["-v", script.voice, "-s", str(WORDS_PER_MINUTE), "-b", "1", "-m", "--stdin", "--stdout"]
        wav = await self._program.run(arguments, script.text[:_TEXT_LIMIT].encode("utf-8", "replace"))
        try:
            return read_wav(wav)
        except AudioFormatError as error:
            raise SpeechFailed(f"{self._program.name} gave no sound for voice {script.voice}: {error}") from error


def _check_script(text: str) -> None:
    for script, (first, last) in _UNREAD.items():
        signs = sum(first <= ord(sign) <= last for sign in text)
        if 2 * signs > sum(sign.isalpha() for sign in text):
            raise SpeechFailed(f"no voice here reads the {script} script; play a recording of it (docs/speech.md)")
