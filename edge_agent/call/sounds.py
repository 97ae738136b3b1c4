"""How the channels' calls sounded of late: what stands after several calls, for the operator."""

from __future__ import annotations

from collections.abc import Mapping

from edge_agent.media.sound_check import Sound
from telecore.events import SoundChecked
from telecore.ids import CallSid, ChannelId

CALLS_ALIKE = 2
"""One bad call may be the far end's fault; two after each other are the line's."""
_GOOD = "good"


class Sounds:
    """Keeps, for each channel, the last verdict and how many calls in a row had it."""

    def __init__(self) -> None:
        self._last: dict[ChannelId, tuple[str, frozenset[CallSid]]] = {}

    def told(self, channel: ChannelId, call: CallSid, verdict: str) -> None:
        """A call was judged, perhaps for the second time."""
        before, calls = self._last.get(channel, (_GOOD, frozenset()))
        self._last[channel] = (verdict, calls | {call} if verdict == before and verdict != _GOOD else frozenset({call}))

    def standing(self) -> Mapping[ChannelId, str]:
        """The channels whose calls sound bad, and how."""
        return {
            channel: verdict
            for channel, (verdict, calls) in self._last.items()
            if verdict != _GOOD and len(calls) >= CALLS_ALIKE
        }


def sound_checked(call: CallSid, channel: ChannelId, sound: Sound) -> SoundChecked:
    """What was found, as it is told."""
    return SoundChecked(
        call=call,
        channel=channel,
        verdict=sound.verdict.value,
        heard=sound.heard,
        sent=sound.sent,
        echo_db=sound.echo_db,
        echo_ms=sound.echo_ms,
    )
