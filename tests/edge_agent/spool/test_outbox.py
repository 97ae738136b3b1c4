"""Events on their way up."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_agent.spool import Spool, outbox
from telecore.errors import StorageFailed
from telecore.events import (
    CallAnswered,
    CallEnded,
    CallOffered,
    CallRinging,
    ChannelChanged,
    EdgeStarted,
    MessageDelivered,
)
from telecore.ids import CallSid, ChannelId, MessageSid
from telecore.model import ChannelState, ChannelStatus

ROOT = Path(__file__).parents[3]


def ringing(call: str = "CA1") -> CallRinging:
    return CallRinging(call=CallSid(call))


def changed(channel: str, reason: str = "") -> ChannelChanged:
    return ChannelChanged(status=ChannelStatus(ChannelId(channel), ChannelState.SEARCHING, 0.0, reason=reason))


async def test_numbers_rise_and_survive_a_restart(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    stream = spool.stream
    assert (spool.highest, spool.depth) == (0, 0)
    numbers = [await spool.append(ringing(str(n))) for n in range(3)]
    assert numbers == sorted(set(numbers))
    await spool.close()
    spool = await Spool.open(tmp_path / "spool.db")
    assert (spool.stream, spool.highest, spool.depth) == (stream, numbers[-1], 3)
    rows = await spool.read(numbers[0], 10)
    assert [seq for seq, _ in rows] == numbers[1:]
    assert rows[0][1]["kind"] == "call.ringing"
    await spool.close()


async def test_a_number_is_never_given_twice_even_when_its_row_is_gone(tmp_path):
    now = [1000.0]
    spool = await Spool.open(tmp_path / "spool.db", now=lambda: now[0])
    last = [await spool.append(ringing()) for _ in range(5)][-1]
    await spool.forget(last)
    now[0] += 2 * outbox.KEPT_S
    await spool.tidy()
    assert await spool.read(0, 10) == []
    await spool.close()
    spool = await Spool.open(tmp_path / "spool.db")
    assert spool.highest == last
    assert await spool.append(ringing()) == last + 1
    await spool.close()


async def test_told_rows_stay_a_day_for_a_cloud_restored_from_a_backup(tmp_path):
    now = [1000.0]
    spool = await Spool.open(tmp_path / "spool.db", now=lambda: now[0])
    for _ in range(4):
        await spool.append(ringing())
    await spool.forget(3)
    assert spool.depth == 1
    now[0] += outbox.KEPT_S - 1
    await spool.tidy()
    assert len(await spool.read(0, 10)) == 4
    now[0] += 2
    await spool.tidy()
    assert [seq for seq, _ in await spool.read(0, 10)] == [4]
    await spool.close()


async def test_who_asks_together_shares_a_commit(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    told = []
    spool.on_append = lambda: told.append(spool.highest)
    numbers = await asyncio.gather(*(spool.append(ringing(str(n))) for n in range(200)))
    assert sorted(numbers) == list(range(1, 201))
    assert told == [200]
    await spool.close()


async def test_each_of_those_gets_its_own_number_in_the_order_they_asked(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    calls = [f"CA{n}" for n in range(50)]
    numbers = await asyncio.gather(*(spool.append(ringing(call)) for call in calls))
    assert numbers == list(range(1, 51))
    assert [(seq, row["call"]) for seq, row in await spool.read(0, 100)] == list(zip(numbers, calls, strict=True))
    await spool.close()


async def test_what_an_event_means_is_done_for_each_of_those_that_share_a_commit(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    calls = [CallSid(f"CA{n}") for n in range(20)]
    await asyncio.gather(
        *(spool.append(CallOffered(call=call, channel=ChannelId("e/m"), caller=None, called=None)) for call in calls),
        *(spool.append(CallEnded(call=call, cause=16, by="us")) for call in calls[1:]),
    )
    open_calls = await spool._writer.run(lambda db: db.execute("SELECT call FROM open_calls").fetchall())
    assert open_calls == [("CA0",)]
    await spool.close()


async def test_status_is_thinned_also_when_many_share_a_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox, "QUOTAS", {"status": 20, "progress": 50})
    spool = await Spool.open(tmp_path / "spool.db")
    await asyncio.gather(*(spool.append(changed("e/m", str(n))) for n in range(300)))
    left = await spool.read(0, 1000)
    assert [row["status"]["reason"] for _, row in left] == ["299"]
    await spool.close()


async def test_one_bad_piece_of_work_does_not_harm_those_it_shares_a_commit_with(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")

    def bad(db):
        db.execute("INSERT INTO meta (name, value) VALUES ('half', 'done')")
        raise ZeroDivisionError

    results = await asyncio.gather(
        spool.append(ringing("a")), spool._writer.run(bad), spool.append(ringing("b")), return_exceptions=True
    )
    assert isinstance(results[1], ZeroDivisionError)
    assert isinstance(results[0], int)
    assert isinstance(results[2], int)
    left = await spool._writer.run(lambda db: db.execute("SELECT count(*) FROM meta WHERE name = 'half'").fetchone())
    assert left == (0,)
    assert spool.depth == 2
    await spool.close()


async def test_a_cancelled_wait_does_not_undo_the_work(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    waiting = asyncio.ensure_future(spool.append(ringing()))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    await spool.append(ringing())
    assert spool.depth == 2
    await spool.close()


async def test_a_closed_spool_keeps_nothing(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    await spool.close()
    await spool.close()
    with pytest.raises(StorageFailed):
        await spool.append(ringing())


async def test_a_full_disk_is_told_to_everybody_and_is_over_when_there_is_room(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    await spool.append(ringing())
    pages = await spool._writer.run(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    db = spool._writer._connection
    await spool._writer._thread.result(lambda: db.execute(f"PRAGMA max_page_count = {pages}"))
    big = CallRinging(call=CallSid("x" * 100_000))
    results = await asyncio.gather(spool.append(big), spool.append(big), return_exceptions=True)
    assert [type(result) for result in results] == [StorageFailed, StorageFailed]
    assert spool.highest == 1
    await spool._writer._thread.result(lambda: db.execute("PRAGMA max_page_count = 1000000"))
    assert await spool.append(big) > 1
    await spool.close()


async def test_status_is_thinned_and_what_matters_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox, "QUOTAS", {"status": 50, "progress": 40})
    spool = await Spool.open(tmp_path / "spool.db")
    await spool.append(MessageDelivered(message=MessageSid("SM1")))
    await asyncio.gather(*(spool.append(changed(f"e/m{n % 4}", str(n))) for n in range(300)))
    await asyncio.gather(*(spool.append(CallAnswered(call=CallSid(f"CA{n}"))) for n in range(100)))
    await asyncio.gather(*(spool.append(CallEnded(call=CallSid(f"CA{n}"), cause=16, by="us")) for n in range(100)))
    await spool.tidy()
    rows = [payload for _, payload in await spool.read(0, 10_000)]
    kinds = [row["kind"] for row in rows]
    assert kinds.count("message.delivered") == 1
    assert kinds.count("call.ended") == 100
    assert kinds.count("call.answered") <= 40
    assert kinds.count("channel.changed") <= 50
    newest = {row["status"]["channel"]: row["status"]["reason"] for row in rows if row["kind"] == "channel.changed"}
    assert newest == {f"e/m{n % 4}": str(n) for n in range(296, 300)}
    await spool.close()


async def test_calls_of_an_earlier_process_are_ended_when_the_next_begins(tmp_path):
    now = [1000.0]
    path = tmp_path / "spool.db"
    spool = await Spool.open(path, now=lambda: now[0])
    for call in ("CA1", "CA2", "CA3"):
        await spool.append(CallOffered(call=CallSid(call), channel=ChannelId("e/m"), caller=None, called=None))
    answered = CallAnswered(call=CallSid("CA2"))
    await spool.append(answered)
    await spool.append(CallEnded(call=CallSid("CA3"), cause=16, by="caller", duration_s=None))
    now[0] = answered.at.timestamp() + 61.0
    await spool.probe()
    before = spool.highest
    await spool.close()
    for _ in range(2):
        spool = await Spool.open(path, now=lambda: now[0] + 3600)
        await spool.recover(EdgeStarted(instance="x", version="1"))
        await spool.close()
    spool = await Spool.open(path)
    rows = [row for _, row in await spool.read(before, 100)]
    ends = {row["call"]: row for row in rows if row["kind"] == "call.ended"}
    assert [row["kind"] for row in rows].count("edge.started") == 2
    assert sorted(ends) == ["CA1", "CA2"]
    assert (ends["CA1"]["by"], ends["CA1"]["cause"], ends["CA1"].get("duration_s")) == ("restart", 41, None)
    assert ends["CA2"]["duration_s"] == 61
    await spool.close()


WRITER = """
import asyncio, sys
from pathlib import Path
from edge_agent.spool import Spool
from telecore.events import CallRinging
async def main():
    spool = await Spool.open(Path(sys.argv[1]))
    async def write(n):
        while True:
            seq = await spool.append(CallRinging(call=f"CA{n}"))
            print(seq, flush=True)
    await asyncio.gather(*(write(n) for n in range(16)))
