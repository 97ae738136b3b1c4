"""The other end of the control socket, for commands: blocking, one request at a time."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from edge_agent.control.requests import ANSWER_LIMIT, SOCKET, Request, decode_answer, encode_request
from telecore.errors import NoNetwork, NotAllowed, RemoteProtocolError, TimedOut

TIMEOUT_S = 600.0


def ask(data_dir: Path, request: Request, timeout_s: float = TIMEOUT_S) -> Any:
    """The result. Raises TelecoreError with a sentence that says what to do."""
    path = data_dir / SOCKET
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as peer:
        peer.settimeout(timeout_s)
        try:
            _connect(peer, path)
            peer.sendall(encode_request(request))
            line = _line(peer)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NoNetwork(f"no agent runs with data_dir {data_dir}: systemctl start edge-agent") from error
        except PermissionError as error:
            raise NotAllowed(f"{path} belongs to another user: use sudo") from error
        except (ConnectionResetError, BrokenPipeError):
            line = b""
        except TimeoutError as error:
            raise TimedOut(f"the agent did not answer within {timeout_s:.0f} s") from error
        except OSError as error:
            raise NoNetwork(f"the agent at {path} hung up: {error.strerror or error}") from error
    if not line:
        raise NotAllowed("the agent hung up: it answers root and its own user only, a few at a time")
    return decode_answer(line)


def _connect(peer: socket.socket, path: Path) -> None:
    folder = os.open(path.parent, os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        peer.connect(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def _line(peer: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        chunk = peer.recv(1 << 16)
        if not chunk:
            break
        data += chunk
        if len(data) > ANSWER_LIMIT:
            raise RemoteProtocolError("the answer is larger than any")
    return data
