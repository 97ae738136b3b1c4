"""The whole lab in one object: the network and the modems on their pseudo terminals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from simulator.faults import Fault
from simulator.gateway.gateway import Gateway
from simulator.gateway.line import Line
from simulator.identity import imei
from simulator.modem.modem import Modem
from simulator.modem.profile import Profile, Sound
from simulator.modem.voice_audio import NoPcmLine
from simulator.network import Network
from simulator.ports import AtPort, PcmPort, Pty
from simulator.timing import Handle

log = logging.getLogger(__name__)

RELEASE_EVERY_S = 1.0


class Lab:
    """Modems 1 to N, each with two pseudo terminals in `device_dir`, and the network they are in."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        network: Network,
        device_dir: Path,
        profiles: Sequence[Profile],
    ) -> None:
        self.network = network
        self.gateways: list[Gateway] = []
        self.modems: list[Modem] = []
        self.at_ports: list[AtPort] = []
        self.pcm_ports: list[PcmPort | None] = []
        self._timer: Handle | None = None
        for index, sim in enumerate(network.modem_sims, 1):
            at_port = AtPort(loop, device_dir / f"{sim.device}-at")
            profile = profiles[(index - 1) % len(profiles)]
            mute = profile.sound is Sound.NONE
            pcm_port = None if mute else PcmPort(loop, device_dir / f"{sim.device}-pcm")
            pcm_line = pcm_port or NoPcmLine()
            modem = Modem(profile, sim, imei(index), network=network, at_line=at_port, pcm_line=pcm_line)
            at_port.on_bytes = modem.received
            self.modems.append(modem)
            self.at_ports.append(at_port)
            self.pcm_ports.append(pcm_port)
        network.faults.watchers.append(self._fault_changed)

    def start(self) -> None:
        """Plug everything in and switch it on."""
        for port in self._ports():
            port.plug()
        for modem in self.modems:
            modem.start()
        self._release()

    def stop(self) -> None:
        """Take the devices away."""
        if self._timer is not None:
            self._timer.cancel()
        for port in self._ports():
            port.unplug()

    @property
    def lines(self) -> list[Line]:
        """The lines of all gateways."""
        return [line for gateway in self.gateways for line in gateway.lines]

    def _ports(self) -> list[Pty]:
        return [*self.at_ports, *(port for port in self.pcm_ports if port is not None)]

    def _fault_changed(self, fault: Fault, begins: bool) -> None:
        """A modem that vanished may come back under another name, as USB devices do."""
        if not begins or fault.kind != "modem_unplugged" or not fault.options["moved"]:
            return
        for modem, *ports in zip(self.modems, self.at_ports, self.pcm_ports, strict=True):
            if modem.device in fault.devices:
                for port in ports:
                    if port is not None and not port.plugged:
                        port.link = port.link.with_name(f"{port.link.name}+")

    def _release(self) -> None:
        for port in self._ports():
            port.release()
        self._timer = self.network.timers.after(RELEASE_EVERY_S, self._release)
