"""Who is on the other side of a line, and nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from simulator.calls import Call
from simulator.speech import SILENCE, AudioPort

if TYPE_CHECKING:
    from simulator.gateway.line import Line


class SipSide(Protocol):
    """Who carries the line's calls on by SIP. None of these is called after the call has ended."""

    def offer(self, line: Line, call: Call) -> int | None:
        """A call comes in by GSM: the Q.850 cause to refuse it, or None and it rings."""

    def call_changed(self, line: Line, call: Call) -> None:
        """The call is now ringing, answered or ended."""

    def audio(self, line: Line, call: Call) -> AudioPort:
        """What is said and heard on the SIP side; asked once, when the call is answered."""


class Mute:
    """Says nothing."""

    def pull(self) -> bytes:
        """Silence."""
        return SILENCE

    def push(self, frame: bytes) -> None:
        """Nobody hears it."""


class NoSip:
    """Of a line that nothing is joined to: it rings and nobody takes the call."""

    def offer(self, line: Line, call: Call) -> int | None:
        """It rings."""

    def call_changed(self, line: Line, call: Call) -> None:
        """Nobody minds."""

    def audio(self, line: Line, call: Call) -> AudioPort:
        """Nothing is said."""
        return Mute()
