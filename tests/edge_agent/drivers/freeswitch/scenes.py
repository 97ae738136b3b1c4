"""What happened while the dialogues in ``dialogues/`` were recorded, as both a real FreeSWITCH and a replay take it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from edge_agent.contracts import RadioService, VoiceCall
from telecore.model import ChannelState


class Scene(Protocol):
    """``carrier`` tells the other end of the trunk what to do; in a replay there is none to be told."""

    @property
    def radio(self) -> RadioService: ...
    async def dial(self) -> VoiceCall: ...
    async def told(self, *kinds: str) -> None: ...
    async def stands(self, state: ChannelState) -> None: ...
    async def carrier(self, what: str) -> None: ...


async def busy(scene: Scene) -> None:
    await scene.carrier("refuse 486")
    await scene.dial()
    await scene.told("ended")


async def answered(scene: Scene) -> None:
    await scene.carrier("ring, answer")
    await scene.dial()
    await scene.told("ringing", "answered")
    await scene.carrier("bye")
    await scene.told("ringing", "answered", "ended")


async def hung_up(scene: Scene) -> None:
    await scene.carrier("ring, answer")
    call = await scene.dial()
    await scene.told("ringing", "answered")
    await call.hang_up(31)
    await scene.told("ringing", "answered", "ended")


async def refused(scene: Scene) -> None:
    await scene.carrier("register 403")
    await scene.radio.restart()
    await scene.stands(ChannelState.FAULTY)
    await scene.carrier("register 200")
    await scene.radio.restart()
    await scene.stands(ChannelState.REGISTERED)


SCENES: dict[str, Callable[[Scene], Awaitable[None]]] = {
    "busy": busy,
    "answered": answered,
    "hung_up": hung_up,
    "refused": refused,
}
CAUSES = {"busy": 17, "answered": 16, "hung_up": 31}
