"""The whole lab in one object: the network and the modems on their pseudo terminals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from simulator.identity import imei
from simulator.modem.modem import Modem
from simulator.modem.profile import Profile
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
        self.modems: list[Modem] = []
        self.at_ports: list[AtPort] = []
        self.pcm_ports: list[PcmPort] = []
        self._timer: Handle | None = None
        for index, sim in enumerate(network.sims.values(), 1):
            at_port = AtPort(loop, device_dir / f"{sim.device}-at")
            pcm_port = PcmPort(loop, device_dir / f"{sim.device}-pcm")
            profile = profiles[(index - 1) % len(profiles)]
            modem = Modem(profile, sim, imei(index), network=network, at_line=at_port, pcm_line=pcm_port)
            at_port.on_bytes = modem.received
            self.modems.append(modem)
            self.at_ports.append(at_port)
            self.pcm_ports.append(pcm_port)

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

    def _ports(self) -> list[Pty]:
        return [*self.at_ports, *self.pcm_ports]

    def _release(self) -> None:
        for port in self._ports():
            port.release()
        self._timer = self.network.timers.after(RELEASE_EVERY_S, self._release)
