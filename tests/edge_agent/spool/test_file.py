"""Opening the file: private, checked, put aside when broken."""

import sqlite3
import stat
import sys

import pytest

from edge_agent.spool import Spool, Taken
from edge_agent.spool.schema import MIGRATIONS
from telecore.commands import SendMessage
from telecore.errors import StorageFailed
from telecore.events import CallRinging
from telecore.ids import CallSid, ChannelId, MessageSid


async def filled(path, rows=400):
    spool = await Spool.open(path)
    for _ in range(rows):
        await spool.append(CallRinging(call=CallSid("CA" + "0" * 32)))
    stream = spool.stream
    await spool.close()
    return stream


async def test_only_its_owner_may_read_it(tmp_path):
    await filled(tmp_path / "deep" / "spool.db", rows=1)
    assert stat.S_IMODE((tmp_path / "deep" / "spool.db").stat().st_mode) == 0o600


def flip(path):
    data = bytearray(path.read_bytes())
    for at in range(4096, len(data), 4096):
        data[at : at + 64] = b"\xff" * 64
    path.write_bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[: 3 * 4096 + 100])


def nonsense(path):
    path.write_bytes(b"this is no database, but it is long enough to look like one" * 100)


def other_database(path):
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE outbox (something TEXT)")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("damage", [flip, cut, nonsense])
async def test_a_broken_file_is_put_aside_and_a_new_street_begun(tmp_path, caplog, damage):
    path = tmp_path / "spool.db"
    stream = await filled(path)
    damage(path)
    broken = path.read_bytes()
    spool = await Spool.open(path)
    assert spool.quarantined is not None
    assert spool.quarantined.read_bytes() == broken
    assert spool.stream != stream
    rescued = spool.highest
    assert rescued < 400
    assert await spool.append(CallRinging(call=CallSid("CA1"))) == rescued + 1
    assert "broken" in caplog.text
    await spool.close()
    again = await Spool.open(path)
    assert again.quarantined is None
    assert again.highest == rescued + 1
    await again.close()


def damage_an_index(path):
    """The commonest damage: one page is wrong, and the tables can still be read."""
    connection = sqlite3.connect(path)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'outbox_untold'").fetchone()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = bytes(4096)
    path.write_bytes(data)


async def test_what_can_still_be_read_is_told_and_what_was_to_be_sent_is_reported(tmp_path):
    path = tmp_path / "spool.db"
    spool = await Spool.open(path)
    waiting = SendMessage(message=MessageSid("SM1"), channel=ChannelId("e/m"), to="+1", body="x")
    await spool.journal([Taken("cloud", 1, waiting)])
    kept = CallRinging(call=CallSid("CA1"))
    await spool.append(kept)
    await spool.close()
    damage_an_index(path)
    spool = await Spool.open(path)
    assert spool.quarantined is not None
    rows = [row for _, row in await spool.read(0, 10)]
    assert [row["kind"] for row in rows] == ["call.ringing", "message.failed"]
    assert rows[0]["id"] == kept.id
    assert (rows[1]["message"], rows[1]["uncertain"]) == ("SM1", True)
    assert await spool.queued_sms() == []
    await spool.close()


async def test_a_file_that_cannot_be_used_is_not_broken(tmp_path):
    (tmp_path / "spool.db").mkdir()
    with pytest.raises(StorageFailed, match=r"spool\.db"):
        await Spool.open(tmp_path / "spool.db")
    assert (tmp_path / "spool.db").is_dir()


async def test_a_database_of_somebody_else_is_put_aside(tmp_path):
    path = tmp_path / "spool.db"
    path.write_bytes(b"")
    other_database(path)
    spool = await Spool.open(path)
    assert spool.quarantined is not None
    assert await spool.append(CallRinging(call=CallSid("CA1"))) == 1
    await spool.close()


async def test_it_is_durable_by_its_settings(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    settings = await spool._writer.run(
        lambda db: [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    )
    assert settings == ["wal", 2]
    await spool.close()


async def test_sqlite_utils_is_loaded_for_a_migration_only(tmp_path):
    await filled(tmp_path / "spool.db", rows=1)
    for name in [name for name in sys.modules if name.split(".")[0] == "sqlite_utils"]:
        del sys.modules[name]
    spool = await Spool.open(tmp_path / "spool.db")
    await spool.close()
    assert "sqlite_utils" not in sys.modules
