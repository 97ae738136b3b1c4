"""Speech engines that cost nothing."""

from __future__ import annotations

from cloud.services.speaking.engine import Script
from telecore.twiml.ssml import plain


class PlainEngine:
    """Reads words and no markup, in a voice named after the language."""

    name = "plain"
    available = frozenset({"en-us"})

    async def open(self):
        return None

    def write(self, speech, voice):
        return Script(plain(speech), voice.language)
