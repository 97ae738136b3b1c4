"""What the SIP side needs of the media side. ``rtp.py`` is the one that is used; tests have their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from telecore.audio.frames import Encoding
from telecore.model import MediaStats

__all__ = ["MediaPlan", "MediaPorts", "MediaSession", "MediaStats", "SrtpKeys"]


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """SDES keys of both directions (RFC 4568): ``suite``, master key and salt together (30 octets for AES_CM_128)."""

    suite: str
    ours: bytes = field(repr=False)
    theirs: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MediaPlan:
    """What an offer and its answer came to. ``address``/``port``: where their SDP says they listen; port 0: nowhere.

    ``dtmf``: payload type of telephone-event, None without it. ``comfort_noise``: payload type 13 may come.
    ``send``, ``receive``: False while held that way; something is sent all the same (silence), for gateways hang up
    without RTP. ``ptime_ms``: how much sound goes into a packet. ``sources``: addresses besides the announced one that
    its RTP may come from: where its signalling comes from, which beyond a NAT is another.
    """

    address: str
    port: int
    encoding: Encoding
    payload_type: int
    dtmf: int | None = None
    ptime_ms: int = 20
    send: bool = True
    receive: bool = True
    srtp: SrtpKeys | None = None
    rtcp_port: int | None = None
    sources: tuple[str, ...] = ()


class MediaSession(Protocol):
    """RTP of one call: a ``contracts.PcmStream`` and what SIP must tell it. Plain calls that never raise and never
    block; after ``close`` all are harmless."""

    rate: int
    on_frame: Callable[[bytes], None]
    on_digit: Callable[[str], None]
    """A key by RFC 4733, once per press."""
    taken: int
    """Frames handed over that went out (media/sound_check.py)."""

    @property
    def port(self) -> int:
        """Our RTP port, for SDP; RTCP is on the next."""

    def plan(self, plan: MediaPlan) -> None:
        """The first time: begin. Later (re-INVITE, UPDATE, another early dialog): learn the far end's address anew."""

    def send(self, frame: bytes) -> None: ...
    def send_digits(self, digits: str, *, tone_ms: int = 160, gap_ms: int = 100) -> float:
        """Press keys by RFC 4733 after those still being pressed; seconds until the last is over."""

    def heard_ago(self) -> float | None:
        """Seconds since a packet came that counted, None before the first."""

    def stats(self) -> MediaStats: ...
    def close(self) -> None: ...


class MediaPorts(Protocol):
    """Where sessions come from."""

    async def open(self) -> MediaSession:
        """A session on a free pair of ports of our address. Raises Busy when there is none."""

    def close(self) -> None:
        """Close all sessions that are left."""
