"""A modem came back as mass storage: nothing of it can be opened until its mode is switched."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def shows_only_disk(snapshot: Snapshot) -> Iterator[Condition]:
    for plug, switch in snapshot.disks.items():
        text = f"the modem at USB socket {plug} shows only its disk; run: {switch}"
        yield Condition("shows_only_disk", Severity.WARNING, plug, text)
