"""A PIN was given for a SIM that is not here: a typing error in an ICCID, or a card that went elsewhere."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def pin_unused(snapshot: Snapshot) -> Iterator[Condition]:
    """Told only once every modem has shown its SIM."""
    sims = [channel.sim for channel in snapshot.channels]
    if not sims or None in sims:
        return
    here = {sim.iccid for sim in sims if sim is not None}
    for iccid in sorted(snapshot.pins - here):
        text = f"the PIN given for ICCID {iccid[:6]}…{iccid[-4:]} is for no SIM of this site"
        yield Condition("pin_unused", Severity.WARNING, iccid[-4:], text)
