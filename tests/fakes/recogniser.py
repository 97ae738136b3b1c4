"""A recogniser as another package would bring one, which understands what a test wants it to."""

from __future__ import annotations

from cloud.services.hearing.recogniser import Heard, Partial, RecognitionFailed


class ScriptedHearing:
    def __init__(self, recogniser, want):
        self.want = want
        self.samples = bytearray()
        self.closed = 0
        self._recogniser = recogniser

    def feed(self, samples):
        self.samples += samples

    def partial(self, stable, unstable):
        self.want.on_partial(Partial(stable, unstable))

    async def finish(self):
        if self._recogniser.fails:
            raise RecognitionFailed("the engine is tired")
        return self._recogniser.hears

    async def close(self):
        self.closed += 1


class Scripted:
    """``hears`` is what it understands of everything. ``heard`` are its utterances in order."""

    def __init__(self, options=None):
        self.options = options or {}
        self.hears = Heard("two tickets", 0.75)
        self.fails = False
        self.heard = []

    async def open(self):
        return None

    async def listen(self, want):
        self.heard.append(ScriptedHearing(self, want))
        return self.heard[-1]
