"""What it costs to listen for keys: our detector beside a textbook Goertzel filter bank, in one run.

The textbook runs eight filters over every 20 ms frame and no more: it decides nothing, so the comparison favours it.
Each kind of sound is heard by both in turn, three times; the best CPU time of each counts. Goal: at most 40 µs a frame.
"""

from __future__ import annotations

import math
import random
import struct
import time
from collections.abc import Callable

from benchmarks.dtmf_talkoff import GOAL_US, TEXTS, speak
from telecore.audio import g711
from telecore.audio.dtmf import DtmfDetector
from telecore.audio.frames import FRAME_BYTES, RATE
from telecore.audio.tone import DTMF_HIGH, DTMF_KEYS, DTMF_LOW, dtmf_tone, silence

ROUNDS = 3
SECONDS = 30

Listener = Callable[[list[bytes]], None]


def textbook(frames: list[bytes]) -> None:
    """The power at the eight frequencies of every frame."""
    coefficients = [2 * math.cos(2 * math.pi * freq / RATE) for freq in DTMF_LOW + DTMF_HIGH]
    for frame in frames:
        samples = struct.unpack("<160h", frame)
        for coefficient in coefficients:
            before = last = 0.0
            for sample in samples:
                before, last = last, sample + coefficient * last - before
            before * before + last * last - coefficient * before * last


def ours(frames: list[bytes]) -> None:
    """A detector that decides."""
    detector = DtmfDetector()
    for frame in frames:
        detector.feed(frame)


def ours_from_ulaw(frames: list[bytes]) -> None:
    """As it is on a leg whose gateway sends µ-law; the frames are encoded outside."""
    detector = DtmfDetector()
    for frame in frames:
        detector.feed(g711.ulaw_to_l16(frame))


def sounds() -> dict[str, bytes]:
    """Half a minute each of what a leg hears."""
    rng = random.Random(1)
    length = 2 * RATE * SECONDS
    noise = struct.pack(f"<{length // 2}h", *(round(rng.gauss(0, 1000)) for _ in range(length // 2)))
    keys = b"".join(dtmf_tone(rng.choice(DTMF_KEYS)) for _ in range(SECONDS * 1000 // 180 + 1))
    speech = b"".join(speak(language, 160, 50, text) for language, text in list(TEXTS.items())[:6])
    return {"silence": silence(SECONDS * 1000), "speech": speech[:length], "noise": noise, "keys": keys[:length]}


def cost(listener: Listener, frames: list[bytes]) -> float:
    """CPU microseconds per frame."""
    started = time.process_time()
    listener(frames)
    return (time.process_time() - started) / len(frames) * 1e6


def main() -> int:
    print(f"{'sound':8} {'textbook':>9} {'ours':>7} {'ratio':>6} {'with µ-law':>11}   µs per 20 ms frame")
    dearest = 0.0
    for name, sound in sounds().items():
        frames = [sound[at : at + FRAME_BYTES] for at in range(0, len(sound) - FRAME_BYTES + 1, FRAME_BYTES)]
        encoded = [g711.l16_to_ulaw(frame) for frame in frames]
        costs = [(cost(textbook, frames), cost(ours, frames), cost(ours_from_ulaw, encoded)) for _ in range(ROUNDS)]
        theirs, own, from_ulaw = map(min, zip(*costs, strict=True))
        print(f"{name:8} {theirs:9.1f} {own:7.1f} {own / theirs:6.2f} {from_ulaw:11.1f}")
        dearest = max(dearest, own if name in ("silence", "speech") else 0.0)
    print(f"goal: {GOAL_US:.0f} µs for silence and speech, {'reached' if dearest <= GOAL_US else 'missed'}")
    return 0 if dearest <= GOAL_US else 1


if __name__ == "__main__":
    raise SystemExit(main())
