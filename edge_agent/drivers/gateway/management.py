"""What a gateway's own tongue gives the agent, whichever vendor's it is; calls go by SIP beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from edge_agent.contracts import Core, SmsService, UssdService
from telecore.ids import E164, ChannelId, DeviceId
from telecore.model import DeviceIdentity


@dataclass(frozen=True, slots=True)
class ManagedLine:
    """``name``: what the box calls the line (``goip01``, port ``0``, span ``2``, …). ``number``: the SIM's own."""

    channel: ChannelId
    name: str
    number: E164 | None = None
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ManagementSettings:
    """How the box is reached. ``host``: its address; ``port`` None: the family's usual one.

    ``listen``, ``listen_port``: where we wait for what it sends by itself (GoIP's UDP, webhooks). ``url``: instead of
    host and port, for HTTP.

    ``options``: what only one family knows, from its profile.
    """

    device: DeviceId
    host: str
    port: int | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    url: str = ""
    listen: str = "127.0.0.1"
    listen_port: int | None = None
    lines: tuple[ManagedLine, ...] = ()
    poll_s: float = 15.0
    options: Mapping[str, str] = field(default_factory=dict)


class Management(Protocol):
    """A vendor's own tongue. One object lives for one opening, as a Device does.

    What comes in is told to ``core``: ``part`` for received SMS (stored when it returns: only then is it acknowledged
    to or deleted from the box), ``report``, ``radio`` for every line once at the start and on each change, ``ussd``,
    ``stored``. A send whose answer is lost is OutcomeUnknown and never sent again by itself.
    """

    @property
    def identity(self) -> DeviceIdentity: ...
    @property
    def lines(self) -> Sequence[ManagedLine]: ...
    async def open(self) -> None:
        """Reach it and learn what it is. Raises DeviceLost, DeviceRefused (a wrong password, …), TimedOut."""

    async def run(self, core: Core) -> None:
        """Serve until the box is lost: DeviceLost."""

    def sms(self, line: ManagedLine) -> SmsService | None: ...
    def ussd(self, line: ManagedLine) -> UssdService | None: ...
    async def restart_line(self, line: ManagedLine) -> str:
        """Reset the line's GSM module; what was done, in a few words. Raises DeviceRefused, DeviceLost."""

    async def restart(self) -> str:
        """Restart the whole box. Raises DeviceRefused when its tongue has no such command."""

    async def close(self) -> None:
        """Never raises, bounded in time."""


@runtime_checkable
class TellsCauses(Protocol):
    """A tongue that tells why calls ended, which the box's SIP does not."""

    @property
    def tells_causes(self) -> bool:
        """Whether it does, as it is set up here."""

    def call_cause(self, line: ManagedLine, since: float) -> int | None:
        """Q.850 of the line's last call, if it ended after ``since`` (the loop's clock); None: not told."""
