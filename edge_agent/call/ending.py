"""Where a call comes from and why it ends."""

from __future__ import annotations

from dataclasses import dataclass

from telecore.causes import Cause
from telecore.ids import CallSid, ChannelId

_BY_A_PERSON = frozenset(
    {
        Cause.NORMAL_CLEARING,
        Cause.USER_BUSY,
        Cause.NO_USER_RESPONDING,
        Cause.NO_ANSWER,
        Cause.CALL_REJECTED,
        Cause.NORMAL_UNSPECIFIED,
    }
)
"""The others are the network's doing."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call comes from. ``dialled``: a leg of somebody's <Dial>, which runs a page only to whisper.

    ``party``: the other end's number, empty when it is withheld. ``elsewhere``: another edge dials it and tells of it.
    """

    call: CallSid
    channel: ChannelId
    inbound: bool
    time_limit_s: float
    dialled: bool = False
    party: str = ""
    elsewhere: bool = False

    @property
    def by_tunnel(self) -> bool:
        """It has no line here: how it goes and sounds says nothing of a SIM."""
        return self.elsewhere or self.channel.endswith("/~client")


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a call ends. ``by`` as in CallEnded; ``remote``: the line is free already."""

    cause: int
    by: str
    remote: bool = False


def told_by_line(cause: int | None, *, inbound: bool) -> Ending:
    """The ending of which the line tells: ours would have come from us."""
    cause = Cause.NORMAL_CLEARING if cause is None else cause
    person = "caller" if inbound else "callee"
    return Ending(cause, person if cause in _BY_A_PERSON else "network", remote=True)
