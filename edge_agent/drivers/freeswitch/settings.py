"""What a site says of its FreeSWITCH."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent.drivers.sip.settings import LineSettings, PeerSettings, SipQuirks
from telecore.ids import E164, ChannelId, DeviceId

DIAL_STRING = "sofia/gateway/{trunk}/{number}"


@dataclass(frozen=True, slots=True)
class TrunkSettings:
    """One trunk of a FreeSWITCH: a gateway of its mod_sofia, and a channel of ours.

    ``gateway``: its name there, and the user part of the calls that FreeSWITCH hands to us from it. ``dial_string``: as
    FreeSWITCH's ``originate`` takes it, with ``{trunk}``, ``{number}`` (as it is dialled, +856…) and ``{digits}`` (the
    same without the plus). ``number``: what the trunk shows callees; ``max_calls``: at once, both directions together.
    """

    channel: ChannelId
    gateway: str
    dial_string: str = DIAL_STRING
    number: E164 | None = None
    numbers: tuple[E164, ...] = ()
    max_calls: int = 30


@dataclass(frozen=True, slots=True)
class FreeswitchSettings:
    """One FreeSWITCH. ``host`` and ``port``: its event socket; ``sip_host`` and ``sip_port``: the profile towards us.

    ``agent_profile``: that profile's name; by it FreeSWITCH calls our SIP address. ``poll_s``: how often trunks are
    asked for, which is also how soon a FreeSWITCH that hangs is found out.
    """

    device: DeviceId
    password: str = field(repr=False)
    trunks: tuple[TrunkSettings, ...]
    host: str = "127.0.0.1"
    port: int = 8021
    sip_host: str = "127.0.0.1"
    sip_port: int = 5080
    agent_profile: str = "agent"
    poll_s: float = 10.0
    ring_limit_s: int = 180


def peer_of(settings: FreeswitchSettings) -> PeerSettings:
    """FreeSWITCH as a far end of our SIP: a peer known by its address, with a line for each trunk."""
    lines = tuple(LineSettings(trunk.channel, trunk.gateway, number=trunk.number) for trunk in settings.trunks)
    return PeerSettings(
        device=settings.device,
        host=settings.sip_host,
        port=settings.sip_port,
        lines=lines,
        max_calls=max((trunk.max_calls for trunk in settings.trunks), default=1),
        quirks=SipQuirks(rtp_dead_s=0.0),
    )
