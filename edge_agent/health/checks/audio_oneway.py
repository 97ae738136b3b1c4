"""Calls of a channel have no sound in one direction, or in none."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot

_TEXTS = {
    "not_heard": "the last calls brought no sound from the line; of a modem check its sound port, its firmware and its "
    "profile, of a gateway its codecs, and that its RTP comes through",
    "not_sent": "the line did not take the sound of the last calls; of a modem check its sound port and its profile",
    "silent": "the last calls had no sound at all; of a modem check its sound port and whether its voice is unlocked, "
    "of a gateway the network between",
}


def audio_oneway(snapshot: Snapshot) -> Iterator[Condition]:
    for channel, verdict in snapshot.sounds.items():
        if verdict in _TEXTS:
            yield Condition("audio_oneway", Severity.WARNING, channel, _TEXTS[verdict])
