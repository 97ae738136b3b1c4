"""Browsers as a line that can be dialled: the cloud has them at its door, their sound comes by the tunnel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from edge_agent.call.far_legs import FarLegs
from edge_agent.contracts import VoiceCall, VoiceEvent
from telecore.ids import E164, CallSid
from telecore.notices import FarLegHeld

_NOTHING: Mapping[str, str] = MappingProxyType({})


class ClientLine:
    """A ``contracts.VoiceService`` for one call. Whom it rings, the call's row in the cloud says."""

    def __init__(self, far: FarLegs, call: CallSid, parameters: Mapping[str, str] = _NOTHING) -> None:
        self._far = far
        self._call = call
        self._parameters = dict(parameters)

    async def dial(
        self, to: str, on_event: Callable[[VoiceEvent], None], caller: E164 | None = None, *, hidden: bool = False
    ) -> VoiceCall:
        """Raises Busy when the tunnel has no stream left."""
        voice = self._far.hold(FarLegHeld(self._call, 0, client=True, parameters=self._parameters))
        voice.on_event = on_event
        return voice
