"""ofono-phonesim as a modem on a pseudo terminal: found, started, joined, and what was said written down."""

from __future__ import annotations

import os
import pty
import shutil
import socket
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.drivers.at_modem.transcript import Entry, Tap, Transcript
from telecore.errors import DeviceLost
from tests.peers.program import running
from tests.simulator.rig import until

PROGRAM = "usr/bin/ofono-phonesim"
HERE = Path(__file__).parent
RULES = HERE / "phonesim" / "modem.xml"
FETCHED = HERE.parent.parent / ".peers" / "sid"


def phonesim_command() -> list[str] | None:
    """How to run it here: from PATH, or from a debootstrap folder (``SIMFERRY_PEERS_ROOT``, else ``.peers/sid``)."""
    if found := shutil.which("ofono-phonesim"):
        return [found]
    root = Path(os.environ.get("SIMFERRY_PEERS_ROOT") or FETCHED).absolute()
    if not (root / PROGRAM).exists():
        return None
    # The folder's own loader and libraries: they are newer than this machine's, and this wants no chroot.
    libraries = [root / folder for folder in ("usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib")]
    loader = next((path for folder in libraries for path in sorted(folder.glob("ld-linux-*.so.*"))), None)
    if loader is None:
        return None
    return [str(loader), "--library-path", ":".join(map(str, libraries)), str(root / PROGRAM)]


@contextmanager
def phonesim(command: list[str], folder: Path) -> Iterator[int]:
    """Runs it; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running([*command, "-p", str(port), str(RULES)], folder / "phonesim.log"):
        until(lambda: _listens(port), 20)
        yield port


@contextmanager
def on_a_terminal(port: int, said: list[tuple[float, str, bytes]]) -> Iterator[str]:
    """The path of a pseudo terminal behind which the TCP port answers; ``said`` gets what passes."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    with socket.create_connection(("127.0.0.1", port), 5) as peer:
        began = time.monotonic()

        def pump(direction: str, read: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
            try:
                while data := read():
                    said.append((time.monotonic() - began, direction, data))
                    write(data)
            except OSError:
                return  # the test is over

        out = threading.Thread(target=pump, args=(">", lambda: os.read(master, 4096), peer.sendall), daemon=True)
        back = threading.Thread(
            target=pump, args=("<", lambda: peer.recv(4096), lambda data: os.write(master, data)), daemon=True
        )
        peer.settimeout(None)
        out.start()
        back.start()
        try:
            yield os.ttyname(slave)
        finally:
            peer.shutdown(socket.SHUT_RDWR)
            back.join(5)
            os.close(slave)
            out.join(5)
            os.close(master)


class _Replayed:
    """A ``dialogue.ByteStream`` that was written to long ago."""

    unsent = 0

    def __init__(self) -> None:
        self.on_data: Callable[[bytes], None] = lambda data: None
        self.on_lost: Callable[[DeviceLost], None] = lambda error: None

    def write(self, data: bytes) -> bool:
        return bool(data)


def transcript(said: list[tuple[float, str, bytes]], header: dict[str, str]) -> Transcript:
    """What passed, masked as the agent's own recordings are."""
    at = 0.0
    entries: list[Entry] = []
    port = _Replayed()
    tap = Tap(port, entries.append, lambda: at)
    for moment, direction, data in said:
        at = moment
        if direction == ">":
            tap.write(data)
        else:
            port.on_data(data)
    tap.finish()
    return Transcript(header, tuple(entries))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
