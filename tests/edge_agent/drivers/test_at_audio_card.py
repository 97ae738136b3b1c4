"""sound_card.py with the real arecord and aplay, on cards that an ALSA configuration of our own makes up."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from edge_agent.drivers.at_modem.sound_card import SoundCard
from telecore.audio.frames import FRAME_BYTES
from telecore.audio.tone import tone

pytestmark = pytest.mark.skipif(
    shutil.which("arecord") is None or shutil.which("aplay") is None, reason="alsa-utils is not installed"
)

CONFIG = """
pcm.nothing {{ type null }}
pcm.heard {{ type file slave.pcm nothing file {played} format raw infile {said} }}
"""


@pytest.fixture
def alsa(tmp_path, monkeypatch):
    """Cards without hardware: what is played goes into a file, what is heard comes from one, as fast as it is taken."""
    said = tmp_path / "said.raw"
    said.write_bytes(tone((440,), 4000, -20))
    config = tmp_path / "asound.conf"
    config.write_text(CONFIG.format(played=tmp_path / "played.raw", said=said))
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(config))
    return tmp_path


async def until(condition, within_s=5.0):
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 (any condition)
            await asyncio.sleep(0.01)


@pytest.fixture
async def card():
    made = []

    def make(capture="heard", playback="heard", **options):
        made.append(SoundCard(capture, playback, retry_s=0.05, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()
    await asyncio.sleep(0.1)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "sound card"]


async def test_both_ways(alsa, card):
    line = card()
    stream, heard = line.stream(), []
    stream.on_frame = heard.append
    line.start(stream)
    await until(lambda: len(heard) > 20)
    assert all(len(frame) == FRAME_BYTES for frame in heard)
    assert any(any(frame) for frame in heard)
    said = [bytes([n + 1]) * FRAME_BYTES for n in range(40)]
    for frame in said:
        stream.send(frame)
        await asyncio.sleep(0.005)
    await until(lambda: stream.taken >= 10)
    assert stream.taken + line.dropped >= 40
    line.stop()
    await until(lambda: (alsa / "played.raw").stat().st_size > 0)
    assert said[0][:2] in (alsa / "played.raw").read_bytes()


async def test_a_card_that_appears_late(alsa, card, monkeypatch):
    config = alsa / "asound.conf"
    good = config.read_text()
    config.write_text("pcm.other { type null }\n")
    line = card()
    stream, heard = line.stream(), []
    stream.on_frame = heard.append
    line.start(stream)
    await until(lambda: line.reason)
    assert heard == []
    config.write_text(good)
    await until(lambda: heard)


async def test_a_card_that_never_appears(alsa, card):
    line = card("missing", "missing", give_up_s=3.0)
    stream = line.stream()
    line.start(stream)
    await until(line._serving.done)
    assert "missing" in line.reason or "open error" in line.reason
    stream.send(bytes(FRAME_BYTES))
    assert stream.taken == 0


async def test_the_programs_end_with_the_call(alsa, card):
    line = card()
    stream, heard = line.stream(), []
    stream.on_frame = heard.append
    line.start(stream)
    await until(lambda: heard)
    line.stop()
    await asyncio.sleep(0.2)
    count = len(heard)
    await asyncio.sleep(0.1)
    assert len(heard) == count
    stream.send(bytes(FRAME_BYTES))
    assert line._pipe == -1


async def test_the_next_call_has_the_card_for_itself(alsa, card):
    line = card()
    first, second, heard = line.stream(), line.stream(), []
    line.start(first)
    second.on_frame = heard.append
    line.start(second)
    await until(lambda: heard)
    first.send(bytes(FRAME_BYTES))
    assert first.taken == 0


async def test_without_alsa_utils(alsa, card, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    line = card(give_up_s=0.1)
    line.start(line.stream())
    await until(line._serving.done)
    assert "alsa-utils" in line.reason
