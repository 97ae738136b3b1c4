"""The process in which PocketSphinx hears one utterance: sound in, lines of JSON out. Live calls come first.

``python -m cloud.services.hearing.sphinx_process``, whose input is a line ``{"hints": ["a phrase", …], "partials":
true}`` and then the sound. The model is the English one that comes with it.

It is a model of sound at 16 kHz. The line's 8 kHz are doubled by straight lines between samples, whose mirror above
4 kHz stands for what the line has cut off; and all is decoded at once at the end, with the mean of the whole utterance
taken out. With that the hinted decoder alone knew 22 of 24 phrases of three voices; with a sharp filter, and as the
sound came, 14. docs/speech.md says how well both decoders do together.
"""

from __future__ import annotations

import json
import os
import re
import sys
from array import array
from difflib import SequenceMatcher
from typing import Any

import pocketsphinx

from telecore.audio.mixing import peak

_RATE = 16000
_CHUNK = 2 * 8000 // 10
_PARTIAL_EVERY = 5
"""Chunks: twice a second."""
_QUIET = 300
"""The peak of a sample under which there is nothing to be heard: -40 dB of full scale."""
_SURE = 0.5
"""From here on the free decoder is believed before the hinted one, which makes one of its phrases of anything."""
_ALIKE = 0.5
"""What is written so much like a hint is that hint, however sure the free decoder is ("customers are those")."""


class Doubler:
    """8 kHz → 16 kHz, in pieces."""

    def __init__(self) -> None:
        self._last = 0

    def feed(self, samples: bytes) -> bytes:
        """s16le of this machine's own order, which is that of every machine this runs on."""
        heard = array("h", samples)
        doubled = array("h", bytes(4 * len(heard)))
        doubled[1::2] = heard
        doubled[0::2] = array("h", ((a + b) // 2 for a, b in zip((self._last, *heard), heard, strict=False)))
        self._last = heard[-1] if heard else self._last
        return doubled.tobytes()


class Ears:
    """Decoders over the same sound: one for anything, and one that knows only the hinted phrases."""

    def __init__(self, hints: list[str], *, partials: bool) -> None:
        self._free = pocketsphinx.Decoder(samprate=_RATE, loglevel="FATAL")
        self._phrases = [words for hint in hints if (words := self._known(hint))]
        self._partials = partials
        self._doubler = Doubler()
        self._sound = bytearray()
        if partials:
            self._free.start_utt()

    def feed(self, samples: bytes) -> None:
        doubled = self._doubler.feed(samples)
        self._sound += doubled
        if self._partials:
            self._free.process_raw(doubled, False, False)

    def partial(self) -> str:
        return _text(self._free) if self._partials else ""

    def finish(self) -> dict[str, Any]:
        if self._partials:
            self._free.end_utt()
        if peak(bytes(self._sound)) < _QUIET:
            return {"text": "", "confidence": 0.0}
        free = self._whole(self._free)
        if not self._phrases or not free["text"]:
            return free
        hinted = self._whole(_grammar(self._phrases))
        alike = SequenceMatcher(None, free["text"], hinted["text"]).ratio() >= _ALIKE
        if not hinted["text"] or (free["confidence"] >= _SURE and not alike):
            return free
        doubt = 1.0 if hinted["text"] == free["text"] else 0.5
        return {"text": hinted["text"], "confidence": hinted["confidence"] * doubt}

    def _whole(self, decoder: Any) -> dict[str, Any]:
        decoder.start_utt()
        decoder.process_raw(bytes(self._sound), False, True)
        decoder.end_utt()
        return {"text": _text(decoder), "confidence": _confidence(decoder)}

    def _known(self, hint: str) -> str:
        """The hint in small letters, if the dictionary has all its words."""
        words = re.findall(r"[a-z']+", hint.lower())
        return " ".join(words) if words and all(self._free.lookup_word(word) for word in words) else ""


def _grammar(phrases: list[str]) -> Any:
    decoder = pocketsphinx.Decoder(samprate=_RATE, lm=None, loglevel="FATAL")
    rule = " | ".join(phrases)
    decoder.add_jsgf_string("hints", f"#JSGF V1.0;\ngrammar hints;\npublic <hints> = {rule};\n")
    decoder.activate_search("hints")
    return decoder


def _text(decoder: Any) -> str:
    found = decoder.hyp()
    return "" if found is None else str(found.hypstr).strip()


def _confidence(decoder: Any) -> float:
    """The mean over the words that were said, each from 0 to 1."""
    sure = [
        min(1.0, max(0.0, float(segment.prob)))
        for segment in decoder.seg() or ()
        if not segment.word.startswith(("<", "["))
    ]
    return round(sum(sure) / len(sure), 4) if sure else 0.0


def main() -> None:
    """Until the sound ends."""
    os.nice(10)
    asked = json.loads(sys.stdin.buffer.readline())
    ears = Ears(asked["hints"], partials=asked["partials"])
    last, count = "", 0
    while chunk := sys.stdin.buffer.read(_CHUNK):
        ears.feed(chunk[: len(chunk) // 2 * 2])
        count += 1
        if count % _PARTIAL_EVERY == 0 and (now := ears.partial()) != last:
            last = now
            _say({"partial": now})
    _say(ears.finish())


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
