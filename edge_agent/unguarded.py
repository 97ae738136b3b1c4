"""A Gate that lets everything through and a Witness that keeps nothing: where nobody looks after the SIMs."""

from __future__ import annotations

from edge_agent.contracts import CallFacts, Permit
from telecore.ids import ChannelId

_GRANTED = Permit()


class Unguarded:
    """See ``contracts.Gate`` and ``contracts.Witness``."""

    def sms(self, channel: ChannelId, to: str, *, urgent: bool = False) -> Permit:
        return _GRANTED

    def call(self, channel: ChannelId, to: str, *, urgent: bool = False) -> Permit:
        return _GRANTED

    def sms_sent(self, channel: ChannelId, to: str) -> None:
        """Nobody keeps it."""

    def sms_refused(self, channel: ChannelId, to: str, kind: str, code: int | None) -> None:
        """Nobody keeps it."""

    def sms_reported(self, channel: ChannelId, to: str, status: int) -> None:
        """Nobody keeps it."""

    def sms_received(self, channel: ChannelId, sender: str, body: str) -> None:
        """Nobody keeps it."""

    def call_ended(self, facts: CallFacts) -> None:
        """Nobody keeps it."""

    def call_sound(self, channel: ChannelId, verdict: str) -> None:
        """Nobody keeps it."""
