"""Damaged files at the start, many variants: cut off, bits flipped, pages of zeros, the log gone or damaged, nonsense.

Found and told, or harmless: never silently empty. What SQLite cannot see (a letter changed inside a row, the end of a
log that was not written back) is counted as *unseen*; rows before it are all there.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud.sealing import SealBroken
from cloud.store import accounts
from cloud.store.database import Database
from cloud.store.soundness import StoreBroken
from edge_agent.spool import Spool
from telecore.events import CallRinging
from telecore.ids import CallSid
from tests.faults.conftest import Progress, Report, times

VARIANTS = times(12, 100)
ROWS = 300
PAGE = 4096
Damage = Callable[[Path, random.Random], None]


def cut_off(path: Path, chance: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: chance.randrange(1, path.stat().st_size)])


def bits(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(chance.randrange(1, 64)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def zeros(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    at = chance.randrange(len(data) // PAGE) * PAGE
    data[at : at + PAGE] = bytes(PAGE)
    path.write_bytes(data)


def nonsense(path: Path, chance: random.Random) -> None:
    path.write_bytes(chance.randbytes(path.stat().st_size))


def nothing_left(path: Path, chance: random.Random) -> None:
    path.write_bytes(b"")


def gone(path: Path, chance: random.Random) -> None:
    path.unlink()


OF_FILE: tuple[Damage, ...] = (cut_off, bits, zeros, nonsense, nothing_left, gone)


def log_gone(path: Path, chance: random.Random) -> None:
    Path(f"{path}-wal").unlink()


def log_cut_off(path: Path, chance: random.Random) -> None:
    cut_off(Path(f"{path}-wal"), chance)


def log_bits(path: Path, chance: random.Random) -> None:
    bits(Path(f"{path}-wal"), chance)


OF_LOG: tuple[Damage, ...] = (log_gone, log_cut_off, log_bits)


async def _spool(folder: Path, *, closed: bool) -> Path:
    """A spool with rows nobody was told of, closed or as a killed process leaves it: its own copy."""
    path = folder / "made" / "spool.db"
    spool = await Spool.open(path)
    for n in range(ROWS):
        await spool.append(CallRinging(call=CallSid(f"CA{n:032d}")))
    kept = folder / "kept"
    if closed:
        await spool.close()
        shutil.copytree(path.parent, kept)
    else:
        shutil.copytree(path.parent, kept)
        await spool.close()
    return kept


@pytest.mark.parametrize("closed", [True, False])
async def test_a_damaged_spool(
    tmp_path: Path, chance: random.Random, report: Report, progress: Progress, closed: bool
) -> None:
    kept, counted = await _spool(tmp_path, closed=closed), Counter[str]()
    damages = OF_FILE if closed else (*OF_FILE, *OF_LOG)
    for done in range(VARIANTS):
        folder = tmp_path / "tried"
        shutil.copytree(kept, folder)
        damage = damages[done % len(damages)]
        damage(folder / "spool.db", chance)
        spool = await Spool.open(folder / "spool.db")
        rows = len(await spool.read(0, 10 * ROWS))
        told = spool.quarantined is not None or bool(spool.forgotten)
        counted["told" if told else "harmless" if rows == ROWS else "unseen"] += 1
        counted["rescued rows"] += rows if told else 0
        assert told or rows > 0, damage.__name__
        assert told or rows == ROWS or damage in OF_LOG, (damage.__name__, rows)
        assert spool.quarantined is None or spool.quarantined.exists()
        await spool.append(CallRinging(call=CallSid("CAnew")))
        await spool.close()
        shutil.rmtree(folder)
        progress(done + 1, VARIANTS, "variants")
    report(f"a damaged spool, {'closed' if closed else 'of a killed process'}", variants=VARIANTS, **counted)


async def test_a_damaged_store_of_the_cloud(
    tmp_path: Path, chance: random.Random, report: Report, progress: Progress
) -> None:
    """It does not start, says what to do, and leaves the file as it is."""
    made = tmp_path / "made"
    async with Database(f"sqlite:///{made / 'cloud.db'}") as store:
        for n in range(30):
            await store.write(lambda conn, n=n: accounts.create(conn, f"Account {n}"))
    counted = Counter[str]()
    for done in range(VARIANTS):
        folder = tmp_path / "tried"
        shutil.copytree(made, folder)
        damage = OF_FILE[done % len(OF_FILE)]
        damage(folder / "cloud.db", chance)
        before = (folder / "cloud.db").read_bytes() if (folder / "cloud.db").exists() else None
        said = await _opened(folder / "cloud.db")
        counted["told" if said else "harmless"] += 1
        assert not said or "simferry-cloud restore" in said
        if said:
            assert before == ((folder / "cloud.db").read_bytes() if (folder / "cloud.db").exists() else None)
        shutil.rmtree(folder)
        progress(done + 1, VARIANTS, "variants")
    report("a damaged store of the cloud", variants=VARIANTS, **counted)
    assert counted["told"] > VARIANTS // 3


async def _opened(path: Path) -> str:
    """Why it does not open; empty: it does, and all accounts are there."""
    try:
        async with Database(f"sqlite:///{path}", check=True) as store:
            there = "SELECT count(*) FROM accounts"
            assert await store.read(lambda conn: conn.exec_driver_sql(there).scalar()) == 30
    except (StoreBroken, SealBroken) as error:
        return error.message
    return ""


def test_the_damage_is_damage(tmp_path: Path, chance: random.Random) -> None:
    """What is done to the files is what a disk does: SQLite itself refuses most of it."""
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (a)")
        db.executemany("INSERT INTO t VALUES (?)", [("x" * 200,)] * 500)
    whole = path.read_bytes()
    for damage in (cut_off, zeros, nonsense, nothing_left):
        path.write_bytes(whole)
        damage(path, chance)
        assert path.read_bytes() != whole
