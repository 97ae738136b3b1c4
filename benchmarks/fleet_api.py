"""What a customer of the controller feels meanwhile: one request of the API after the other, each timed."""

from __future__ import annotations

import http.client
import math
import threading
import time
from base64 import b64encode

EVERY_S = 0.1
PATIENCE_S = 30.0


class Customer:
    """``times``: seconds from each request to its whole answer, those only that were answered."""

    def __init__(self, port: int, sid: str, token: str) -> None:
        self._port = port
        self._path = f"/2010-04-01/Accounts/{sid}/Messages.json?PageSize=20"
        self._headers = {"Authorization": f"Basic {b64encode(f'{sid}:{token}'.encode()).decode()}"}
        self._thread = threading.Thread(target=self._ask_on, daemon=True)
        self._over = threading.Event()
        self.times: list[float] = []
        self.unanswered = 0

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join(PATIENCE_S + 1)

    def percentile(self, part: float) -> float:
        """0 when nothing was answered."""
        ordered = sorted(self.times)
        return ordered[math.ceil(part * len(ordered)) - 1] if ordered else 0.0

    def _ask_on(self) -> None:
        while not self._over.wait(EVERY_S):
            began = time.monotonic()
            try:
                self._ask()
            except (OSError, http.client.HTTPException):
                self.unanswered += 1
            else:
                self.times.append(time.monotonic() - began)

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        try:
            connection.request("GET", self._path, headers=self._headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise http.client.HTTPException(f"status {answer.status}")
            answer.read()
        finally:
            connection.close()
