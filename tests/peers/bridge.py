"""A serial port behind an abstract Unix socket, which is what ModemManager's test mode can open."""

from __future__ import annotations

import os
import selectors
import socket
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def abstract_socket(name: str, port: str) -> Iterator[None]:
    """Who connects to ``\\0abstract:name`` speaks with ``port``; one at a time."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(f"\0abstract:{name}")  # ModemManager takes its own prefix for a part of the name
        listener.listen()
        listener.settimeout(0.2)
        stop = threading.Event()
        thread = threading.Thread(target=_serve, args=(listener, port, stop), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(5)


def _serve(listener: socket.socket, port: str, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            peer, _ = listener.accept()
        except TimeoutError:
            continue
        with peer:
            line = os.open(port, os.O_RDWR | os.O_NOCTTY)
            try:
                tty.setraw(line)
                _copy(peer, line, stop)
            finally:
                os.close(line)


def _copy(peer: socket.socket, line: int, stop: threading.Event) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(peer, selectors.EVENT_READ)
        selector.register(line, selectors.EVENT_READ)
        while not stop.is_set():
            for key, _ in selector.select(0.2):
                if key.fileobj is peer:
                    data = peer.recv(4096)
                    if not data:
                        return
                    os.write(line, data)
                else:
                    peer.sendall(os.read(line, 4096))
