"""Calls of a channel have no sound in one direction, or in none."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot

_TEXTS = {
    "not_heard": "the last calls brought no sound from the modem; check its sound port, its firmware and its profile",
    "not_sent": "the modem did not take the sound of the last calls; check its sound port and its profile",
    "silent": "the last calls had no sound at all; check the modem's sound port and whether its voice is unlocked",
}


def audio_oneway(snapshot: Snapshot) -> Iterator[Condition]:
    for channel, verdict in snapshot.sounds.items():
        if verdict in _TEXTS:
            yield Condition("audio_oneway", Severity.WARNING, channel, _TEXTS[verdict])
