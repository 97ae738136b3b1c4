"""Files that agent.yaml names: relative to its folder, for the agent is started from another. Pure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edge_agent.config.gateways import SipConfig
from edge_agent.config.kinds import AnyDevice
from edge_agent.config.links import SmppConfig


def sip_below(folder: Path, sip: SipConfig | None) -> SipConfig | None:
    """With its certificates and key."""
    if sip is None or sip.tls is None:
        return sip
    tls = sip.tls
    return replace(
        sip,
        tls=replace(
            tls,
            certificate=_below(folder, tls.certificate),
            key=_below(folder, tls.key),
            ca=_below(folder, tls.ca),
        ),
    )


def device_below(folder: Path, device: AnyDevice) -> AnyDevice:
    """With the certificates that a message centre's is checked by."""
    if isinstance(device, SmppConfig) and device.tls_ca:
        return replace(device, tls_ca=str(folder / device.tls_ca))
    return device


def _below(folder: Path, name: str | None) -> str | None:
    return str(folder / name) if name is not None else None
