"""Switching a call's sound on and off at the modem, as its profile says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from edge_agent.contracts import Core
from edge_agent.drivers.at_modem.audio import CallPcm, Carrier
from edge_agent.drivers.at_modem.call import AtCall, CallState
from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority
from edge_agent.drivers.at_modem.profile import AtProfile
from telecore.errors import DeviceLost, DeviceRefused, TimedOut
from telecore.events import ChannelHealed
from telecore.ids import ChannelId

log = logging.getLogger(__name__)

IDLE_S = 1.0
"""The line must stay idle so long before its sound is mended, which may restart the modem."""
ENOUGH_FRAMES = 100
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
        self._stream: CallPcm | None = None
        self._calls = 0
        self._ill = ""

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
                if self._audio.degraded_when_refused:
                    self._ill = f"{'; '.join(self._audio.enable)} was refused at first: {error}"
                log.info("%s: the modem does not switch the sound on yet: %s", self._channel, error)
                await asyncio.sleep(self._audio.retry_s)
            else:
                self._on = True
                self._calls += 1
                self._stream = call.stream
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
        stream, self._stream = self._stream, None
        if stream is not None and stream.given > ENOUGH_FRAMES and stream.taken < stream.given / 2:
            self._ill = f"the modem took {stream.taken} of {stream.given} frames of sound"

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

    async def mend(self, core: Core, idle: Callable[[], bool]) -> None:
        """Do what the profile says for a path that has become bad, when the line is idle; and tell of it."""
        limit = self._audio.reset_after_calls
        reason = self._ill or (f"{self._calls} calls since it was last mended" if 0 < limit <= self._calls else "")
        if not reason or not self._audio.recover:
            return
        await asyncio.sleep(IDLE_S)
        if not idle():
            return
        log.warning("%s: mending the sound path: %s", self._channel, reason)
        self._ill, self._calls = "", 0
        outcome, commands = "worked", "; ".join(self._audio.recover)
        try:
            await self._switch(self._audio.recover)
        except DeviceLost as error:
            log.info("%s: %s restarts the modem: %s", self._channel, commands, error)
        except (DeviceRefused, TimedOut) as error:
            outcome, reason = "failed", f"{reason}; {error}"
        evidence = (reason, f"{commands} was sent")
        await core.event(ChannelHealed(channel=self._channel, step="audio", outcome=outcome, evidence=evidence))

    async def _switch(self, commands: tuple[str, ...]) -> None:
        async with self._dialogue.transaction(Priority.CALL) as talk:
            for text in commands:
                await talk.command(self._profile.command(text))
