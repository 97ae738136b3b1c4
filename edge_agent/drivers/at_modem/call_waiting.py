"""A second caller while the line is in a call: turned away, told as missed, and never a danger to the first call.

A modem carries the sound of one call only, so a second one can be of no use (call waiting: 22.083, 27.007 §7.12).
"""

from __future__ import annotations

import asyncio
import logging

from edge_agent.contracts import Core
from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority
from edge_agent.drivers.at_modem.profile import AtProfile
from telecore.errors import DeviceLost, DeviceRefused, TimedOut
from telecore.events import CallMissed
from telecore.ids import Address, ChannelId

log = logging.getLogger(__name__)

SAME_CALLER_S = 10.0
"""Signs of a waiting call that lie closer together speak of the same one."""
AGAIN_S = 3.0
"""One that still waits after so long was not turned away: try again."""
DOUBT_S = 5.0
"""So long after it, a line that tells of an end without saying of which call may mean the second one."""
NUMBER_WAIT_S = 0.3


class WaitingCall:
    """The second caller of one line, if there is one. Times are of the loop's clock."""

    def __init__(self, dialogue: Dialogue, profile: AtProfile, channel: ChannelId) -> None:
        self._dialogue = dialogue
        self._profile = profile
        self._channel = channel
        self._number: str | None = None
        self._id: int | None = None
        self._seen_at = float("-inf")
        self._declined_at = float("-inf")
        self._told = False

    def notice(self, number: str | None, id_: int | None, now: float) -> bool:
        """Something tells of a waiting call; whether it should be declined now."""
        another = number is not None and self._number is not None and number != self._number
        if another or now - self._seen_at > SAME_CALLER_S:
            self._number, self._id, self._told = None, None, False
            self._declined_at = float("-inf")
        self._seen_at = now
        self._number = number or self._number
        self._id = id_ or self._id
        if now - self._declined_at < AGAIN_S:
            return False
        self._declined_at = now
        return True

    def lately(self, now: float) -> bool:
        """Whether news of an end may be about it."""
        return now - self._seen_at < DOUBT_S

    def has(self, id_: int | None, now: float) -> bool:
        """Whether this is its number among the calls of the line."""
        return id_ is not None and id_ == self._id and now - self._seen_at < SAME_CALLER_S

    async def decline(self, core: Core) -> None:
        """Turn it away, and tell that somebody called in vain."""
        reason = "the line was in a call"
        try:
            async with self._dialogue.transaction(Priority.CALL) as talk:
                await talk.command(self._profile.command(self._profile.call.decline_waiting))
        except DeviceLost:
            return
        except (DeviceRefused, TimedOut) as error:
            log.info("%s: the second caller rings on: %s", self._channel, error)
            reason = "the line was in a call; the modem could not turn the caller away"
        if self._told:
            return
        self._told = True
        await asyncio.sleep(NUMBER_WAIT_S)  # +CCWA and +CLCC come in either order, and one may lack the number
        caller = Address(self._number) if self._number else None
        await core.event(CallMissed(channel=self._channel, caller=caller, reason=reason))
