"""One outbound call by a trunk of FreeSWITCH: its state as a table, and the handle that the core holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol

from edge_agent.contracts import KeysApart, PcmStream, VoiceCall, VoiceEvent, VoiceEventKind
from telecore.errors import DeviceRefused


class CallState(StrEnum):
    CALLING_US = "calling us"
    DIALLING = "dialling"
    ALERTING = "alerting"
    ACTIVE = "active"
    ENDING = "ending"
    ENDED = "ended"


class News(StrEnum):
    """What events tell of the trunk's leg, and what we do to the call."""

    HEARD = "our leg is up"
    ALERTED = "alerted"
    ANSWERED = "answered"
    HANG_UP = "hang up"
    GONE = "gone"


S, N = CallState, News
CALLS: Mapping[tuple[CallState, News], CallState] = {
    (S.CALLING_US, N.HEARD): S.DIALLING,
    **{(state, N.ALERTED): S.ALERTING for state in (S.CALLING_US, S.DIALLING)},
    **{(state, N.ANSWERED): S.ACTIVE for state in (S.CALLING_US, S.DIALLING, S.ALERTING)},
    **{(state, N.HANG_UP): S.ENDING for state in (S.CALLING_US, S.DIALLING, S.ALERTING, S.ACTIVE)},
    **{(state, N.GONE): S.ENDED for state in S if state is not S.ENDED},
}
"""State, news → next state; what is absent is no news any more. The trunk is dialled once our leg is up, and its events
come by another connection than our leg's."""
_NEWS = {
    VoiceEventKind.RINGING: News.ALERTED,
    VoiceEventKind.ANSWERED: News.ANSWERED,
    VoiceEventKind.ENDED: News.GONE,
}


class CallActions(Protocol):
    """What the trunk does for its call."""

    async def hang_up(self, call: FreeswitchCall, cause: int) -> None: ...
    async def send_digits(self, call: FreeswitchCall, digits: str) -> None: ...
    def conclude(self, call: FreeswitchCall, cause: int) -> None: ...


class FreeswitchCall:
    """A VoiceCall. ``ours`` and ``theirs``: FreeSWITCH's ids of the leg to us and of the trunk's leg; ``leg``: ours as
    our SIP sees it, whose sound is the call's.

    Events are held back until ``release``, so that none comes before the caller has the handle.
    """

    def __init__(self, trunk: CallActions, ours: str, theirs: str, on_event: Callable[[VoiceEvent], None]) -> None:
        self.ours = ours
        self.theirs = theirs
        self.on_event = on_event
        self.state = CallState.CALLING_US
        self.leg: VoiceCall | None = None
        self.pcm: PcmStream | None = None
        self.detects_dtmf = False
        self.ended = asyncio.Event()
        self._trunk = trunk
        self._held: list[VoiceEvent] | None = []

    def take(self, leg: VoiceCall) -> None:
        """Our leg is there and answered."""
        self.leg = leg
        self.pcm = leg.pcm
        self.detects_dtmf = leg.detects_dtmf
        self.learn(News.HEARD)

    @property
    def keys_apart(self) -> bool:
        """As our leg has them."""
        return isinstance(self.leg, KeysApart) and self.leg.keys_apart

    async def answer(self) -> None:
        """It is we who called."""
        raise DeviceRefused("error", None, "an outbound call is answered by the other side")

    async def hang_up(self, cause: int = 16) -> None:
        await self._trunk.hang_up(self, cause)

    async def send_digits(self, digits: str) -> None:
        await self._trunk.send_digits(self, digits)

    def learn(self, news: News) -> bool:
        """Apply news; whether it changed the state."""
        to = CALLS.get((self.state, news))
        if to is None:
            return False
        self.state = to
        if to is CallState.ENDED:
            self.ended.set()
        return True

    def over(self, cause: int | None) -> None:
        """One of its legs has ended, and the other will."""
        self._trunk.conclude(self, 31 if cause is None else cause)

    def told(self, kind: VoiceEventKind, cause: int | None = None) -> None:
        """An event of the trunk's leg; the core is told of what is new."""
        if self.learn(_NEWS[kind]):
            self.tell(VoiceEvent(kind, cause))

    def tell(self, event: VoiceEvent) -> None:
        if self._held is None:
            self.on_event(event)
        else:
            self._held.append(event)

    def release(self) -> None:
        """Somebody listens now."""
        held, self._held = self._held or [], None
        for event in held:
            self.on_event(event)
