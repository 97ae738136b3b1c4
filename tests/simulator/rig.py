"""A real simulator process, a serial line to its modems, and its HTTP interface."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import serial

ROOT = Path(__file__).resolve().parents[2]


class Api:
    """The HTTP interface, blocking."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, _decoded(answer.read(), answer.headers["Content-Type"])
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _decoded(error.read(), error.headers["Content-Type"])

    def get(self, path: str) -> Any:
        status, value = self.ask("GET", path)
        assert status == 200, value
        return value

    def post(self, path: str, body: Any = None) -> Any:
        status, value = self.ask("POST", path, {} if body is None else body)
        assert status in (200, 201), value
        return value

    def put(self, path: str, body: Any) -> Any:
        status, value = self.ask("PUT", path, body)
        assert status == 200, value
        return value

    def messages(self, number: str) -> list[dict[str, Any]]:
        return self.get(f"/subscribers/{number}/messages")

    def call_until(self, call_id: str, state: str, limit: float = 10) -> dict[str, Any]:
        return until(lambda: (c := self.get(f"/calls/{call_id}"))["state"] == state and c, limit)


def _decoded(body: bytes, content_type: str) -> Any:
    return json.loads(body) if "json" in content_type else body


def until(check: Any, limit: float = 10) -> Any:
    """Wait for a true value."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        value = check()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {limit} s: {check}")


class At:
    """A serial line with a modem at its end."""

    def __init__(self, path: str) -> None:
        self.port = serial.Serial(path, 115200, timeout=0.02, exclusive=True)
        self.port.reset_input_buffer()
        self.seen = ""

    def read_until(self, pattern: str, limit: float = 5) -> re.Match[str]:
        """Wait for a pattern in what comes; what is before its end is used up."""
        end = time.monotonic() + limit
        while True:
            match = re.search(pattern, self.seen, re.DOTALL)
            if match:
                self.seen = self.seen[match.end() :]
                return match
            if time.monotonic() > end:
                raise AssertionError(f"no {pattern!r} in {self.seen!r}")
            self.seen += self.port.read(4096).decode("latin-1")

    def ask(self, command: str, final: str = r"\r\nOK\r\n", limit: float = 5) -> str:
        """Send a command; the text before its final result."""
        self.port.write(command.encode() + b"\r")
        match = self.read_until(rf"(.*?){final}", limit)
        return match[1].strip()

    def send(self, pdu: str, length: int, final: str = r"\+CMGS: (\d+)\r\n\r\nOK") -> re.Match[str]:
        self.port.write(f"AT+CMGS={length}\r".encode())
        self.read_until(r"\r\n> ")
        self.port.write(pdu.encode() + b"\x1a")
        return self.read_until(final)

    def close(self) -> None:
        self.port.close()


class Rig:
    """The process."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "simulator", "--device-dir", str(folder), "--speed", "20"]
        command += ["--families", "sim7600", *options]
        with (folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        self.line = json.loads(self.process.stdout.readline())
        self.api = Api(self.line["url"])
        self.open: dict[int, At] = {}

    def at(self, index: int = 1) -> At:
        """Open a modem's line; what was open on it is closed."""
        if index in self.open:
            self.open[index].close()
        self.open[index] = At(self.line["modems"][index - 1]["at"])
        self.open[index].ask("ATE0")
        return self.open[index]

    def registered(self, index: int = 1) -> None:
        until(lambda: self.api.get("/network")["sims"][index - 1]["registered"])

    def stop(self) -> int:
        for line in self.open.values():
            line.close()
        self.process.terminate()
        code = self.process.wait(5)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code
