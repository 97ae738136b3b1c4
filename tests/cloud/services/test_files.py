from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from cloud.services.files import MAX_READ, Files
from telecore.errors import LocalProtocolError, NotFound
from telecore.ids import Sha256


@pytest.fixture
async def files(tmp_path):
    files = Files(tmp_path)
    await files.open()
    yield files
    await files.close()


def named(data: bytes) -> Sha256:
    return Sha256(hashlib.sha256(data).hexdigest())


async def test_what_is_added_lies_under_its_hash(files, tmp_path):
    sha = await files.add(b"tone")
    assert sha == named(b"tone")
    assert await asyncio.to_thread((tmp_path / sha[:2] / sha).read_bytes) == b"tone"
    assert await files.size(sha) == 4
    assert await files.add(b"tone") == sha
    assert await files.read(sha, 1, 2) == b"on"
    assert not await asyncio.to_thread(lambda: list((tmp_path / "partial").iterdir()))


async def test_a_transfer_goes_on_where_it_stopped(files):
    data = os.urandom(1000)
    sha = named(data)
    await files.write(sha, 0, data[:400])
    assert await files.partial(sha) == 400
    assert await files.size(sha) is None
    await files.write(sha, 400, data[400:])
    await files.write(sha, 400, data[400:])
    assert await files.complete(sha)
    assert await files.partial(sha) == 0
    assert await files.read(sha, 0, 2000) == data
    assert await files.complete(sha)


async def test_wrong_bytes_never_get_a_name(files):
    sha = named(b"right")
    await files.write(sha, 0, b"wrong")
    assert not await files.complete(sha)
    assert await files.size(sha) is None
    assert await files.partial(sha) == 0
    assert not await files.complete(sha)


async def test_a_hole_is_refused(files):
    with pytest.raises(LocalProtocolError):
        await files.write(named(b"x"), 10, b"x")


async def test_reading_is_bounded(files):
    sha = await files.add(bytes(MAX_READ + 10))
    assert len(await files.read(sha, 0, 10**9)) == MAX_READ


async def test_a_name_cannot_leave_the_directory(files):
    evil = Sha256("../../etc/passwd")
    assert await files.size(evil) is None
    for work in (files.read(evil, 0, 1), files.write(evil, 0, b"x"), files.complete(evil), files.delete(evil)):
        with pytest.raises(NotFound):
            await work


async def test_deleted_is_gone(files):
    sha = await files.add(b"x")
    await files.delete(sha)
    await files.delete(sha)
    with pytest.raises(NotFound):
        await files.read(sha, 0, 1)


async def test_its_folder_is_private_and_on_the_disk_before_its_name(files, tmp_path, monkeypatch):
    flushed, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (flushed.append(os.readlink(f"/proc/self/fd/{fd}")), fsync(fd)))
    folder = tmp_path / (await files.add(b"first"))[:2]
    assert [Path(path).parent.name if "new-" in path else path for path in flushed] == [
        "partial",
        str(tmp_path),
        str(folder),
    ]
    assert (await asyncio.to_thread(folder.stat)).st_mode & 0o777 == 0o700


async def test_old_ones_are_found_in_every_folder(files):
    kept = {await files.add(bytes([number])) for number in range(20)}
    assert set(await files.before(2e10)) == kept
    assert await files.before(0.0) == []
