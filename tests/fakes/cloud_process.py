"""The controller as a process of its own, on ports that stay the same when it is started again."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
API = "/2010-04-01/Accounts"


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class CloudProcess:
    """``folder`` gets cloud.yaml and data/. ``extra`` are further lines of cloud.yaml."""

    def __init__(self, folder: Path, extra: str = "", *, tls: tuple[Path, Path] | None = None) -> None:
        self.folder = folder
        self.web, self.tunnel = free_port(), free_port()
        self.config = folder / "cloud.yaml"
        keys = f", certificate: {tls[0]}, key: {tls[1]}" if tls else ""
        self.config.write_text(
            f"web: {{port: {self.web}}}\ntunnel: {{port: {self.tunnel}{keys}}}\nspeech: {{program: none-such}}\n{extra}"
        )
        self.account = self.token = ""
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder / "cloud.log"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def command(self, *arguments: str, status: int = 0, prefix: Sequence[str] = ()) -> str:
        """Run ``simferry-cloud``; what it printed, on standard error where it was to fail."""
        line = [*prefix, sys.executable, "-m", "cloud", *arguments, "--config", str(self.config)]
        done = subprocess.run(line, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    def result(self, *arguments: str) -> dict[str, str]:
        return dict(json.loads(self.command(*arguments, "--json")))

    def create_account(self) -> None:
        made = self.result("create-account", "Clinic")
        self.account, self.token = made["sid"], made["auth_token"]

    def start(self, within_s: float = 60.0, environ: dict[str, str] | None = None) -> float:
        """Seconds until it is ready."""
        began = time.monotonic()
        command = [sys.executable, "-m", "cloud", "serve", "--config", str(self.config)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdout=log, stderr=log, env={**os.environ, **(environ or {})}
            )
        while self.get("/readyz").status != 200:
            assert self._process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() - began < within_s, self.log.read_text()[-2000:]
            time.sleep(0.05)
        return time.monotonic() - began

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, within_s: float = 30.0) -> int:
        assert self._process is not None
        return self._process.wait(within_s)

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def stop(self, within_s: float = 30.0) -> int:
        self.signal(signal.SIGTERM)
        return self.wait(within_s)

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, **fields: str) -> Answer:
        return self.ask("POST", path, urllib.parse.urlencode(fields).encode())

    def ask(self, method: str, path: str, body: bytes | None = None, within_s: float = 20.0) -> Answer:
        """Status 0 when nobody answered."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.web}{path}", body, method=method)
        if self.account:
            given = base64.b64encode(f"{self.account}:{self.token}".encode()).decode()
            request.add_header("Authorization", f"Basic {given}")
        try:
            with urllib.request.urlopen(request, timeout=within_s) as answer:
                return Answer(answer.status, _read(answer.read()), dict(answer.headers))
        except urllib.error.HTTPError as error:
            return Answer(error.code, _read(error.read()), dict(error.headers))
        except (OSError, urllib.error.URLError):
            return Answer(0, None, {})


def _read(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")
