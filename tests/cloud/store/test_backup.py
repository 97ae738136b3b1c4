"""Backups: what they hold, what is wrong with one, and where they are put back."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from cloud import lock
from cloud.cli.backup import told
from cloud.services import audit_anchors
from cloud.services.files import Files
from cloud.store import accounts, audit, clips, edges, migrate, outbox
from cloud.store.backup import making, restoring, snapshot
from cloud.store.backup.manifest import NAME
from cloud.store.backup.restoring import Behind
from cloud.store.database import Connection, Database
from cloud.store.records.audit import Entry
from cloud.store.soundness import StoreBroken
from telecore.commands import RestartChannel
from telecore.errors import Busy, InvalidRequest, NotFound
from telecore.ids import ChannelId, EdgeId, Sha256
from telecore.model import Clip
from tests.fakes.store import store_url

EDGE = EdgeId("site-1")


def fill(data: Path, count: int) -> list[Sha256]:
    """So many accounts and clips, and a command for an edge for each; the clips' names."""
    if not (data / "cloud.db").exists():
        store_url(data)
    return asyncio.run(_fill(data, count))


async def _fill(data: Path, count: int) -> list[Sha256]:
    files = Files(data / "files")
    await files.open()
    made: list[Sha256] = []
    async with Database(f"sqlite:///{data / 'cloud.db'}") as db:
        for n in range(count):
            sound = b"sound %d" % n
            sha256 = await files.add(sound)
            made.append(sha256)

            def write(conn: Connection, n: int = n, sha256: Sha256 = sha256, size: int = len(sound)) -> None:
                account = accounts.create(conn, f"Clinic {n}")
                if edges.get(conn, EDGE) is None:
                    edges.create(conn, EDGE, account.sid)
                outbox.append(conn, EDGE, RestartChannel(channel=ChannelId(f"{EDGE}/modem1")))
                clips.put(conn, f"key {n}", Clip(sha256, size, 20))

            await db.write(write)
    await files.close()
    return made


def count(data: Path) -> int:
    """Accounts that the program finds there."""

    async def read() -> int:
        async with Database(f"sqlite:///{data / 'cloud.db'}") as db:
            return len(await db.read(accounts.all_))

    return asyncio.run(read())


