"""A WAV file that grows while a call lasts. The loop never waits for the disk; memory holds a second or two."""

from __future__ import annotations

import asyncio
import struct
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from telecore.audio.wav import write_wav
from telecore.ids import RecordingSid

_CHUNK = 16000
_MAX_CHUNKS = 120
"""As much as may wait for a disk that does not answer (two minutes of mono)."""
_HEADER = len(write_wav(b""))


class WavFile:
    """16-bit linear PCM at 8 kHz, written in order by ``writer``, which must have one thread."""

    def __init__(self, sid: RecordingSid, path: Path, channels: int, writer: Executor) -> None:
        self.sid = sid
        self.path = path
        self.channels = channels
        self.length = 0
        self._writer = writer
        self._pending = bytearray()
        self._queued = 0
        self._file: BinaryIO | None = None
        self._error: OSError | None = None

    @property
    def bytes_per_second(self) -> int:
        return 16000 * self.channels

    def write(self, samples: bytes) -> None:
        """Keep these, interleaved if there are two channels. Never blocks, never raises."""
        self.length += len(samples)
        self._pending += samples
        if len(self._pending) >= _CHUNK:
            self._hand_over()

    async def finish(self, length: int | None = None) -> float:
        """Cut to ``length`` bytes of samples and close. The duration in seconds. Raises OSError; then discard it."""
        self._hand_over()
        kept = self.length if length is None else min(length, self.length)
        await asyncio.get_running_loop().run_in_executor(self._writer, self._close, kept)
        return kept / self.bytes_per_second

    async def discard(self) -> None:
        """Close and remove it. A full disk does not take what waits to be written, and that is no matter any more."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._remove)

    def _hand_over(self) -> None:
        if self._queued >= _MAX_CHUNKS:
            self.length -= len(self._pending)
            self._error = self._error or OSError("the disk is too slow for the recording")
        else:
            self._queued += 1
            self._writer.submit(self._append, bytes(self._pending))
        self._pending.clear()

    def _append(self, data: bytes) -> None:
        """In the writer's thread."""
        try:
            if self._file is None:
                self._file = self.path.open("wb")
                self._file.write(bytes(_HEADER))
            self._file.write(data)
        except OSError as error:
            self._error = self._error or error
        finally:
            self._queued -= 1

    def _close(self, length: int) -> None:
        if self._error is not None:
            raise self._error
        file = self._file
        assert file is not None  # finish() hands over before it closes
        with file:
            file.truncate(_HEADER + length)
            file.seek(0)
            file.write(_header(length, self.channels))

    def _remove(self) -> None:
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


def _header(length: int, channels: int) -> bytes:
    """``write_wav``'s, with the sizes of samples that are in the file already (bytes 4 and 40 of RIFF's header)."""
    header = bytearray(write_wav(b"", 8000, channels))
    struct.pack_into("<I", header, 4, 36 + length)
    struct.pack_into("<I", header, 40, length)
    return bytes(header)
