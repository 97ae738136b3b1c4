"""Ending calls so that none stays on the line, and learning why one ended (27.007 §6.5, §6.10, §7.18)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from edge_agent.drivers.at_modem.call_cause import parse_ceer
from edge_agent.drivers.at_modem.call_news import OVER
from edge_agent.drivers.at_modem.call_replies import CurrentCall, parse_clcc
from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority, Talk
from edge_agent.drivers.at_modem.profile import AtProfile
from edge_agent.drivers.at_modem.quirks import NO_CEER
from telecore.errors import DeviceLost, DeviceRefused, RemoteProtocolError, TimedOut

log = logging.getLogger(__name__)

ATTEMPTS = 6
PAUSE_S = 0.15
_RINGS = (4, 5)


async def list_calls(dialogue: Dialogue, profile: AtProfile) -> Sequence[CurrentCall] | None:
    """The voice calls on the line now; None when the modem does not tell. Raises TimedOut, DeviceLost."""
    async with dialogue.transaction(Priority.CALL) as talk:
        return await _list(talk, profile)


async def hang_up_all(
    dialogue: Dialogue,
    profile: AtProfile,
    *,
    spare_ringing: bool = False,
    meant: Callable[[], bool] = lambda: True,
) -> None:
    """Hang up until +CLCC shows no call; then it is certain. A call that stays on the line costs the device its life.

    ``spare_ringing``: who has begun to ring meanwhile is somebody else and rings on. ``meant``: no more once another
    call has the line. Raises DeviceLost.
    """
    for attempt in range(ATTEMPTS):
        text = profile.call.hang_up[attempt % len(profile.call.hang_up)]
        try:
            async with dialogue.transaction(Priority.HANG_UP) as talk:
                if not meant():
                    return
                await talk.attempt(profile.command(text))
                left = await _list(talk, profile) or ()
                if not any(not (spare_ringing and call.incoming and call.stat in _RINGS) for call in left):
                    return
        except (TimedOut, RemoteProtocolError) as error:
            log.info("hanging up: %s", error)
        await asyncio.sleep(PAUSE_S * (attempt + 1))
    lost = DeviceLost("a call cannot be hung up")
    dialogue.fail(lost)
    raise lost


async def why_it_ended(dialogue: Dialogue, profile: AtProfile) -> int | None:
    """The network's cause of the last call's end, if the modem tells it."""
    if NO_CEER in profile.quirks:
        return None
    try:
        async with dialogue.transaction(Priority.CALL) as talk:
            return parse_ceer(await talk.command(profile.command(profile.call.cause)))
    except (DeviceRefused, DeviceLost, TimedOut) as error:
        log.debug("+CEER: %s", error)
        return None


async def _list(talk: Talk, profile: AtProfile) -> Sequence[CurrentCall] | None:
    lines = await talk.attempt(profile.command("AT+CLCC"))
    if lines is None:
        return None
    calls = [parse_clcc(line) for line in lines]
    return [call for call in calls if call.voice and call.stat != OVER]
