"""The one Leg: one party's sound, over whatever line it comes, played to and listened to frame by frame."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from edge_agent.contracts import Measured, PcmStream, VoiceCall
from edge_agent.media.clock import MediaClock
from edge_agent.media.digits import KeyCount, KeyEar, Witness
from edge_agent.media.source import SILENCE, Source
from telecore.model import MediaStats


class Ear:
    """Somebody who follows a leg while attached to it. ``wants_keys``: only then is the sound searched for DTMF."""

    wants_keys = False

    def hear(self, frame: bytes) -> None:
        """20 ms came from the party."""

    def sent(self, frame: bytes) -> None:
        """20 ms went to the party: the leg's measure of time. Called only where it is overridden."""

    def press(self, key: str) -> None:
        """The party pressed a key. Comes only to those who want keys."""

    def over(self) -> None:
        """The leg is closed: nothing more will be heard."""


class _Playing:
    """``below``: what it interrupts, which goes on after it."""

    __slots__ = ("below", "done", "source")

    def __init__(self, source: Source, below: _Playing | None) -> None:
        self.source = source
        self.below = below
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Leg:
    """Sends exactly one frame per tick: what is played now, else ``background``, else silence.

    The PCM stream of the line is taken when it appears and must run at 8 kHz; a line without one is still ticked, so
    everything takes its time there too. The leg knows no other leg.
    """

    __slots__ = (
        "_clock",
        "_ears",
        "_following",
        "_key_ear",
        "_keys",
        "_keys_wanted",
        "_measured",
        "_now",
        "_pcm",
        "_playing",
        "_searching",
        "background",
        "voice",
    )

    def __init__(self, clock: MediaClock, voice: VoiceCall | None = None) -> None:
        self.voice = voice
        self.background: Source | None = None
        self._clock = clock
        self._pcm: PcmStream | None = None
        self._measured: Measured | None = None
        self._playing: _Playing | None = None
        self._ears: tuple[Ear, ...] = ()
        self._following: tuple[Ear, ...] = ()
        self._searching = False
        self._keys_wanted = False
        self._keys = KeyCount()
        self._key_ear = KeyEar()
        self._now = 0

    @property
    def media(self) -> MediaStats | None:
        """How the sound went so far, for a line that measures it."""
        return self._measured.stats() if self._measured is not None else None

    def start(self) -> None:
        """The call is answered: sound flows from here on."""
        self._take_pcm()
        self._clock.add(self)

    def close(self) -> None:
        """The call is over: nothing is sent and nobody hears any more. What is being played never ends."""
        self._clock.remove(self)
        # A modem has one stream for all its calls: the next one may have taken it over.
        if self._pcm is not None and self._pcm.on_frame == self.hear:
            self._pcm.on_frame = _ignore
        self.voice = self._pcm = None
        ears = self._ears
        self._set_ears(())
        for ear in ears:
            ear.over()

    def tick(self) -> None:
        self._now += 1
        if self._playing is not None:
            frame = self._pull(self._playing)
        else:
            frame = SILENCE if self.background is None else self.background.pull()
        if (None if self.voice is None else self.voice.pcm) is not self._pcm:
            self._take_pcm()
        if self._pcm is not None:
            self._pcm.send(frame)
        for ear in self._following:
            ear.sent(frame)

    def hear(self, frame: bytes) -> None:
        """20 ms came from the line."""
        if self._searching:
            self._search(frame)
        for ear in self._ears:
            ear.hear(frame)

    def press(self, key: str) -> None:
        """The line itself reports a key."""
        self._press(Witness.MODEM, key)

    async def play(self, source: Source) -> None:
        """Send all of it; returns in the very tick that sent its last frame. Cancelled, it stops at the next tick.

        What is being played meanwhile by somebody else waits, and goes on behind it.
        """
        if source.finished:
            return
        playing = self._playing = _Playing(source, self._playing)
        try:
            await playing.done
        finally:
            if self._playing is playing:
                self._playing = _unfinished(playing.below)

    def stop_play(self) -> None:
        """No further frame of anything that is being played goes out: its ``play`` is cancelled."""
        playing, self._playing = self._playing, None
        while playing is not None:
            playing.done.cancel()
            playing = playing.below

    @contextmanager
    def attached(self, *ears: Ear) -> Iterator[None]:
        """Let these follow the leg for a while."""
        for ear in ears:
            self.attach(ear)
        try:
            yield
        finally:
            for ear in ears:
                self.detach(ear)

    def attach(self, ear: Ear) -> None:
        self._set_ears((*self._ears, ear))

    def detach(self, ear: Ear) -> None:
        self._set_ears(tuple(other for other in self._ears if other is not ear))

    def _set_ears(self, ears: tuple[Ear, ...]) -> None:
        self._ears = ears
        self._following = tuple(ear for ear in ears if type(ear).sent is not Ear.sent)
        self._keys_wanted = any(ear.wants_keys for ear in ears)
        self._searching = self._searching or self._keys_wanted

    def _search(self, frame: bytes) -> None:
        """While keys are wanted, and shortly after."""
        in_sound = self._keys_wanted and not (self.voice is not None and self.voice.detects_dtmf)
        for key in self._key_ear.feed(frame, self._now, wanted=in_sound):
            self._press(Witness.SOUND, key)
        self._searching = self._keys_wanted or self._key_ear.listens

    def _pull(self, playing: _Playing) -> bytes:
        frame = playing.source.pull()
        if playing.source.finished:
            self._playing = _unfinished(playing.below)
            if not playing.done.done():
                playing.done.set_result(None)
        return frame

    def _take_pcm(self) -> None:
        """The line's stream appeared, or is another."""
        pcm = self._pcm = None if self.voice is None else self.voice.pcm
        if pcm is not None:
            pcm.on_frame = self.hear
            self._measured = pcm if isinstance(pcm, Measured) else None

    def _press(self, witness: Witness, key: str) -> None:
        if not self._keys.is_new(witness, key, self._now):
            return
        for ear in self._ears:
            if ear.wants_keys:
                ear.press(key)


def _unfinished(playing: _Playing | None) -> _Playing | None:
    """This, or the first below it that nobody has given up."""
    while playing is not None and playing.done.done():
        playing = playing.below
    return playing


def _ignore(frame: bytes) -> None:
    """Nobody listens to a call that is over."""
