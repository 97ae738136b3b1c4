"""Switching a call's sound on and off at the modem, as its profile says."""

from __future__ import annotations

import asyncio
import logging

from edge_agent.drivers.at_modem.audio import Carrier
from edge_agent.drivers.at_modem.call import AtCall, CallState
from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority
from edge_agent.drivers.at_modem.profile import AtProfile
from telecore.errors import DeviceLost, DeviceRefused, TimedOut
from telecore.ids import ChannelId

log = logging.getLogger(__name__)

_OVER = (CallState.ENDING, CallState.ENDED)


class CallSound:
    """The PCM of the one call a modem can have."""

    def __init__(self, dialogue: Dialogue, profile: AtProfile, channel: ChannelId, pcm: Carrier | None) -> None:
        self._dialogue = dialogue
        self._audio = profile.audio
        self._profile = profile
        self._channel = channel
        self._pcm = pcm
        self._on = False

    async def enable(self, call: AtCall) -> None:
        """Switch it on, again and again while the modem refuses. Returns without sound when it never agrees."""
        if self._pcm is None or call.stream is None or self._on:
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + self._audio.give_up_s
        await asyncio.sleep(self._audio.settle_s)
        while call.state not in _OVER:
            try:
                await self._switch(self._audio.enable)
            except (DeviceRefused, TimedOut) as error:
                if loop.time() >= until:
                    log.warning("%s: the call has no sound: %s", self._channel, error)
                    return
                log.info("%s: the modem does not switch the sound on yet: %s", self._channel, error)
                await asyncio.sleep(self._audio.retry_s)
            else:
                self._on = True
                self._pcm.start(call.stream)
                return

    def flow(self, *, ready: bool) -> None:
        """The modem takes sound again, or cannot just now."""
        if self._pcm is not None:
            self._pcm.flow(ready=ready)

    def stop(self) -> None:
        """No sound flows any more, whatever the modem does."""
        if self._pcm is not None:
            self._pcm.stop()

    async def disable(self) -> None:
        """Switch it off at the modem, by whichever command it takes."""
        if not self._on:
            return
        self._on = False
        for text in self._audio.disable:
            try:
                await self._switch((text,))
            except (DeviceRefused, TimedOut, DeviceLost) as error:
                log.debug("%s: switching the sound off: %s", self._channel, error)
            else:
                return

    async def _switch(self, commands: tuple[str, ...]) -> None:
        async with self._dialogue.transaction(Priority.CALL) as talk:
            for text in commands:
                await talk.command(self._profile.command(text))
