"""Pressing keys in a call (27.007 §C.2.11): one per command, since firmware loses some of many."""

from __future__ import annotations

import asyncio

from edge_agent.drivers.at_modem.call import AtCall, CallState
from edge_agent.drivers.at_modem.call_news import KEYS
from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority
from edge_agent.drivers.at_modem.profile import AtProfile
from telecore.errors import DeviceRefused


async def press(dialogue: Dialogue, profile: AtProfile, call: AtCall, digits: str) -> None:
    """Press them one after the other. Raises DeviceRefused when a key does not exist or the call is over, TimedOut."""
    for digit in digits.upper():
        if digit not in KEYS:
            raise DeviceRefused("error", None, f"there is no key {digit!r}")
        if call.state is not CallState.ACTIVE:
            raise DeviceRefused("call", None, "NO CARRIER")
        async with dialogue.transaction(Priority.DIGITS) as talk:
            await talk.command(profile.command(profile.call.digit.format(digit=digit, call=call.id)))
        await asyncio.sleep(profile.call.digit_gap_s)
