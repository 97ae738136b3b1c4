"""What this agent listens on, each because of a setting: for the log, the status, and whoever looks after the site."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.config import AgentConfig, GatewayConfig, SipConfig
from edge_agent.config.kinds import speaks_sip
from edge_agent.control.requests import SOCKET
from edge_agent.devices.profiles import Profiles


@dataclass(frozen=True, slots=True)
class Listener:
    """``protocol``: tcp, udp or unix, whose ``address`` is a path. ``ports``: 5060, or 17000-17999; 0 is any free one.

    ``because``: the setting of agent.yaml that turned it on. ``what``: for people.
    """

    protocol: str
    address: str
    ports: str
    because: str
    what: str

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        where = f"{host}:{self.ports}" if self.ports else self.address
        return f"{self.protocol} {where} ({self.because}: {self.what})"


def listeners(config: AgentConfig, profiles: Profiles) -> tuple[Listener, ...]:
    """All of them. SIP and gateways' ports are open while a device that needs them is, RTP's while there are calls."""
    return tuple(_all(config, profiles))


def _all(config: AgentConfig, profiles: Profiles) -> Iterator[Listener]:
    control = str(config.data_dir / SOCKET)
    yield Listener("unix", control, "", "data_dir", "commands on site, mode 0600")
    if config.status.port is not None:
        yield Listener("tcp", "127.0.0.1", str(config.status.port), "status.port", "status page, this machine only")
    devices = config.devices or ()
    sip = config.sip
    if sip is None or not any(speaks_sip(device) for device in devices):
        return
    yield from _of_sip(sip)
    for device in devices:
        if isinstance(device, GatewayConfig) and device.enabled and device.profile in profiles.gateway_names:
            yield from _of_gateway(device, profiles, sip.listen)


def _of_sip(sip: SipConfig) -> Iterator[Listener]:
    yield Listener("udp", sip.listen, str(sip.port), "sip.listen, sip.port", "SIP")
    if sip.tls_port is not None:
        yield Listener("tcp", sip.listen, str(sip.tls_port), "sip.tls_port", "SIP over TLS")
    yield Listener("udp", sip.listen, sip.rtp_ports, "sip.rtp_ports", "sound, while there are calls")


def _of_gateway(gateway: GatewayConfig, profiles: Profiles, listen: str) -> Iterator[Listener]:
    """Where we wait for what the box sends by itself; which boxes do is in their drivers."""
    from edge_agent.devices.gateways import tongue_of

    known = profiles.gateway(gateway.profile).profile
    tongue = tongue_of(gateway, known)
    given = gateway.management
    port = given.listen_port or known.management.listen_port
    options = {**known.management.options, **given.options}
    setting = "management.listen_port" if given.listen_port else f"profile {gateway.profile}"
    because = f"device {gateway.id}, {setting}"
    if tongue == "goip":
        from edge_agent.drivers.gateway.goip import PORT

        yield Listener("udp", listen, str(PORT if port is None else port), because, "the box's SMS server")
    elif (tongue == "dinstar" and port is not None) or (tongue == "openvox" and options.get("received") == "http"):
        yield Listener("tcp", listen, str(port or 0), because, "the box's webhooks, from its own address only")
