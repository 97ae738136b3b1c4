"""One listening SIP address of a site, shared by its devices."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.drivers.sip.media import MediaPorts
from edge_agent.drivers.sip.settings import SipSettings


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody who is none of our far ends. ``last``: the method tried last; ``at``: when, on the stack's clock."""

    address: str
    count: int
    last: str
    at: float


class SipStack:
    """Opened by each of its peers; the first opening binds, the last closing lets go.

    ``media`` None: RTP on ports of the settings. ``clock`` gives seconds that only go forward, ``rng`` what tags and
    branches are made of.
    """

    def __init__(
        self,
        settings: SipSettings,
        media: MediaPorts | None = None,
        *,
        clock: Callable[[], float] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.settings = settings
        self.on_stranger: Callable[[str, str], None] = _ignore
        """Told of an address and what it tried, at most once a minute for each address."""
        self._media = media
        self._clock = clock
        self._rng = rng or random.SystemRandom()
        self._users = 0

    @property
    def strangers(self) -> tuple[Stranger, ...]:
        """Those seen lately, the most recent first; a bounded number."""
        return ()

    async def open(self) -> None:
        """Raises DeviceLost when the address cannot be bound."""
        self._users += 1

    async def close(self) -> None:
        """Never raises."""
        self._users = max(0, self._users - 1)

    def trace(self, address: str) -> tuple[str, ...]:
        """The last messages to and from an address, oldest first, with numbers and credentials masked."""
        del address
        return ()


def _ignore(address: str, tried: str) -> None:
    del address, tried
