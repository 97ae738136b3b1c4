"""The spool as the agent sees it: every method is one transaction, and returns after its commit."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from edge_agent.contracts import HeldCopy, SmsPart, StatusReport, SubmitRef
from edge_agent.spool import (
    account,
    copies,
    erasing,
    journal,
    log_end,
    open_calls,
    outbox,
    parts,
    reports,
    seal,
    sims,
    submits,
)
from edge_agent.spool.copies import Nobody
from edge_agent.spool.file import open_file
from edge_agent.spool.journal import Taken
from edge_agent.spool.reserve import Reserve
from edge_agent.spool.sims import Used
from edge_agent.spool.submits import Begun, QueuedSms
from edge_agent.spool.thread import OneThread
from edge_agent.spool.writer import Writer
from telecore.commands import Erase, SendMessage
from telecore.errors import StorageFailed
from telecore.events import Event, RecordingMade
from telecore.ids import E164, ChannelId, Iccid, MessageSid, Sha256
from telecore.tunnel.frames import Hello
from telecore.tunnel.resync import Verdict

log = logging.getLogger(__name__)


class Spool:
    """Outgoing rows of the tunnel, and the memory of everything that must not be lost or done twice.

    ``on_append`` is called in the loop after each commit that added events, ``on_late`` when what was deleted has
    come up, or could not go before, ``on_recording`` after the commit of a recording's row, with its hash.
    ``quarantined`` is where a broken file was put at the start, if one was found; ``forgotten`` says what is uncertain
    since memory was lost, here or in the cloud.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time, least_free: int = 0) -> None:
        self.path = path
        self.reserve = Reserve(path.with_name(f"{path.name}.reserve"), least_free)
        self.quarantined: Path | None = None
        self.forgotten = ""
        self.on_append: Callable[[], None] = _nothing
        self.on_late: Callable[[], None] = _nothing
        self.on_recording: Callable[[Sha256], None] = _nothing
        self._now = now
        self._stream = ""
        self._highest = 0
        self._depth = 0
        self._writer: Writer[int]

    @classmethod
    async def open(cls, path: Path, now: Callable[[], float] = time.time, least_free: int = 0) -> Spool:
        """Open or make the file. Raises StorageFailed when there is no way to write there.

        ``least_free``: below so many free bytes received SMS and commands are refused (``reserve.look``).
        """
        spool = cls(path, now, least_free)
        thread = OneThread("spool")
        try:
            connection, spool.quarantined, spool.forgotten = await thread.result(partial(_opened, path))
            spool._writer = Writer(thread, connection, outbox.highest, spool._observed, spool.reserve.spend)
            spool._stream, spool._highest, spool._depth = await spool._writer.run(_start)
        except BaseException:
            thread.end()
            raise
        return spool

    async def close(self) -> None:
        """Finish what was asked and close the file."""
        await self._writer.close()

    # The street up (telecore.tunnel.streets.Outgoing).

    @property
    def stream(self) -> str:
        """Made with the file: a wiped disk begins a new street."""
        return self._stream

    @property
    def highest(self) -> int:
        return self._highest

    @property
    def depth(self) -> int:
        """About how many events the cloud does not have yet."""
        return self._depth

    async def append(self, event: Event) -> int:
        """Keep an event; its number, after the commit. 0: what it tells of was deleted, and so is the event."""
        seq = await self._writer.run_with(erasing.append_all, outbox.prepared(event))
        if isinstance(event, RecordingMade):
            self.on_recording(event.recording.sha256)
        if not seq:
            self.on_late()
        return seq

    async def read(self, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        return await self._writer.run(lambda db: outbox.read(db, after, limit))

    async def recent(self, subject: str, kinds: Sequence[str], limit: int) -> list[dict[str, Any]]:
        """The last events of these kinds about a channel, the newest first, as far back as they are kept."""
        return await self._writer.run(lambda db: outbox.recent(db, subject, kinds, limit))

    async def forget(self, upto: int) -> None:
        """What cannot be noted now is noted with the next one: a disk that takes nothing cuts no tunnel."""
        try:
            self._depth = await self._writer.run(lambda db: _forget(db, upto, self._now()))
        except StorageFailed as error:
            log.warning("what the cloud has is not noted: %s", error)

    async def resumed(self, applied: int, mark: str, peer: Hello) -> Verdict:
        """What the cloud says it has, weighed; after SENDER_OLDER ``stream`` is a new one."""
        weighed = await self._writer.run(lambda db: account.weigh(db, applied, mark))
        if weighed.said:
            log.critical("%s", weighed.said)
            self.forgotten = weighed.said
            self._depth = await self._writer.run(outbox.depth)
        if weighed.stream != self._stream:
            self._stream = weighed.stream
            await self._writer.run(lambda _: seal.note_street(self.path, weighed.stream))
        return weighed.verdict

    # The street down: see dispatcher.py.

    async def applied(self, stream: str) -> int:
        return await self._writer.run(lambda db: journal.applied(db, stream))

    async def street(self, stream: str) -> tuple[int, str]:
        """The last number of the cloud's street that is applied, and the id of that item."""
        return await self._writer.run(lambda db: journal.street(db, stream))

    async def journal(self, items: Sequence[Taken]) -> list[bool]:
        """Take on items of the cloud's street, or refuse them. False: that one was seen before."""
        if not all(isinstance(item.command, Erase) for item in items):  # which make room
            self.reserve.check()
        return await self._writer.run(lambda db: journal.take_all(db, items, self._now()))

    # SMS.

    async def store_part(self, part: SmsPart, recipient: E164 | None) -> parts.Received | None:
        """Keep a received PDU; the event (already appended) when it made a message whole."""
        self.reserve.check()
        return await self._writer.run(lambda db: parts.store(db, part, recipient, self._now()))

    async def expire_parts(self, waited_s: float) -> list[parts.Received]:
        """Let time pass for messages that wait for parts; those given up are appended and returned."""
        return await self._writer.run(lambda db: parts.expire(db, waited_s))

    async def queued_sms(self) -> list[QueuedSms]:
        """Messages that wait, in the order they came."""
        return await self._writer.run(submits.queued)

    async def interrupted_sms(self, channel: ChannelId | None) -> list[SendMessage]:
        """The submits that were begun and not finished, of one channel or all."""
        return await self._writer.run(lambda db: submits.interrupted(db, channel))

    async def doubt_sms(self, message: MessageSid) -> bool:
        """Nobody knows whether it went out. True: a status report may still tell, so do not end it yet."""
        return await self._writer.run(lambda db: submits.doubt(db, message, self._now()))

    async def begin_submits(self, begun: Sequence[Begun]) -> list[bool]:
        """The next segment of each may be out from now on. False: it is not waiting, so do not send it."""
        return await self._writer.run(lambda db: submits.begin_all(db, begun))

    async def copy_written(self, message: MessageSid, copy: HeldCopy) -> None:
        """The next segment lies in the modem, and may be sent from now on."""
        await self._writer.run(lambda db: copies.written(db, message, copy))

    async def reconsider(self, message: MessageSid) -> QueuedSms | HeldCopy | Nobody | None:
        """A submit that was begun and not finished: it waits again, or a copy may tell, or nobody knows.

        None: it is not such a one.
        """
        return await self._writer.run(lambda db: copies.reconsider(db, message))

    async def copies(self, channel: ChannelId) -> frozenset[tuple[str, int, str]]:
        """Store, index and identity of the copies that are still to tell something."""
        return await self._writer.run(lambda db: copies.places(db, channel))

    async def sent_to(self, channel: ChannelId, to: str) -> Sequence[SendMessage]:
        """The messages of late to a number, whatever became of them."""
        return await self._writer.run(lambda db: copies.sent_to(db, channel, to))

    async def is_proven(self, device: str) -> bool:
        """Whether this modem was seen to mark what it sent."""
        return await self._writer.run(lambda db: copies.proven(db, device))

    async def prove(self, device: str) -> None:
        """It was."""
        await self._writer.run(lambda db: copies.prove(db, device))

    async def repeat_sms(self, message: MessageSid, most: int) -> QueuedSms | None:
        """Send again what may have gone, at most so often. None: known by now, or tried enough."""
        return await self._writer.run(lambda db: submits.repeat(db, message, most))

    async def segment_sent(self, message: MessageSid, ref: SubmitRef) -> None:
        """The network took a segment; the last one appends MessageSubmitted, and what early reports settle."""
        await self._writer.run(lambda db: submits.segment_sent(db, message, ref, self._now()))

    async def put_back(self, message: MessageSid, *, refused: bool) -> None:
        """Nothing of the segment went out; the message waits again."""
        await self._writer.run(lambda db: submits.put_back(db, message, refused=refused))

    async def requeue_sms(self, message: MessageSid) -> QueuedSms | None:
        """What is left of a message whose last segment is accounted for waits again; None: nothing is left."""
        return await self._writer.run(lambda db: submits.requeue(db, message))

    async def finish_sms(self, message: MessageSid, event: Event) -> None:
        """The message ends here, with this event."""
        await self._writer.run(lambda db: submits.finish(db, message, event, self._now()))

    async def store_report(self, report: StatusReport) -> None:
        """Keep a status report and append what it settles."""
        await self._writer.run(lambda db: _reported(db, report, self._now()))

    async def sent_since(self, at: float) -> dict[ChannelId, int]:
        """Segments the network took since then, by channel."""
        return await self._writer.run(lambda db: submits.sent_since(db, at))

    # What was deleted in the cloud: its rows go when the command is journaled.

    async def erased_sounds(self) -> Sequence[Sha256]:
        """Recordings whose files are to go."""
        return await self._writer.run(erasing.sounds)

    async def let_sounds_go(self, hashes: Collection[Sha256]) -> None:
        """Files of recordings that nobody asks for; those that a row here still tells of stay."""
        await self._writer.run(lambda db: erasing.let_go(db, hashes))

    async def sound_gone(self, sha256: Sha256) -> None:
        """That file is gone."""
        await self._writer.run(lambda db: erasing.sound_gone(db, sha256))

    async def scrub(self) -> bool:
        """Empty SQLite's log, where deleted rows stand until they are overwritten. False: something is in the way."""
        return await self._writer.between(_scrub)

    # SIMs.

    async def sim_facts(self) -> dict[Iccid, dict[str, Any]]:
        """What is remembered of SIMs, by ICCID and name."""
        return await self._writer.run(sims.facts)

    async def put_sim_fact(self, iccid: Iccid, name: str, value: Any) -> None:
        """Remember a JSON value; None forgets it."""
        await self._writer.run(lambda db: sims.put(db, iccid, name, value, self._now()))

    async def use_sim(self, used: Used) -> None:
        """Count what a SIM has carried."""
        await self._writer.run(lambda db: sims.use(db, used))

    async def sim_usage(self, since: float) -> list[Used]:
        """What SIMs have carried since then, by the hour."""
        return await self._writer.run(lambda db: sims.usage(db, since))

    # Notes of the agent to itself.

    async def noted(self, name: str) -> str | None:
        """What was last noted by this name."""
        return await self._writer.run(lambda db: _noted(db, name))

    async def note(self, name: str, value: str) -> None:
        """Keep a text by name."""
        await self._writer.run(lambda db: _note(db, name, value))

    # Life of the agent.

    async def correct(self, after: int, by_s: float) -> int:
        """Events above this number that nobody was told of were stamped so far behind; how many."""
        return await self._writer.run(lambda db: outbox.correct(db, after, by_s))

    async def alive_at(self) -> float | None:
        """When an earlier process gave its last sign of life, by its clock."""
        return await self._writer.run(_alive_at)

    async def recover(self, started: Event) -> None:
        """Begin a new process: tell that it started, and end the calls and requests an earlier one left open."""
        await self._writer.run(lambda db: _recover(db, started))

    async def probe(self) -> None:
        """Write and read back a sign of life: the proof that this spool can still keep things."""
        await self._writer.run(lambda db: _sign_of_life(db, self._now()))

    async def tidy(self) -> None:
        """Drop what is too old to matter."""
        if await self._writer.run(erasing.go_on):
            self.on_late()
        self._depth = await self._writer.run(lambda db: _tidy(db, self._now()))

    def _observed(self, highest: int) -> None:
        if highest > self._highest:
            self._depth += highest - self._highest
            self._highest = highest
            self.on_append()


def _opened(path: Path) -> tuple[sqlite3.Connection, Path | None, str]:
    """The file, where a broken one was put, and what was forgotten. Raises StorageFailed."""
    lost = log_end.lost(path)
    connection, aside = open_file(path)
    try:
        return connection, aside, seal.check(path, connection, quarantined=aside is not None, lost=lost)
    except sqlite3.Error as error:
        connection.close()
        raise StorageFailed(f"the spool {path} cannot be written: {error}") from error


def _nothing(*_: object) -> None:
    return


def _start(db: sqlite3.Connection) -> tuple[str, int, int]:
    stream = db.execute("SELECT value FROM meta WHERE name = 'stream'").fetchone()[0]
    return str(stream), outbox.highest(db), outbox.depth(db)


def _reported(db: sqlite3.Connection, report: StatusReport, now: float) -> None:
    reports.store(db, report, now)
    submits.recognise(db, now)


def _forget(db: sqlite3.Connection, upto: int, now: float) -> int:
    outbox.forget(db, upto, now)
    return outbox.depth(db)


def _alive_at(db: sqlite3.Connection) -> float | None:
    row = db.execute("SELECT value FROM meta WHERE name = 'alive_at'").fetchone()
    return float(row[0]) if row else None


def _recover(db: sqlite3.Connection, started: Event) -> None:
    outbox.append(db, started)
    for ended in open_calls.ends(db, _alive_at(db)):
        outbox.append(db, ended)
    for replied in journal.interrupted(db):
        outbox.append(db, replied)


def _noted(db: sqlite3.Connection, name: str) -> str | None:
    row = db.execute("SELECT value FROM meta WHERE name = ?", (f"note.{name}",)).fetchone()
    return None if row is None else str(row[0])


def _note(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (f"note.{name}", value))


def _sign_of_life(db: sqlite3.Connection, now: float) -> None:
    db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('alive_at', ?)", (str(now),))
    db.execute("SELECT value FROM meta WHERE name = 'alive_at'").fetchone()


def _tidy(db: sqlite3.Connection, now: float) -> int:
    for family in (erasing, outbox, journal, parts, submits, reports, sims):
        family.tidy(db, now)
    return outbox.depth(db)


def _scrub(db: sqlite3.Connection) -> bool:
    busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
