"""A room that goes on at other edges: one stream of the tunnel, on which the others are heard as one voice."""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.contracts import PcmStream, VoiceEvent
from edge_agent.media.clock import MediaClock
from edge_agent.media.leg import Leg
from edge_agent.media.tunnel_pcm import Media, StreamNumbers, TunnelPcm
from telecore.errors import DeviceRefused


class TrunkVoice:
    """A ``contracts.VoiceCall`` that is nobody's call."""

    detects_dtmf = False

    def __init__(self, pcm: PcmStream) -> None:
        self.pcm: PcmStream | None = pcm
        self.on_event: Callable[[VoiceEvent], None] = _nothing

    async def answer(self) -> None:
        """It is always there."""

    async def hang_up(self, cause: int = 16) -> None:
        """Nobody is at its other end."""

    async def send_digits(self, digits: str) -> None:
        raise DeviceRefused("error", None, "a room presses no keys")


class Trunk:
    """The leg of a room's other edges. Raises Busy when the tunnel has no stream left."""

    def __init__(self, clock: MediaClock, media: Media, numbers: StreamNumbers) -> None:
        self._numbers = numbers
        self._pcm = TunnelPcm(media, numbers.take())
        self.leg = Leg(clock, TrunkVoice(self._pcm))
        self.leg.start()

    @property
    def stream(self) -> int:
        return self._pcm.number

    def close(self) -> None:
        self.leg.close()
        self._pcm.close()
        self._numbers.give_back(self._pcm.number)


class Trunks:
    """What a room needs to open one."""

    def __init__(self, clock: MediaClock, media: Media, numbers: StreamNumbers) -> None:
        self._clock = clock
        self._media = media
        self._numbers = numbers

    def open(self) -> Trunk:
        """Raises Busy."""
        return Trunk(self._clock, self._media, self._numbers)


def _nothing(event: VoiceEvent) -> None:
    """Nothing happens to it."""
