"""The little of Telnet (RFC 854, 855) that a gateway's AT port needs: every option is refused. Sans-I/O."""

from __future__ import annotations

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
_REFUSAL = {DO: WONT, WILL: DONT}
_NUL, _CR = 0, 13


class Telnet:
    """``feed`` bytes in pieces of any size: what is data, and what to answer at once.

    A refusal is said once for each option, so two ends that disagree do not go on for ever.
    """

    def __init__(self) -> None:
        self._command: int | None = None
        self._in_iac = False
        self._in_sub = False
        self._after_cr = False
        self._refused: set[tuple[int, int]] = set()

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        text, answer = bytearray(), bytearray()
        for octet in data:
            if self._command is not None:
                answer += self._option(self._command, octet)
                self._command = None
            elif self._in_iac:
                self._in_iac = False
                self._after_iac(octet, text)
            elif octet == IAC:
                self._in_iac = True
            elif not self._in_sub:
                self._data(octet, text)
        return bytes(text), bytes(answer)

    @staticmethod
    def escaped(data: bytes) -> bytes:
        """What to write for this data. CR stays alone: the gateways hand it to a modem, which knows no CR NUL."""
        return data.replace(b"\xff", b"\xff\xff")

    def _after_iac(self, octet: int, text: bytearray) -> None:
        if octet == SE:
            self._in_sub = False
        elif self._in_sub:
            return
        elif octet == IAC:
            self._data(octet, text)
        elif octet == SB:
            self._in_sub = True
        elif octet in (DO, DONT, WILL, WONT):
            self._command = octet

    def _data(self, octet: int, text: bytearray) -> None:
        if not (octet == _NUL and self._after_cr):
            text.append(octet)
        self._after_cr = octet == _CR

    def _option(self, command: int, option: int) -> bytes:
        refusal = _REFUSAL.get(command)
        if refusal is None or (command, option) in self._refused:
            return b""
        self._refused.add((command, option))
        return bytes([IAC, refusal, option])
