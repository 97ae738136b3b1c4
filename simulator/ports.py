"""The pseudo terminals between the modems and the agent: raw, with stable names, pluggable."""

from __future__ import annotations

import array
import asyncio
import fcntl
import logging
import os
import termios
import tty
from collections.abc import Callable
from pathlib import Path

from simulator.speech import FRAME_BYTES

log = logging.getLogger(__name__)

READ_BYTES = 65_536
ABANDONED_BYTES = 4000  # the line discipline holds 4095: nobody reads when it stays this full
ABANDONED_S = 5.0
LONGEST_OUTPUT = 262_144
STALE_AUDIO_BYTES = 12 * FRAME_BYTES
TIOCNXCL = getattr(termios, "TIOCNXCL", 0x540D)


class Pty:
    """A pseudo terminal behind a symbolic link; both ends are held open, so agents come and go freely."""

    def __init__(self, loop: asyncio.AbstractEventLoop, link: Path) -> None:
        self._loop = loop
        self.link = link
        self._master = -1
        self._slave = -1

    @property
    def plugged(self) -> bool:
        """Whether the device is there."""
        return self._master >= 0

    def plug(self) -> None:
        """Make the device and its link; harmless when it is there."""
        if self.plugged:
            return
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        os.set_blocking(self._slave, False)
        fresh = self.link.with_name(self.link.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(self.link)
        self._loop.add_reader(self._master, self._readable)

    def unplug(self) -> None:
        """Take the device away: an agent that has it open reads the end of file."""
        if not self.plugged:
            return
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        self.link.unlink(missing_ok=True)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1

    def release(self) -> None:
        """Undo TIOCEXCL of an agent that died: a real device forgets it at the last close, ours is held open."""
        if self.plugged:
            fcntl.ioctl(self._slave, TIOCNXCL)

    def _readable(self) -> None:
        self._arrived(self._read(READ_BYTES))

    def _arrived(self, data: bytes) -> None:
        del data

    def _read(self, limit: int) -> bytes:
        if not self.plugged or limit <= 0:
            return b""
        try:
            return os.read(self._master, limit)
        except BlockingIOError:
            return b""

    def _unread(self) -> int:
        """Bytes that the agent has not read yet."""
        count = array.array("i", [0])
        fcntl.ioctl(self._slave, termios.FIONREAD, count)
        return count[0]


class AtPort(Pty):
    """The command line of a modem."""

    def __init__(self, loop: asyncio.AbstractEventLoop, link: Path) -> None:
        super().__init__(loop, link)
        self.on_bytes: Callable[[bytes], None] = lambda data: None
        self._output = bytearray()
        self._full_since: float | None = None

    def unplug(self) -> None:
        """Take the device away, and what it had not said yet."""
        self._output.clear()
        super().unplug()

    def write(self, data: bytes) -> None:
        """Bytes to the agent, kept whole and in order; dropped when nobody reads for a while."""
        if not self.plugged or self._abandoned() or len(self._output) + len(data) > LONGEST_OUTPUT:
            return
        self._output += data
        self._flush()

    def _arrived(self, data: bytes) -> None:
        if data:
            self.on_bytes(data)

    def _flush(self) -> None:
        try:
            written = os.write(self._master, self._output)
        except BlockingIOError:
            written = 0
        del self._output[:written]
        if self._output:
            self._loop.add_writer(self._master, self._flush)
        else:
            self._loop.remove_writer(self._master)

    def _abandoned(self) -> bool:
        if self._unread() < ABANDONED_BYTES:
            self._full_since = None
            return False
        now = self._loop.time()
        if self._full_since is None:
            self._full_since = now
        return now - self._full_since > ABANDONED_S


class PcmPort(Pty):
    """The speech of a modem: s16le, 8 kHz, 320 bytes per 20 ms. Between calls what comes is thrown away."""

    def __init__(self, loop: asyncio.AbstractEventLoop, link: Path) -> None:
        super().__init__(loop, link)
        self._taken = False
        self._rest = b""
        self.dropped = 0

    def plug(self) -> None:
        """Make the device."""
        super().plug()
        if self._taken:
            self._loop.remove_reader(self._master)

    def take_over(self) -> None:
        """Forget what was written so far; from now on `read` returns it."""
        self._taken = True
        self._rest = b""
        if self.plugged:
            self._loop.remove_reader(self._master)
            termios.tcflush(self._slave, termios.TCIFLUSH)
            while self._read(READ_BYTES):
                pass

    def let_go(self) -> None:
        """Throw away again."""
        self._taken = False
        if self.plugged:
            self._loop.add_reader(self._master, self._readable)

    def read(self, limit: int) -> bytes:
        """What the agent wrote, without waiting."""
        return self._read(limit)

    def write(self, frame: bytes) -> None:
        """A frame for the agent; dropped whole when it does not read."""
        if not self.plugged:
            return
        if self._unread() > STALE_AUDIO_BYTES:
            self.dropped += 1
            return
        data = self._rest + frame
        try:
            written = os.write(self._master, data)
        except BlockingIOError:
            written = 0
        self._rest = data[written:][:FRAME_BYTES]