@pytest.fixture(params=["backup", "backup.tar"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / "kept" / request.param


def test_it_holds_the_store_and_its_files_and_can_be_put_back(tmp_path: Path, target: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    made = fill(data, 3)
    (data / "renditions").mkdir()
    (data / "renditions" / "x.mp3").write_bytes(b"can be made again")
    (data / "something.key").write_bytes(b"a secret beside the store")
    told_ = making.make(data, target)
    assert told_.rows["accounts"] == 3
    assert told_.streets[EDGE].given_out == 3
    assert told_.missing == []
    assert making.verify(target) == told_
    elsewhere = tmp_path / "elsewhere"
    done = restoring.restore(target, elsewhere)
    assert (done.behind, done.moved) == (None, None)
    for sha256 in made:
        assert (elsewhere / "files" / sha256[:2] / sha256).read_bytes().startswith(b"sound ")
    assert (elsewhere / "something.key").stat().st_mode & 0o777 == 0o600
    assert not (elsewhere / "renditions").exists()
    assert count(elsewhere) == 3


def test_what_is_wrong_with_one_is_found(tmp_path: Path) -> None:
    data, target = tmp_path / "data", tmp_path / "b"
    data.mkdir()
    (sha256,) = fill(data, 1)
    making.make(data, target)
    with pytest.raises(InvalidRequest, match="is there already"):
        making.make(data, target)
    (target / "extra").write_bytes(b"?")
    with pytest.raises(InvalidRequest, match="has extra, which its manifest"):
        making.verify(target)
    (target / "extra").unlink()
    sound = target / "files" / sha256[:2] / sha256
    sound.write_bytes(b"sound X")
    with pytest.raises(InvalidRequest, match="is not what was written there"):
        restoring.restore(target, tmp_path / "elsewhere")
    sound.unlink()
    with pytest.raises(NotFound, match="has no files/"):
        making.verify(target)
    (target / NAME).unlink()
    with pytest.raises(InvalidRequest, match="was not finished"):
        making.verify(target)
    with pytest.raises(NotFound, match="there is no backup"):
        making.verify(tmp_path / "none")
    assert not (tmp_path / "elsewhere").exists() or list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_breaks_off_is_no_backup(tmp_path: Path, share: float) -> None:
    data, target = tmp_path / "data", tmp_path / "b.tar"
    data.mkdir()
    fill(data, 2)
    making.make(data, target)
    whole = target.read_bytes()
    target.write_bytes(whole[: int((len(whole) - 10240) * share)])
    with pytest.raises((InvalidRequest, NotFound)):
        making.verify(target)


def test_sound_that_was_damaged_before_is_found_when_it_is_verified(tmp_path: Path) -> None:
    data, target = tmp_path / "data", tmp_path / "b"
    data.mkdir()
    (sha256,) = fill(data, 1)
    (data / "files" / sha256[:2] / sha256).write_bytes(b"rotten!")
    making.make(data, target)
    with pytest.raises(InvalidRequest, match="damaged before it was copied"):
        making.verify(target)


def test_a_database_that_is_damaged_is_not_backed_up_in_silence(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    fill(data, 40)
    with sqlite3.connect(data / "cloud.db") as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = conn.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_clips_sha256'").fetchone()[0]
        size = conn.execute("PRAGMA page_size").fetchone()[0]
    conn.close()
    with (data / "cloud.db").open("r+b") as file:
        file.seek((page - 1) * size + 100)
        file.write(b"\xff" * 2000)
    with pytest.raises(InvalidRequest, match="is damaged|is no database"):
        making.make(data, tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_it_is_not_put_over_another_unless_that_is_asked_for(tmp_path: Path) -> None:
    data, target = tmp_path / "data", tmp_path / "b"
    data.mkdir()
    fill(data, 2)
    making.make(data, target)
    fill(data, 5)
    with pytest.raises(InvalidRequest, match="--replace"):
        restoring.restore(target, data)
    done = restoring.restore(target, data, replace=True)
    assert done.behind == (Behind(EDGE, 5, 0),)
    assert done.lost["accounts"] == 5
    assert done.moved is not None
    assert (done.moved / "cloud.db").exists()
    said = "\n".join(told(done))
    assert "edge site-1 is ahead: 5 commands were given out and 0 events applied since" in said
    assert "accounts: 5 rows fewer" in said
    assert count(data) == 2
    # Also over one that cannot be read any more.
    (data / "cloud.db").write_bytes(b"rubbish" * 1000)
    assert restoring.restore(target, data, replace=True).behind is None


def test_killed_at_any_step_it_leaves_no_folder_in_which_an_empty_store_would_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    data, target, kept = tmp_path / "data", tmp_path / "b", tmp_path / "kept"
    data.mkdir()
    fill(data, 2)
    making.make(data, target)
    fill(data, 5)
    shutil.copytree(data, kept)
    replace, steps, found, refused = Path.replace, 0, [], -1

    def until_killed(path: Path, to: Path) -> Path:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        return replace(path, to)

    while True:
        left = steps
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", until_killed)
            try:
                restoring.restore(target, data, replace=True)
            except Killed:
                pass
            else:
                break
        try:
            found.append(count(data))
        except StoreBroken:
            found.append(refused)
        shutil.rmtree(data)
        shutil.copytree(kept, data)
        steps += 1
    assert steps >= 4
    assert set(found) == {7, refused}
    assert count(data) == 2


def test_one_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    data, target = tmp_path / "data", tmp_path / "b"
    data.mkdir()
    fill(data, 1)
    making.make(data, target)
    text = (target / NAME).read_text().replace(f'"schema": "{migrate.newest()}"', '"schema": "9999"')
    (target / NAME).write_text(text)
    with pytest.raises(migrate.SchemaTooNew, match="the backup has schema 9999"):
        restoring.restore(target, tmp_path / "elsewhere")


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    data, target = tmp_path / "data", tmp_path / "b"
    data.mkdir()
    fill(data, 1)
    (data / "aside").write_bytes(b"x")
    making.make(data, target)
    (target / NAME).write_text((target / NAME).read_text().replace('"aside"', '"../aside"'))
    shutil.move(target / "aside", tmp_path / "aside")
    with pytest.raises(InvalidRequest, match="outside of the data folder"):
        restoring.restore(target, tmp_path / "elsewhere")


def test_one_controller_to_a_folder(tmp_path: Path) -> None:
    with lock.locked(tmp_path / "data"), pytest.raises(Busy, match="a controller is running"):  # noqa: SIM117
        with lock.locked(tmp_path / "data"):
            pass
    with lock.locked(tmp_path / "data"):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for another user")
def test_what_root_puts_back_or_adds_belongs_to_the_controllers_user(tmp_path: Path, target: Path) -> None:
    """Root has to do it where the keys are a credential, of which only root can read the file."""
    data, elsewhere, user = tmp_path / "data", tmp_path / "elsewhere", 65534
    data.mkdir()
    fill(data, 1)
    making.make(data, target)
    elsewhere.mkdir()
    os.chown(elsewhere, user, user)
    for _ in range(2):
        with lock.locked(elsewhere):
            restoring.restore(target, elsewhere, replace=True)
    fill(elsewhere, 2)
    made = [elsewhere, *elsewhere.rglob("*")]
    assert len([path for path in made if path.is_file()]) > 6
    assert [path for path in made if (path.stat().st_uid, path.stat().st_gid) != (user, user)] == []


@pytest.mark.parametrize("grows", ["before the copy", "after the copy"])
def test_the_audit_log_of_a_backup_made_while_it_grows_is_whole(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch, grows: str
) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    data.mkdir()
    fill(data, 1)
    asyncio.run(note(data))
    copy = snapshot.copy

    def copied(source: Path, to: Path) -> None:
        if grows == "before the copy":
            asyncio.run(note(data))
        copy(source, to)
        asyncio.run(note(data))

    monkeypatch.setattr(snapshot, "copy", copied)
    making.make(data, target)
    restoring.restore(target, elsewhere)

    async def verdict() -> audit.Verdict:
        async with Database(f"sqlite:///{elsewhere / 'cloud.db'}") as db:
            return await audit_anchors.verify(db, elsewhere)

    found = asyncio.run(verdict())
    assert (found.faults, found.entries) == ((), 1 + (grows == "before the copy"))
    assert len(heads(elsewhere)) == 1


async def note(data: Path) -> None:
    """Another entry, whose head is told."""
    async with Database(f"sqlite:///{data / 'cloud.db'}") as db:
        await db.write(lambda conn: audit.append(conn, Entry("root", "backup", "x", "", "", "done")))
        telling = asyncio.create_task(audit_anchors.tell_for_ever(db, data))
        newest = await db.read(audit.head)
        while newest not in await asyncio.to_thread(heads, data):  # noqa: ASYNC110  (it is a file)
            await asyncio.sleep(0.01)
        telling.cancel()


def heads(data: Path) -> list[audit.Head]:
    kept = data / audit.HEADS
    return audit_anchors.read_heads(kept.read_text()) if kept.exists() else []


def test_a_backup_without_the_database_has_no_heads_of_its_log(tmp_path: Path, target: Path) -> None:
    """The database was copied earlier: its log would seem to have been cut off."""
    data = tmp_path / "data"
    data.mkdir()
    fill(data, 1)
    asyncio.run(note(data))
    assert audit.HEADS not in making.make(data, target, with_database=False).files
