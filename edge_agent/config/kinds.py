"""Every kind of device a site may have: the shape of its section, and what is checked in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.config.gateways import GatewayConfig, TrunkConfig, of_gateway, of_trunk
from edge_agent.config.links import FreeswitchConfig, SmppConfig, of_freeswitch, of_smpp
from edge_agent.config.modems import DeviceConfig, of_modem

AnyDevice = DeviceConfig | GatewayConfig | TrunkConfig | SmppConfig | FreeswitchConfig


@dataclass(frozen=True, slots=True)
class Kind:
    """``check`` yields the path within the device and the sentence of each fault."""

    cls: type[Any]
    check: Callable[[Any], Iterator[tuple[str, str]]]


KINDS: Mapping[str, Kind] = {
    "at_modem": Kind(DeviceConfig, of_modem),
    "gateway": Kind(GatewayConfig, of_gateway),
    "trunk": Kind(TrunkConfig, of_trunk),
    "smpp": Kind(SmppConfig, of_smpp),
    "freeswitch": Kind(FreeswitchConfig, of_freeswitch),
}
"""By the value of ``driver``."""


def speaks_sip(device: AnyDevice) -> bool:
    """Whether it needs the section ``sip``."""
    return isinstance(device, GatewayConfig | TrunkConfig | FreeswitchConfig) and device.enabled
