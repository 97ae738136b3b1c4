"""A long sound becomes the same clip in a process of its own, and the loop is free meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from cloud.services import clip_process
from cloud.services.clip_process import clip_file_apart, is_long
from cloud.services.clips import clip_file
from telecore.audio.tone import tone
from telecore.audio.wav import Pcm
from telecore.errors import Transient


def test_what_is_long():
    assert not is_long(Pcm(8000, bytes(2 * 8000 * 10)))
    assert is_long(Pcm(22050, bytes(2 * 22050 * 11)))


async def test_it_is_the_same_clip():
    sound = Pcm(16000, tone((440.0, 1000.0), 2000))
    assert await clip_file_apart(sound) == clip_file(sound)[0]


async def test_without_a_process_it_is_told(monkeypatch):
    monkeypatch.setattr(clip_process.sys, "executable", "/nonexistent/python")
    with pytest.raises(Transient, match="no process"):
        await clip_file_apart(Pcm(8000, bytes(320)))


async def test_a_cancelled_one_leaves_no_process(monkeypatch):
    begun = []
    begin = asyncio.create_subprocess_exec

    async def watched(*arguments, **options):
        begun.append(await begin(*arguments, **options))
        return begun[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", watched)
    task = asyncio.create_task(clip_file_apart(Pcm(22050, bytes(2 * 22050 * 60))))
    while not begun:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert begun[0].returncode is not None
