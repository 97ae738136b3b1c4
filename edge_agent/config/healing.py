"""How far the agent may go to bring a modem back (agent.yaml: ``healing``)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HealingConfig:
    """``resets``: whether a modem may be reset at all. ``usb_power``: ``auto`` uses what this machine offers, ``off``
    never cuts power.

    ``power_command``: run with ``auto`` instead to cut the power of one modem and give it back; ``{plug}`` is its place
    on USB (``1-1.2``), ``{device}`` its name here.
    """

    resets: bool = True
    usb_power: str = "auto"
    power_command: tuple[str, ...] = ()
