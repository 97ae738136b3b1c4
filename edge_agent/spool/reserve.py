"""Room that is kept for finishing what was begun, when the disk fills up.

New work is refused while little is free: a received SMS stays on its SIM, a command stays with the cloud. What is
under way may go on writing; should the disk be full all the same, a file of some megabytes that was laid by is given
up.
"""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from telecore.errors import StorageFailed

log = logging.getLogger(__name__)

BALLAST = 4 << 20
_SAID = "the disk is nearly full: received SMS stay on their SIMs and new commands wait, until there is room again"


class Reserve:
    """``least`` bytes must be free for new work; 0 switches it off. Used from the loop and the spool's thread."""

    def __init__(self, path: Path, least: int = 0, ballast: int = BALLAST) -> None:
        self._path = path
        self._least = least
        self._ballast = ballast
        self._spent = threading.Event()
        self.short = False

    def look(self, free: int | None) -> None:
        """So much is free now; twice the least before new work is taken again. Blocks for a moment."""
        if free is None or not self._least:
            return
        if free < self._least or self._spent.is_set():
            self._set(short=True)
        if free > 2 * self._least + self._ballast:
            self._set(short=False)
            self._lay_by()

    def check(self) -> None:
        """Raises StorageFailed while there is no room for new work."""
        if self.short:
            raise StorageFailed(_SAID)

    def spend(self) -> bool:
        """The disk is full: give the file up. True: there may be room now."""
        self.short = True
        if self._spent.is_set():
            return False
        self._spent.set()
        try:
            self._path.unlink()
        except OSError:
            return False
        log.critical("the disk is full: the room that was laid by is used to finish what was begun")
        return True

    def _set(self, *, short: bool) -> None:
        if short is not self.short:
            log.log(logging.CRITICAL if short else logging.INFO, "%s", _SAID if short else "the disk has room again")
        self.short = short

    def _lay_by(self) -> None:
        if not self._spent.is_set() and self._path.exists():
            return
        try:
            descriptor = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._ballast)
            finally:
                os.close(descriptor)
        except OSError as error:
            log.debug("no room is laid by for a full disk: %s", error)
            return
        self._spent.clear()
