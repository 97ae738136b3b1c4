"""What was deleted in the cloud: its rows are gone, its number on the street is not, and what comes late is dropped."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from edge_agent.contracts import SmsPart, SubmitRef
from edge_agent.spool import Begun, Spool, Taken, erasing, schema
from telecore.codec import encode
from telecore.commands import Erase, SendMessage
from telecore.errors import StorageFailed
from telecore.events import CallOffered, Event, MessageFailed, MessageReceived, RecordingBegan, RecordingMade
from telecore.ids import Address, CallSid, ChannelId, MessageSid, RecordingSid, Sha256, new_sid
from telecore.model import Recording
from telecore.tunnel.frames import Hello, Side
from telecore.tunnel.resync import Verdict

CHANNEL = ChannelId("site-1/modem1")
WORDS, NUMBER = "the-code-is-4711", "+85599123456"
SOUND = Sha256("a" * 64)


def received(sid: str, body: str = WORDS, sender: str = NUMBER) -> MessageReceived:
    return MessageReceived(
        message=MessageSid(sid), channel=CHANNEL, sender=Address(sender), recipient=None, body=body, parts=1,
        sent_at=None,
    )  # fmt: skip


def made(call: str, sid: str, sha256: Sha256 = SOUND) -> RecordingMade:
    recording = Recording(RecordingSid(sid), CallSid(call), sha256, 100, 1.0)
    return RecordingMade(call=CallSid(call), recording=recording, status_callback=f"https://app.example/{WORDS}")


async def erase(spool: Spool, command: Erase, seq: int = 99) -> bool:
    (fresh,) = await spool.journal([Taken("down", seq, command)])
    return fresh


async def sent(spool: Spool, sid: str) -> None:
    await begun(spool, sid)
    await spool.segment_sent(MessageSid(sid), SubmitRef(7, 0, 1))


async def begun(spool: Spool, sid: str) -> None:
    command = SendMessage(message=MessageSid(sid), channel=CHANNEL, to=NUMBER, body=WORDS)
    await spool.journal([Taken(sid, 1, command)])
    assert await spool.begin_submits([Begun(MessageSid(sid))]) == [True]


def found(folder: Path, *marks: str) -> list[str]:
    """Files that hold any of it, numbers also without their beginning."""
    wanted = [mark.encode() for mark in marks or (WORDS, NUMBER, NUMBER[-7:])]
    wanted += [mark.encode("utf-16-le") for mark in marks or (WORDS,)]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if any(mark in path.read_bytes() for mark in wanted)]


async def test_nothing_is_left_of_messages_and_calls(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path / "spool.db")
    inbound, outbound = new_sid("SM"), new_sid("SM")
    call = CallSid(new_sid("CA"))
    for number in (1, 2):
        part = SmsPart(CHANNEL, f"k{number}", Address(NUMBER), WORDS, None, ref=3, part=number, parts=2)
        whole = await spool.store_part(part, None)
    assert isinstance(whole, MessageReceived)
    await spool.append(received(inbound))
    await sent(spool, outbound)
    await spool.append(CallOffered(call=call, channel=CHANNEL, caller=Address(NUMBER), called=None))
    assert found(tmp_path)
    assert await erase(spool, Erase(subjects=(whole.message, inbound, outbound, call)))
    assert await spool.scrub()
    assert found(tmp_path) == []
    assert await spool.read(0, 100) == []
    await spool.tidy()
    assert spool.depth == 0
    await spool.close()
    assert found(tmp_path) == []


async def test_of_a_redacted_message_it_is_still_told_how_it_went(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path / "spool.db")
    inbound, outbound = new_sid("SM"), new_sid("SM")
    await spool.append(received(inbound))
    await sent(spool, outbound)
    await erase(spool, Erase(redacted=(MessageSid(inbound), MessageSid(outbound))))
    await spool.scrub()
    assert found(tmp_path, WORDS, NUMBER) == []
    assert [(row["kind"], row["message"]) for _, row in await spool.read(0, 9)] == [("message.submitted", outbound)]
    assert await spool.sent_to(CHANNEL, NUMBER), "a report finds it"
    await spool.close()


@pytest.mark.parametrize("redacted", [False, True])
async def test_one_that_is_being_sent_goes_when_it_is_over(tmp_path: Path, redacted: bool) -> None:
    spool = await Spool.open(tmp_path / "spool.db")
    late: list[None] = []
    spool.on_late = lambda: late.append(None)
    sid = MessageSid(new_sid("SM"))
    await begun(spool, sid)
    await erase(spool, Erase(redacted=(sid,)) if redacted else Erase(subjects=(sid,)))
    assert [command.message for command in await spool.interrupted_sms(None)] == [sid]
    await spool.finish_sms(sid, MessageFailed(message=sid, code=30008, reason="over"))
    await spool.tidy()
    assert late
    late.clear()
    await spool.tidy()
    assert not late
    await spool.scrub()
    assert found(tmp_path, WORDS, NUMBER) == []
    await spool.close()


async def test_a_message_that_waits_is_never_sent(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path / "spool.db")
    sid = MessageSid(new_sid("SM"))
    await spool.journal([Taken("down", 1, SendMessage(message=sid, channel=CHANNEL, to=NUMBER, body=WORDS))])
    await erase(spool, Erase(subjects=(sid,)))
    assert await spool.begin_submits([Begun(sid)]) == [False]
    assert await spool.queued_sms() == []
    await spool.close()


async def test_sound_goes_unless_another_recording_has_the_same(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path / "spool.db")
    call = new_sid("CA")
    one, twin, other = (new_sid("RE") for _ in range(3))
    for sid, sha256 in ((one, SOUND), (twin, SOUND), (other, Sha256("b" * 64))):
        await spool.append(made(call, sid, sha256))
    await erase(spool, Erase(subjects=(one,), sounds=(SOUND,)), 1)
    assert await spool.erased_sounds() == []
    await erase(spool, Erase(subjects=(twin,)), 2)
    assert await spool.erased_sounds() == [SOUND]
    await spool.sound_gone(SOUND)
    assert await spool.erased_sounds() == []
    assert [row["recording"]["sid"] for _, row in await spool.read(0, 9)] == [other]
    await spool.close()


async def test_a_call_that_was_deleted_leaves_its_recordings_to_be_told(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path / "spool.db")
    call, sid = new_sid("CA"), new_sid("RE")
    await spool.append(CallOffered(call=CallSid(call), channel=CHANNEL, caller=Address(NUMBER), called=None))
    await spool.append(made(call, sid))
    await erase(spool, Erase(subjects=(call,)))
    assert [row["kind"] for _, row in await spool.read(0, 9)] == ["recording.made"]
    await spool.close()


async def test_what_comes_late_is_dropped_also_after_a_restart(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path / "spool.db")
    call, sid = new_sid("CA"), new_sid("RE")
    assert await spool.append(RecordingBegan(call=CallSid(call), sid=RecordingSid(sid)))
    await erase(spool, Erase(subjects=(sid,)))
    await spool.close()
    spool = await Spool.open(tmp_path / "spool.db")
    late: list[None] = []
    spool.on_late = lambda: late.append(None)
    assert await spool.append(made(call, sid)) == 0
    assert await spool.read(0, 9) == []
    assert await spool.erased_sounds() == [SOUND]
    assert late
    await spool.close()


async def test_what_comes_late_among_others_of_the_same_commit_is_dropped_alone(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path / "spool.db")
    gone, lone, kept = (new_sid("RE") for _ in range(3))
    await erase(spool, Erase(subjects=(gone, lone)))
    call, other = new_sid("CA"), Sha256("b" * 64)
    events = [made(call, lone, other), made(call, gone), received(new_sid("SM")), made(call, kept)]
    assert await asyncio.gather(*(spool.append(event) for event in events)) == [0, 0, 1, 2]
    rows = await spool.read(0, 9)
    assert [row["id"] for _, row in rows] == [event.id for event in events[2:]]
    assert await spool.erased_sounds() == [other], "the sound of another is kept"
    await spool.close()


async def test_many_cost_no_more_than_one_and_only_recordings_are_remembered(tmp_path: Path) -> None:
    """An edge that was away is given the deletions of days at once, and may keep a day of rows."""
    spool = await Spool.open(tmp_path / "spool.db")
    kept = [received(new_sid("SM")) for _ in range(200)]
    gone = [received(new_sid("SM")) for _ in range(200)]
    await asyncio.gather(*(spool.append(event) for pair in zip(kept, gone, strict=True) for event in pair))
    sound, call = new_sid("RE"), new_sid("CA")
    commands = [Erase(subjects=(event.message,)) for event in gone] + [Erase(subjects=(sound, call))]
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    await spool._writer.run(lambda db: db.set_progress_handler(step, 1000))
    assert all(await spool.journal([Taken("down", seq, one) for seq, one in enumerate(commands, 1)]))
    assert steps < 200, "each row of the street is looked at once for all"
    assert [row["message"] for _, row in await spool.read(0, 1000)] == [event.message for event in kept]
    assert await spool._writer.run(lambda db: db.execute("SELECT sid FROM erased").fetchall()) == [(sound,)]
    await spool.close()


def test_wherever_an_event_names_something_it_is_found() -> None:
    of = {MessageSid: "SM", CallSid: "CA", RecordingSid: "RE"}
    for cls in Event.__subclasses__():
        for one in (
            cls,
            *cls.__subclasses__(),
            *(more for sub in cls.__subclasses__() for more in sub.__subclasses__()),
        ):
            for name, kind in named(one, of):
                own = name in erasing.NAMES[kind]
                assert own or (kind == "CA" and one.kind.startswith("recording.")), f"{one.__name__}.{name}"


def named(cls: type, of: dict[object, str]) -> Iterator[tuple[str, str]]:
    for name, hint in get_type_hints(cls).items():
        if found := [of[one] for one in (hint, *get_args(hint)) if one in of]:
            yield name, found[0]
        elif is_dataclass(hint):
            yield from ((f"{name}.{inner}", kind) for inner, kind in named(hint, of))


async def test_a_disk_that_is_nearly_full_takes_deletions_on(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path / "spool.db", least_free=1000)
    sid = new_sid("RE")
    await spool.append(made(new_sid("CA"), sid))
    spool.reserve.look(0)
    with pytest.raises(StorageFailed):
        await spool.journal(
            [Taken("down", 1, SendMessage(message=MessageSid("SM1"), channel=CHANNEL, to="1", body=""))]
        )
    assert await erase(spool, Erase(subjects=(sid,)), 1)
    assert await spool.erased_sounds() == [SOUND]
    await spool.close()


async def test_the_command_is_done_once(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path / "spool.db")
    command = Erase(subjects=(new_sid("SM"),))
    assert await erase(spool, command, 1)
    assert not await erase(spool, command, 1)
    assert not await erase(spool, command, 2)
    await spool.close()


async def test_the_street_goes_on_though_its_last_row_was_deleted(tmp_path: Path) -> None:
    """The cloud has applied the row, its receipt was lost, and it comes again naming that row."""
    spool = await Spool.open(tmp_path / "spool.db")
    event = received(new_sid("SM"))
    seq = await spool.append(event)
    await erase(spool, Erase(subjects=(event.message,)))
    hello = Hello(Side.CLOUD, "site-1", "i", "down", 99)
    assert await spool.resumed(seq, event.id, hello) is Verdict.CONTINUES
    assert await spool.resumed(seq, "another", hello) is Verdict.SENDER_OLDER
    await spool.close()


async def test_a_row_that_a_failing_disk_has_changed_stops_nothing(tmp_path: Path) -> None:
    path, sid = tmp_path / "spool.db", new_sid("RE")
    spool = await Spool.open(path)
    await spool.append(made(new_sid("CA"), sid))
    await spool._writer.run(lambda db: db.execute("UPDATE outbox SET payload = '{' || payload"))
    await erase(spool, Erase(subjects=(sid,)))
    assert await spool.read(0, 9) == []
    await spool.close()


def test_what_an_earlier_version_left_in_free_places_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA secure_delete = OFF")
        for number, step in enumerate(schema.MIGRATIONS[:6], 1):
            step(schema._database(db))
            db.execute(f"PRAGMA user_version = {number}")
        rows = [(str(encode(received(new_sid("SM")))),) for _ in range(50)]
        db.executemany(
            "INSERT INTO outbox (class, kind, subject, at, payload) VALUES ('kept', 'message.received', '', 0, ?)", rows
        )
        db.execute("DELETE FROM outbox")
    assert found(tmp_path)

    async def open_and_close() -> None:
        await (await Spool.open(path)).close()

    asyncio.run(open_and_close())
    assert found(tmp_path) == []
