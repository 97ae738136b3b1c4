"""Recordings in other forms: made once, kept while there is room."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from cloud.services import renditions as module
from cloud.services.files import Files
from cloud.services.renditions import Renditions
from telecore.audio.tone import tone
from telecore.audio.wav import write_wav
from telecore.errors import StorageFailed
from telecore.ids import Sha256


@pytest.fixture
async def files(tmp_path: Path):
    files = Files(tmp_path / "files")
    await files.open()
    yield files
    await files.close()


async def sound(files: Files, hz: int) -> Sha256:
    return await files.add(write_wav(tone((hz,), 500)))


async def test_it_is_made_once_for_all_who_ask(files, tmp_path, monkeypatch):
    made = []
    convert = module.convert
    monkeypatch.setattr(module, "convert", lambda *args, **options: (made.append(args), convert(*args, **options)))
    renditions = Renditions(tmp_path / "made", files)
    sha = await sound(files, 440)
    paths = await asyncio.gather(*(renditions.path(sha, 1, mp3=True) for _ in range(5)))
    assert len(set(paths)) == 1
    assert paths[0].read_bytes()[:2] in (b"\xff\xe3", b"\xff\xf3", b"ID")
    assert await renditions.path(sha, 1, mp3=True) == paths[0]
    assert len(made) == 1
    renditions.close()


async def test_what_was_asked_for_longest_ago_goes_first(files, tmp_path):
    shas = [await sound(files, hz) for hz in (400, 500, 600)]
    size = (await Renditions(tmp_path / "one", files).path(shas[0], 1, mp3=True)).stat().st_size
    renditions = Renditions(tmp_path / "made", files, most_bytes=size * 5 // 2)
    first = await renditions.path(shas[0], 1, mp3=True)
    second = await renditions.path(shas[1], 1, mp3=True)
    os.utime(second, (1, 1))
    third = await renditions.path(shas[2], 1, mp3=True)
    assert [path.exists() for path in (first, second, third)] == [True, False, True]
    assert (await renditions.path(shas[1], 1, mp3=True)).exists()


async def test_what_is_no_sound_leaves_nothing(files, tmp_path):
    renditions = Renditions(tmp_path / "made", files)
    with pytest.raises(StorageFailed):
        await renditions.path(await files.add(b"not a sound"), 1, mp3=True)
    with pytest.raises(StorageFailed):
        await renditions.path(Sha256("0" * 64), 1, mp3=False)
    assert list((tmp_path / "made").iterdir()) == []


async def test_of_a_recording_that_is_deleted_while_it_is_made_nothing_stays(files, tmp_path, monkeypatch):
    convert, read, go_on = module.convert, threading.Event(), threading.Event()

    def slow(*args, **options):
        convert(*args, **options)
        read.set()
        go_on.wait(10)

    monkeypatch.setattr(module, "convert", slow)
    renditions = Renditions(tmp_path / "made", files)
    sha = await sound(files, 440)
    asked = asyncio.create_task(renditions.path(sha, 1, mp3=True))
    await asyncio.to_thread(read.wait, 10)
    await files.delete(sha)
    forgetting = asyncio.create_task(renditions.forget(sha))
    await asyncio.wait({forgetting}, timeout=0.2)
    go_on.set()
    await asyncio.gather(asked, forgetting)
    assert list((tmp_path / "made").iterdir()) == []
    renditions.close()


async def test_one_that_gets_its_name_while_room_is_made_for_another_fails_nobody(files, tmp_path, monkeypatch):
    iterdir = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter([folder / "new-gone", *iterdir(folder)]))
    renditions = Renditions(tmp_path / "made", files)
    assert (await renditions.path(await sound(files, 440), 1, mp3=True)).exists()
    renditions.close()
