"""A modem that answers as a transcript did: the same command gets, in turn, what followed it there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from edge_agent.drivers.at_modem.transcript import Transcript


class ReplayedModem:
    """``receive`` what the driver writes, ``send`` what the modem says. What was never said there gets ERROR.

    The last answer to a command is given again for ever, for a driver polls longer than the transcript is.
    """

    def __init__(self, transcript: Transcript, send: Callable[[bytes], None]) -> None:
        self.send = send
        self.unknown: list[str] = []
        self._answers: defaultdict[str, list[str]] = defaultdict(list)
        self._partial = ""
        asked = ""
        for entry in transcript.entries:
            if entry.direction == ">":
                asked = entry.text.strip("\r\x1a\x1b")
                self._answers[asked].append("")
            elif asked:
                self._answers[asked][-1] += entry.text

    def receive(self, data: bytes) -> None:
        for char in data.decode("latin-1"):
            if char in "\r\x1a":
                self._answer(self._partial)
                self._partial = ""
            elif char != "\x1b":
                self._partial += char

    def _answer(self, command: str) -> None:
        answers = self._answers.get(command)
        if not answers:
            self.unknown.append(command)
            self.send(b"\r\nERROR\r\n")
            return
        said = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send(said.encode("latin-1"))
