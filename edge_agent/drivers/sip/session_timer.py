"""Session timers: who refreshes a call, how often, and when it counts as dead (RFC 4028). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.drivers.sip.message import Headers, integer
from edge_agent.drivers.sip.uri import parse_params

MIN_SE = 90


@dataclass(frozen=True, slots=True)
class SessionTimer:
    """``ours``: we send the refreshes."""

    interval_s: float
    ours: bool

    @property
    def refresh_after_s(self) -> float:
        """Half of the interval (§7.2)."""
        return self.interval_s / 2

    @property
    def dead_after_s(self) -> float:
        """When who waits for a refresh hangs up: a third, or at most 32 s, before the end (§10)."""
        return self.interval_s - min(32.0, self.interval_s / 3)


class TooBrief(Exception):  # noqa: N818
    """They want refreshes more often than we take: 422 with our Min-SE."""


def offered(interval_s: int, *, ours: bool | None = None) -> list[tuple[str, str]]:
    """Headers of a request that asks for a timer; ``ours``: whether we keep refreshing, None: they choose."""
    refresher = "" if ours is None else f";refresher={'uac' if ours else 'uas'}"
    return [("session-expires", f"{interval_s}{refresher}"), ("min-se", str(MIN_SE))]


def agree(headers: Headers, *, wanted_s: int | None) -> SessionTimer | None:
    """What comes of a request of theirs. ``wanted_s``: our own wish where they ask for nothing. Raises TooBrief.

    None: no timer. Where they leave it open, we refresh: theirs may forget it.
    """
    asked, refresher = read_expires(headers)
    supported = "timer" in headers.tokens("supported") | headers.tokens("require")
    if asked is None:
        return SessionTimer(wanted_s, ours=True) if wanted_s is not None else None
    if asked < MIN_SE:
        if supported:
            raise TooBrief
        return None
    return SessionTimer(asked, ours=refresher != "uac" or not supported)


def answered(timer: SessionTimer | None, headers: Headers) -> list[tuple[str, str]]:
    """Headers of our 2xx. Require only for who knows timers (§9)."""
    if timer is None:
        return []
    lines = [("session-expires", f"{int(timer.interval_s)};refresher={'uas' if timer.ours else 'uac'}")]
    knows = "timer" in headers.tokens("supported")
    return [*lines, ("require", "timer")] if knows and not timer.ours else lines


def accepted(headers: Headers, *, ours: int | None) -> SessionTimer | None:
    """What a 2xx to our request says; ``ours``: what we asked for, which we keep up alone if they know no timers."""
    asked, refresher = read_expires(headers)
    if asked is not None and asked > 0:
        return SessionTimer(asked, ours=refresher != "uas")
    return SessionTimer(ours, ours=True) if ours is not None else None


def read_expires(headers: Headers) -> tuple[int | None, str]:
    value = headers.get("session-expires")
    if value is None:
        return None, ""
    return integer(value), (parse_params(value.partition(";")[2]).get("refresher") or "").lower()


def raised(headers: Headers, asked: int) -> int:
    """What to ask for after a 422."""
    return max(asked, integer(headers.get("min-se"), 86_400) or MIN_SE)
