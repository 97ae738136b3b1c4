"""A serial port on the event loop: pyserial opens and configures it, the loop's reader and writer do the rest."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
import termios
from collections.abc import Callable

import serial

from telecore.errors import DeviceLost

log = logging.getLogger(__name__)

READ_BYTES = 4096
UNSENT_LIMIT = 65536
_PTY_MAJORS = range(136, 144)


class SerialPort:
    """One open port. ``on_data`` gets bytes as they come; ``on_lost`` gets one DeviceLost, and then nothing comes.

    A pseudo terminal is as good as a real port. Both callbacks may be replaced before the next turn of the loop.
    """

    def __init__(
        self,
        path: str,
        *,
        baud: int = 115200,
        rtscts: bool = False,
        on_data: Callable[[bytes], None] = lambda data: None,
        on_lost: Callable[[DeviceLost], None] = lambda error: None,
        unsent_limit: int = UNSENT_LIMIT,
    ) -> None:
        self.path = path
        self.on_data = on_data
        self.on_lost = on_lost
        self.lost: DeviceLost | None = None
        self._baud = baud
        self._rtscts = rtscts
        self._limit = unsent_limit
        self._unsent = bytearray()
        self._serial: serial.Serial | None = None
        self._fd = -1

    @property
    def unsent(self) -> int:
        """Bytes that the port has not taken yet."""
        return len(self._unsent)

    def open(self) -> None:
        """Open it for us alone and begin to read. Raises DeviceLost: not there, in use, or not a serial port."""
        try:
            self._serial = serial.Serial(
                self.path, self._baud, timeout=0, write_timeout=0, rtscts=self._rtscts, exclusive=True
            )
            self._fd = self._serial.fileno()
            self._keep_others_out()
        except (OSError, ValueError, termios.error) as error:  # SerialException is an OSError
            self._release()
            raise DeviceLost(_reason(self.path, error)) from error
        self.lost = None
        asyncio.get_running_loop().add_reader(self._fd, self._readable)

    def write(self, data: bytes) -> bool:
        """Send, now or as the port takes it. False: too much waits already, nothing of this was taken."""
        if self._fd < 0:
            return False
        if len(self._unsent) + len(data) > self._limit:
            return False
        if self._unsent:
            self._unsent += data
            return True
        taken = self._try_write(data)
        if taken < len(data) and self._fd >= 0:
            self._unsent += data[taken:]
            asyncio.get_running_loop().add_writer(self._fd, self._writable)
        return self._fd >= 0

    def close(self) -> None:
        """Let go of the port; nothing more is called."""
        if self._fd >= 0:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._fd)
            loop.remove_writer(self._fd)
        self._unsent.clear()
        self._release()

    def _keep_others_out(self) -> None:
        # TIOCEXCL stays on a terminal until its last close; on a pty whose far end also holds our side it would
        # outlive us and lock out the next agent. flock (pyserial's ``exclusive``) ends with the process.
        if os.major(os.fstat(self._fd).st_rdev) not in _PTY_MAJORS:
            fcntl.ioctl(self._fd, termios.TIOCEXCL)

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(_reason(self.path, error))
            return
        if data:
            self.on_data(data)
        else:
            self._lose(f"{self.path}: the far end is gone")

    def _writable(self) -> None:
        taken = self._try_write(bytes(self._unsent))
        del self._unsent[:taken]
        if not self._unsent and self._fd >= 0:
            asyncio.get_running_loop().remove_writer(self._fd)

    def _try_write(self, data: bytes) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._lose(_reason(self.path, error))
            return 0

    def _lose(self, reason: str) -> None:
        self.close()
        if self.lost is None:
            self.lost = DeviceLost(reason)
            # Not from inside write(): whoever writes must not meet its own loss half way through a step.
            asyncio.get_running_loop().call_soon(self.on_lost, self.lost)

    def _release(self) -> None:
        self._fd = -1
        if self._serial is None:
            return
        try:
            self._serial.close()
        except OSError as error:
            log.debug("%s: closing: %s", self.path, error)
        self._serial = None


def _reason(path: str, error: Exception) -> str:
    number = getattr(error, "errno", None) or next(iter(getattr(error.__context__, "args", ())), None)
    words = {
        errno.ENOENT: "no such port",
        errno.EACCES: "no permission (is the user in the group of the port?)",
        errno.EAGAIN: "in use by another program",
        errno.EBUSY: "in use by another program",
        errno.EIO: "the device is gone",
        errno.ENODEV: "the device is gone",
        errno.ENXIO: "the device is gone",
        errno.ENOTTY: "not a serial port",
    }
    text = words.get(number, str(error)) if isinstance(number, int) else str(error)
    return f"{path}: {text}"
