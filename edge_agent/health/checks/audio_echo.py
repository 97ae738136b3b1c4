"""What is played into the calls of a channel comes back."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def audio_echo(snapshot: Snapshot) -> Iterator[Condition]:
    for channel, verdict in snapshot.sounds.items():
        if verdict == "echo":
            text = "callers hear themselves: lower the gain of the sound card, or the modem's speaker level"
            yield Condition("audio_echo", Severity.WARNING, channel, text)
