"""Where recordings are begun and kept."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

from edge_agent.media.clips import Blobs
from edge_agent.media.record import Trimmer
from edge_agent.media.wav_file import WavFile
from telecore.errors import StorageFailed
from telecore.ids import CallSid, RecordingSid, new_sid
from telecore.model import Recording

log = logging.getLogger(__name__)


class Recorder:
    """Opens files beside the blobs and turns finished ones into blobs. One thread writes them all."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="recordings")

    def open(self, channels: int = 1, sid: RecordingSid | None = None) -> WavFile:
        """A new file, made when the first second of sound is there."""
        sid = sid or RecordingSid(new_sid("RE"))
        return WavFile(sid, self._blobs.unfinished(sid), channels, self._writer)

    async def keep(self, call: CallSid, sound: Trimmer) -> Recording | None:
        """The recording, safe on disk; None when nothing was to be heard or the disk did not take it."""
        file = sound.file
        kept = sound.kept
        if not kept:
            await file.discard()
            return None
        try:
            duration = await file.finish(kept)
            sha256, size = await self._blobs.add(file.path)
        except (OSError, StorageFailed) as error:
            log.error("a recording of call %s is lost: %s", call, error)  # noqa: TRY400 (the disk's fault, no traceback)
            await file.discard()
            return None
        return Recording(file.sid, call, sha256, size, duration, file.channels)

    def close(self) -> None:
        """No more recordings."""
        self._writer.shutdown(wait=False)
