"""Recordings put into words, one after the other, so that callers who are listened to come first."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from cloud.services.callbacks import Callbacks
from cloud.services.debugger import Debugger
from cloud.services.files import Files
from cloud.services.hearing.recogniser import Heard, Listen, RecogniserBusy, RecognitionFailed
from cloud.services.hearing.recognisers import Recognisers
from cloud.store import callbacks, calls, recordings, transcriptions
from cloud.store.database import Connection, Database
from cloud.store.records import RecordingRecord, TranscriptionRecord
from cloud.tunnel.call_steps import voice_fields
from telecore.audio.resample import resample
from telecore.audio.wav import AudioFormatError, read_wav
from telecore.errors import Transient
from telecore.twiml import params

log = logging.getLogger(__name__)

LANGUAGE = "en-US"
"""Twilio transcribes English only; its documents cannot say another language."""
LONGEST_S = 120.0
NOT_TRANSCRIBED = 13617
_POLL_S = 15.0
_PIECE = 16000


class Transcriptions:
    """A row is in progress from its recording's birth; what a restart interrupts is begun anew."""

    def __init__(
        self,
        db: Database,
        files: Files,
        recognisers: Recognisers,
        queue: Callbacks,
        debugger: Debugger,
        *,
        recording_url: Callable[[str, str], str],
        poll_s: float = _POLL_S,
    ) -> None:
        self._db = db
        self._files = files
        self._recognisers = recognisers
        self._queue = queue
        self._debugger = debugger
        self._recording_url = recording_url
        self._poll_s = poll_s
        self._news = asyncio.Event()

    def wake(self) -> None:
        """A recording is there, or never will be."""
        self._news.set()

    async def run(self) -> None:
        """Put into words what waits for it, for ever."""
        while True:
            self._news.clear()
            try:
                for record, recording in await self._db.read(_ready):
                    await self._one(record, recording)
            except RecogniserBusy as error:
                log.info("transcriptions wait: %s", error)
            except Transient as error:
                log.warning("transcriptions wait for the store: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._news.wait()

    async def _one(self, record: TranscriptionRecord, recording: RecordingRecord | None) -> None:
        """Raises RecogniserBusy, Transient."""
        try:
            heard = await self._hear(recording)
        except RecogniserBusy:
            raise
        except (RecognitionFailed, AudioFormatError) as error:
            text = f"{record.recording} was not transcribed: {error}"
            await self._debugger.note(record.account, record.call, NOT_TRANSCRIBED, text, once=True)
            await self._done(record, "failed", "")
        else:
            await self._done(record, "completed", heard.text)

    async def _hear(self, recording: RecordingRecord | None) -> Heard:
        if recording is None or recording.status != "completed":
            raise RecognitionFailed("there is no sound of it")
        if recording.duration_s > LONGEST_S:
            raise RecognitionFailed(f"it is longer than {LONGEST_S / 60:g} minutes")
        samples = await asyncio.to_thread(_samples, self._files.path(recording.sha256))
        hearing = await self._recognisers.listen(Listen(LANGUAGE))
        try:
            for at in range(0, len(samples), _PIECE):
                hearing.feed(samples[at : at + _PIECE])
                await asyncio.sleep(0)
            return await hearing.finish()
        finally:
            await hearing.close()

    async def _done(self, record: TranscriptionRecord, status: str, text: str) -> None:
        def write(conn: Connection) -> None:
            made = transcriptions.update(conn, record.sid, status=status, text=text)
            call = calls.get(conn, record.call)
            if made is not None and call is not None and record.callback.url:  # else it was deleted meanwhile
                callbacks.add(
                    conn, record.account, record.call, record.callback, self._fields(voice_fields(call), made)
                )

        await self._db.write(write)
        self._queue.wake()

    def _fields(self, of_call: dict[str, str], record: TranscriptionRecord) -> dict[str, str]:
        recording_url = self._recording_url(record.account, record.recording)
        return params.transcription(
            of_call,
            sid=record.sid,
            status=record.status,
            text=record.text,
            url=f"{recording_url}/Transcriptions/{record.sid}",
            recording=record.recording,
            recording_url=recording_url,
        )


def _ready(conn: Connection) -> list[tuple[TranscriptionRecord, RecordingRecord | None]]:
    """Those whose recording is not still on its way."""
    waiting = [(record, recordings.get(conn, record.recording)) for record in transcriptions.in_progress(conn)]
    return [(record, found) for record, found in waiting if found is None or found.status != "processing"]


def _samples(path: Path) -> bytes:
    """At 8 kHz. Raises AudioFormatError."""
    try:
        sound = read_wav(path.read_bytes())
    except OSError as error:
        raise AudioFormatError(f"its sound cannot be read: {error.strerror}") from error
    return resample(sound.samples, sound.rate, 8000)
