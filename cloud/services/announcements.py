"""What is played to a conference, or to one of it: fetched, made ready, sent to its edges, and told of at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cloud.services.call_session import SessionTools
from cloud.services.callbacks import Callbacks
from cloud.services.documents import NoDocument
from cloud.services.live_tasks import LiveTasks
from cloud.services.webhooks import WebhookRequest
from cloud.store import accounts, calls, conferences, participants
from cloud.store.database import Connection
from cloud.store.participants import CONNECTED
from cloud.store.records import ConferenceRecord, Hook, ParticipantRecord
from cloud.tunnel import conference_steps as steps
from cloud.tunnel.call_steps import voice_fields
from cloud.tunnel.heard import utc_now
from telecore.commands import Announce
from telecore.ids import EdgeId, new_id
from telecore.notices import Announcement, Do
from telecore.twiml.document import Document
from telecore.twiml.page import Verb
from telecore.twiml.verbs.pause import Pause
from telecore.twiml.verbs.play import Play
from telecore.twiml.verbs.say import Say

ALLOWED = (Say, Play, Pause)
NOT_ALLOWED = 13238


@dataclass(slots=True)
class _Playing:
    """One announcement, until the last of its edges has told that it is over."""

    conference: ConferenceRecord
    url: str
    to: ParticipantRecord | None
    edges: set[EdgeId] = field(default_factory=set)
    heard: bool = False


class Announcements:
    """Fails softly: what cannot be had is told as ``announcement-fail``, and the debugger says why."""

    def __init__(self, tools: SessionTools, queue: Callbacks, *, now: Callable[[], datetime] = utc_now) -> None:
        self._tools = tools
        self._queue = queue
        self._now = now
        self._tasks = LiveTasks()
        self._playing: dict[str, _Playing] = {}

    async def close(self) -> None:
        await self._tasks.close()

    def begin(self, conference: ConferenceRecord, hook: Hook, to: ParticipantRecord | None = None) -> None:
        """Play what this URL answers, to one of the conference or to all."""
        self._tasks.start(self._announce(conference, hook, to), f"announcement in {conference.sid}")

    def ended(self, edge: EdgeId, notice: Announcement) -> None:
        playing = self._playing.get(notice.announcement)
        if playing is None or edge not in playing.edges:
            return
        playing.edges.discard(edge)
        playing.heard = playing.heard or notice.heard
        if not playing.edges:
            del self._playing[notice.announcement]
            reason = "" if playing.heard else "it was not heard to its end"
            self._tasks.start(self._tell(playing, reason), "announcement told")

    async def _announce(self, conference: ConferenceRecord, hook: Hook, to: ParticipantRecord | None) -> None:
        playing = _Playing(conference, hook.url, to)
        verbs = await self._verbs(conference, hook, to)
        playing.edges = await self._tools.db.read(lambda conn: _edges(conn, conference, to))
        if not verbs or not playing.edges:
            await self._tell(playing, "nothing could be played" if not verbs else "nobody is there to hear it")
            return
        name = new_id()
        self._playing[name] = playing
        command = Announce(announcement=name, room=conference.sid, verbs=verbs, call=to.call if to else None)
        for edge in tuple(playing.edges):
            if not self._tools.send(edge, Do(command)):
                self.ended(edge, Announcement(name, conference.sid, heard=False))

    async def _verbs(self, conference: ConferenceRecord, hook: Hook, to: ParticipantRecord | None) -> tuple[Verb, ...]:
        account, call = await self._tools.db.read(
            lambda conn: (accounts.get(conn, conference.account), calls.get(conn, to.call) if to else None)
        )
        if account is None:
            return ()
        fields = {"AccountSid": account.sid, "ConferenceSid": conference.sid, "FriendlyName": conference.name}
        fields |= voice_fields(call) if call is not None else {}
        ask = WebhookRequest(hook.url, account.sid, hook.method, fields, account.auth_token)
        found = await self._tools.documents.voice(ask, Hook(), conference.sid)
        if isinstance(found, NoDocument):
            return ()
        note = self._tools.debugger.note
        for verb in found.verbs:
            if not isinstance(verb, ALLOWED):
                text = f"<{verb.kind}> cannot be announced"
                await note(account.sid, conference.sid, NOT_ALLOWED, text, hook, level="warning")
        allowed = tuple(verb for verb in found.verbs if isinstance(verb, ALLOWED))
        prepared = await self._tools.pages.prepare(Document(allowed, found.warnings), account)
        for problem in prepared.problems:
            where = Hook(problem.url or hook.url)
            await note(account.sid, conference.sid, problem.code, problem.text, where, level=problem.level)
        return prepared.page

    async def _tell(self, playing: _Playing, failed: str) -> None:
        event = "announcement-fail" if failed else "announcement-end"
        also = {"AnnounceUrl": playing.url} | ({"ReasonAnnouncementFailed": failed} if failed else {})

        def write(conn: Connection) -> None:
            conference = conferences.get(conn, playing.conference.sid)
            if conference is not None:
                steps.tell(conn, conference, event, self._now(), playing.to, also=also)

        await self._tools.db.write(write)
        self._queue.wake()


def _edges(conn: Connection, conference: ConferenceRecord, to: ParticipantRecord | None) -> set[EdgeId]:
    """Of those who are there now: ``to`` may have gone, or come, while the announcement was made ready."""
    there = participants.present(conn, conference.sid)
    meant = [one for one in there if to is None or one.call == to.call]
    return {one.edge for one in meant if one.status == CONNECTED and one.edge is not None}
