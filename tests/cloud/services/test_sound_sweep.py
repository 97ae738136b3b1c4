"""Files of sound: those that a row needs stay, whoever deletes another with the same content; the others go."""

from __future__ import annotations

import asyncio
import os
import time

from cloud.services.sound_sweep import AGE_S, SoundSweep, drop
from cloud.store import clips, recordings
from telecore.ids import CallSid, Sha256, new_sid
from telecore.model import Clip
from tests.cloud.services.test_recordings import SOUND, becomes, bring_by, call, made  # noqa: F401
from tests.cloud.services.test_retention import recording


def age(files, sha256, seconds=AGE_S + 60.0):
    then = time.time() - seconds
    os.utime(files.path(sha256), (then, then))


async def test_one_with_the_same_sound_that_comes_while_the_other_is_deleted_keeps_its_file(desk, call):  # noqa: F811
    """It is here already, and about to be said so, when the file goes: it is brought again."""
    sha = Sha256(await desk.blob(SOUND))
    first, twin = made(call, sha), made(call, sha)
    await desk.tell(first)
    await becomes(desk, first.recording.sid, "completed")
    came, really, delete = asyncio.Event(), desk.line.fetch, desk.files.delete

    async def fetch(*wanted):
        await really(*wanted)
        came.set()

    async def late(sha256):
        """Between the look at the rows and this the twin is told of, and comes."""
        await desk.send(twin)
        await came.wait()
        await asyncio.sleep(0.1)
        await delete(sha256)

    bring_by(desk, fetch)
    desk.files.delete = late
    assert await drop(desk.db, desk.files, sha, but=first.recording.sid)
    desk.files.delete = delete
    await desk.db.write(lambda conn: recordings.delete(conn, first.recording.sid))
    await becomes(desk, twin.recording.sid, "completed")
    assert await desk.files.size(sha) == len(SOUND)


async def test_what_another_row_needs_is_not_dropped(db, account, files):
    sha = await files.add(b"twice")
    one, _ = [await db.write(lambda conn: recording(conn, account, CallSid(new_sid("CA")), sha)) for _ in range(2)]
    assert not await drop(db, files, sha, but=one)
    assert await files.size(sha) == 5


async def test_files_without_a_row_go_when_they_are_old_and_no_others(db, account, files):
    of_row, of_clip, alone, young = [await files.add(data) for data in (b"row", b"clip", b"alone", b"young")]
    begun = Sha256("b" * 64)
    await files.write(begun, 0, b"half")
    await db.write(lambda conn: recording(conn, account, CallSid(new_sid("CA")), of_row))
    await db.write(lambda conn: clips.put(conn, "key", Clip(of_clip, 4, 10)))
    for sha256 in (of_row, of_clip, alone):
        age(files, sha256)
    assert await SoundSweep(db, files).sweep() == 1
    held = [await files.size(sha256) is not None for sha256 in (of_row, of_clip, alone, young)]
    assert held == [True, True, False, True]
    assert await files.partial(begun) == 4
    assert await SoundSweep(db, files, wall=lambda: time.time() + AGE_S + 60.0).sweep() == 2
    assert (await files.size(young), await files.partial(begun)) == (None, 0)


async def test_one_that_is_added_again_while_they_are_swept_stays(db, files, monkeypatch):
    """Its row is not yet written; who adds it finds it here, and writes nothing."""
    sha = await files.add(b"again")
    age(files, sha)
    really = files.delete_old

    async def late(sha256, moment):
        assert await files.add(b"again") == sha
        return await really(sha256, moment)

    monkeypatch.setattr(files, "delete_old", late)
    assert await SoundSweep(db, files).sweep() == 0
    assert await files.size(sha) == 5
