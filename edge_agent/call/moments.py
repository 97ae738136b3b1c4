"""When a call rang, was answered and ended, and what that tells of the SIM."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.call.ending import Origin
from edge_agent.contracts import CallFacts
from telecore.events import CallEnded


@dataclass(slots=True)
class Moments:
    """Seconds on one clock; None: it has not happened."""

    dialled: float | None = None
    rang: float | None = None
    answered: float | None = None
    ended: float | None = None

    def facts(self, origin: Origin, end: CallEnded) -> CallFacts:
        """For the witness. A call that nobody answered in time is the callee's doing, not ours."""
        return CallFacts(
            origin.channel,
            origin.party,
            not origin.inbound,
            end.cause,
            ring_s=_between(self.dialled, self.rang),
            talk_s=_between(self.answered, self.ended),
            by_us=self.answered is None and end.by in ("us", "restart"),
            lasted_s=_between(self.dialled, self.ended),
        )


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start