asyncio.run(main())
"""


def killed_after(path: Path, seconds: float) -> set[int]:
    """The numbers a process was given before it was killed."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    with process.stdout:
        first = process.stdout.readline()
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
        lines = (first + process.stdout.read()).decode().splitlines(keepends=True)
    process.wait()
    return {int(line) for line in lines if line.endswith("\n")}


@pytest.mark.parametrize("round_", range(3))
async def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path, round_):
    path = tmp_path / "spool.db"
    acknowledged: set[int] = set()
    for turn in range(3):
        acknowledged |= await asyncio.to_thread(killed_after, path, 0.02 + 0.037 * round_ + 0.011 * turn)
    assert len(acknowledged) > 50
    spool = await Spool.open(path)
    assert spool.quarantined is None
    kept = {seq for seq, _ in await spool.read(0, 1_000_000)}
    assert acknowledged <= kept
    assert spool.highest == max(kept)
    await spool.close()


async def test_rows_are_json_that_any_reader_takes(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    await spool.append(changed("e/m", "សួស្តី 🙂"))
    text = await spool._writer.run(lambda db: db.execute("SELECT payload FROM outbox").fetchone()[0])
    assert json.loads(text)["status"]["reason"] == "សួស្តី 🙂"
    await spool.close()


async def test_a_receipt_does_not_walk_through_what_was_told_before(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")

    def plan(db):
        return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {outbox._ACKNOWLEDGE}", (0.0, "kept", 1))]

    assert await spool._writer.run(plan) == ["SEARCH outbox USING INDEX outbox_untold (class=? AND seq<?)"]
    await spool.close()
