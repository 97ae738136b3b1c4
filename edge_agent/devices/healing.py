"""Carries out the steps of the ladder for one device, and tells each with its evidence."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from edge_agent.config import HealingConfig
from edge_agent.contracts import Core, Device, Heal
from edge_agent.devices.ladder import RESETS, Climb, Move, failed, gone_for
from edge_agent.devices.usb_power import UsbPower
from telecore.errors import DeviceLost, DeviceRefused
from telecore.events import ChannelHealed
from telecore.ids import ChannelId
from telecore.redact import scrub

log = logging.getLogger(__name__)

HEAL_LIMIT_S = 20.0
_SILENT = ("hung", "does not answer", "not ready after")
"""So a driver says that its own probes and resynchronisation did not help."""
WORKED, FAILED, NOT_POSSIBLE = "worked", "failed", "not_possible"


class Healing:
    """One device's way up the ladder and down again. ``port`` is where it is opened."""

    def __init__(
        self,
        name: str,
        channels: Sequence[ChannelId],
        core: Core,
        config: HealingConfig,
        *,
        port: str,
        power: UsbPower | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._channels = tuple(channels)
        self._core = core
        self._config = config
        self._port = port
        self._power = power or UsbPower(config, name)
        self._clock = clock
        self._climb = Climb()
        self._tried: tuple[Heal, ...] = ()
        self._evidence: list[str] = []
        self._gone_at: float | None = None
        self._power_at: float | None = None
        self._told_impossible: set[Heal] = set()

    async def serves(self) -> None:
        """It is in service again: whatever was tried last has worked."""
        await asyncio.to_thread(self._power.see, self._port)
        self._gone_at = self._power_at = None
        tried, self._tried = self._tried, ()
        for step in tried:
            await self._tell(step, WORKED, (*self._evidence, "it serves again"))
        self._evidence.clear()
        self._told_impossible.clear()

    async def fails(self, device: Device, reason: str, served_s: float) -> float:
        """It does not serve. Does what is next; how long to wait before it is opened again."""
        self._gone_at = None
        await self._tell_failed(reason)
        if not self._climb.failures and any(words in reason for words in _SILENT):
            await self._tell(Heal.RESYNCHRONISE, FAILED, self._evidence)
        was_in_quarantine = self._climb.in_quarantine
        self._climb, move = failed(self._climb, served_s, self._possible())
        await self._tell_skipped(move)
        self._tried = move.steps
        for step in move.steps:
            await self._do(step, device)
        if self._climb.in_quarantine and not was_in_quarantine:
            await self._tell(
                Heal.QUARANTINE, FAILED, (*self._evidence, f"left alone for {move.wait_s:.0f} s, then tried again")
            )
        return move.wait_s

    async def gone(self, reason: str) -> None:
        """Its port is not there. After a while the power of its socket is cut for a moment."""
        now = self._clock()
        self._gone_at = self._gone_at if self._gone_at is not None else now
        since = None if self._power_at is None else now - self._power_at
        if gone_for(now - self._gone_at, since, self._possible()):
            self._power_at = now
            await self._tell_failed(reason)
            self._evidence.append(f"gone for {now - self._gone_at:.0f} s")
            self._tried = (Heal.USB_POWER,)
            await self._cut_power()
            self._say(Heal.USB_POWER)

    def _possible(self) -> frozenset[Heal]:
        resets = frozenset(RESETS) if self._config.resets else frozenset()
        return resets if self._power.possible else resets - {Heal.USB_POWER}

    async def _do(self, step: Heal, device: Device) -> None:
        if step is Heal.USB_POWER:
            await self._cut_power()
        elif step in RESETS:
            try:
                async with asyncio.timeout(HEAL_LIMIT_S):
                    self._evidence.append(await device.heal(step))
            except DeviceRefused as refusal:
                self._evidence.append(f"no {step}: {refusal.text}")
            except (DeviceLost, TimeoutError) as error:
                self._evidence.append(scrub(f"{step} could not be done: {error or 'no end of it'}"))
        self._say(step)

    def _say(self, step: Heal) -> None:
        log.warning("%s: %s: %s", self._name, step, "; ".join(self._evidence))

    async def _cut_power(self) -> None:
        try:
            self._evidence.append(await self._power.cycle())
        except DeviceRefused as error:
            self._evidence.append(str(error.text or error))

    async def _tell_failed(self, reason: str) -> None:
        """What was tried last has not helped; ``reason`` is the evidence for what comes next."""
        why = scrub(reason)
        for step in self._tried:
            if step is not Heal.QUARANTINE:
                await self._tell(step, FAILED, (*self._evidence, why))
        self._evidence = [why]

    async def _tell_skipped(self, move: Move) -> None:
        for step in move.skipped:
            if step not in self._told_impossible:
                self._told_impossible.add(step)
                await self._tell(step, NOT_POSSIBLE, (_why_not(step, self._config),))

    async def _tell(self, step: Heal, outcome: str, evidence: Sequence[str]) -> None:
        for channel in self._channels:
            await self._core.event(
                ChannelHealed(channel=channel, step=step.value, outcome=outcome, evidence=tuple(evidence))
            )


def _why_not(step: Heal, config: HealingConfig) -> str:
    if not config.resets:
        return "healing.resets is off in agent.yaml"
    if step is Heal.USB_POWER and config.usb_power == "off":
        return "healing.usb_power is off in agent.yaml"
    if step is Heal.USB_POWER:
        return "nothing here can switch the power of its socket: see healing.power_command in agent.yaml"
    return "this device has no such reset"
