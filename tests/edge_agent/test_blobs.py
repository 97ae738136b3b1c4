"""Clips come, are used and go; recordings stay until the cloud has them."""

import hashlib
import os
import time

import pytest

from edge_agent.blobs import EdgeBlobs
from telecore.errors import StorageFailed
from telecore.ids import Sha256


def named(data):
    return Sha256(hashlib.sha256(data).hexdigest())


async def bring(blobs, data, piece=1000):
    sha256 = named(data)
    for offset in range(await blobs.partial(sha256), len(data), piece):
        await blobs.write(sha256, offset, data[offset : offset + piece])
    assert await blobs.complete(sha256)
    return sha256


async def test_a_clip_comes_in_pieces_over_a_restart(tmp_path):
    data = os.urandom(2500)
    sha256 = named(data)
    blobs = await EdgeBlobs.open(tmp_path, clips_bytes=10_000)
    assert await blobs.size(sha256) is None
    assert await blobs.partial(sha256) == 0
    await blobs.write(sha256, 0, data[:1000])
    await blobs.close()
    blobs = await EdgeBlobs.open(tmp_path, clips_bytes=10_000)
    assert await blobs.partial(sha256) == 1000
    assert blobs.path(sha256) is None
    await bring(blobs, data)
    assert await blobs.size(sha256) == 2500
    assert await blobs.read(sha256, 2000, 1000) == data[2000:]
    path = blobs.path(sha256)
    assert path is not None
    assert path.read_bytes() == data
    await blobs.close()
    blobs = await EdgeBlobs.open(tmp_path, clips_bytes=10_000)
    assert blobs.path(sha256) == path
    assert blobs.held() == ()
    await blobs.close()


async def test_wrong_bytes_are_dropped(tmp_path):
    blobs = await EdgeBlobs.open(tmp_path, clips_bytes=10_000)
    sha256 = named(b"right")
    await blobs.write(sha256, 0, b"wrong")
    assert not await blobs.complete(sha256)
    assert await blobs.partial(sha256) == 0
    assert not await blobs.complete(sha256)
    assert await blobs.read(sha256, 0, 10) == b""
    await blobs.close()


async def test_a_transfer_begun_again_from_an_earlier_offset_overwrites(tmp_path):
    blobs = await EdgeBlobs.open(tmp_path, clips_bytes=10_000)
    data = b"0123456789"
    sha256 = named(data)
    await blobs.write(sha256, 0, b"01234xxxxxxxx")
    await blobs.write(sha256, 5, b"56789")
    assert await blobs.complete(sha256)
    await blobs.close()


async def test_the_longest_unused_clips_go_first_and_the_newest_never(tmp_path):
    blobs = await EdgeBlobs.open(tmp_path, clips_bytes=3000)
    one, two, three = [await bring(blobs, bytes([n]) * 1000) for n in range(3)]
    assert blobs.path(one) is not None
    four = await bring(blobs, b"4" * 1000)
    assert [blobs.path(sha256) is not None for sha256 in (one, two, three, four)] == [True, False, True, True]
    huge = await bring(blobs, b"5" * 9000)
    assert blobs.path(huge) is not None
    assert [blobs.path(sha256) for sha256 in (one, three, four)] == [None] * 3
    assert len(list((tmp_path / "clips").iterdir())) == 1
    await blobs.close()


async def test_recordings_stay_until_the_cloud_has_them(tmp_path):
    blobs = await EdgeBlobs.open(tmp_path, clips_bytes=10)
    growing = blobs.unfinished("CA1")
    growing.write_bytes(b"RIFF" * 100)
    sha256, size = await blobs.add(growing)
    assert (size, growing.exists()) == (400, False)
    other, _ = await blobs.add(b"bytes")
    left = blobs.unfinished("CA2")
    left.write_bytes(b"half")
    await blobs.close()
    blobs = await EdgeBlobs.open(tmp_path, clips_bytes=10)
    assert set(blobs.held()) == {sha256, other}
    assert not left.exists(), "what a fallen process left is no recording"
    assert await blobs.read(sha256, 0, 4) == b"RIFF"
    await blobs.stored(sha256)
    await blobs.stored(sha256)
    assert blobs.held() == (other,)
    assert blobs.path(sha256) is None
    await blobs.close()


async def test_half_a_clip_that_nobody_came_back_for_goes(tmp_path):
    blobs = await EdgeBlobs.open(tmp_path, clips_bytes=10)
    await blobs.write(named(b"x"), 0, b"half")
    await blobs.close()
    (half,) = (tmp_path / "partial").iterdir()
    os.utime(half, (time.time() - 90_000,) * 2)
    blobs = await EdgeBlobs.open(tmp_path, clips_bytes=10)
    assert await blobs.partial(named(b"x")) == 0
    await blobs.close()


async def test_a_name_that_is_no_hash_reaches_no_file(tmp_path):
    blobs = await EdgeBlobs.open(tmp_path, clips_bytes=10)
    for name in ("../../etc/passwd", "A" * 64, "", "0" * 63 + "/"):
        with pytest.raises(ValueError, match="SHA-256"):
            await blobs.write(Sha256(name), 0, b"x")
        assert blobs.path(Sha256(name)) is None
    await blobs.close()


async def test_a_disk_that_does_not_take_it_is_told(tmp_path):
    blobs = await EdgeBlobs.open(tmp_path, clips_bytes=10)
    (tmp_path / "partial" / named(b"x")).mkdir()
    with pytest.raises(StorageFailed):
        await blobs.write(named(b"x"), 0, b"x")
    with pytest.raises(StorageFailed):
        await blobs.add(tmp_path / "absent")
    await blobs.close()
