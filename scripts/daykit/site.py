"""The site of the day: simulated modems of several families, and the real agent beside them, joined by memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from edge_agent.agent import agent as agent_module
from edge_agent.agent.agent import Agent
from edge_agent.agent.prepared import Prepared
from edge_agent.blobs import EdgeBlobs
from edge_agent.config import AgentConfig, AudioConfig, DeviceConfig, StatusConfig
from edge_agent.devices.profiles import load_profiles
from edge_agent.drivers.at_modem import modem as modem_module
from edge_agent.drivers.at_modem import net_port as net_port_module
from edge_agent.identity import Identity, JoinStates
from edge_agent.sims.recipes import load_recipes
from edge_agent.spool import Spool
from edge_agent.spool import spool as spool_module
from scripts.daykit.far_end import FarEnd, Hear, PageFor
from scripts.daykit.virtual_time import InlineThread
from scripts.daykit.wires import SoundWire, Wire, WirePort
from simulator import calls
from simulator.identity import imei
from simulator.modem.modem import Modem
from simulator.modem.profile import Profile, Sound
from simulator.modem.voice_audio import NoPcmLine
from simulator.network import Network
from simulator.timing import LoopTimers
from telecore.errors import DeviceLost
from telecore.ids import E164, ChannelId, DeviceId, EdgeId

EDGE = EdgeId("day")


class Site:
    """``network`` is the far side of the modems, ``agent`` the near one, ``cloud`` what commands and hears it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, modems: int, profiles: Sequence[Profile], seed: int) -> None:
        random = Random(seed)
        calls.HISTORY = 1_000_000  # the whole day is compared at its end
        timers = LoopTimers(loop, speed=1.0, random=random, wall=time.time)
        self.network = Network(timers, modems, random, operators=2)
        self.modems: list[Modem] = []
        self.wires: dict[str, Wire] = {}
        for index, sim in enumerate(self.network.sims.values(), 1):
            at, profile = Wire(f"{sim.device}-at"), profiles[(index - 1) % len(profiles)]
            pcm = SoundWire(f"{sim.device}-pcm") if profile.sound is not Sound.NONE else None
            modem = Modem(profile, sim, imei(index), network=self.network, at_line=at, pcm_line=pcm or NoPcmLine())
            at.on_bytes = modem.received
            self.modems.append(modem)
            self.wires |= {wire.path: wire for wire in (at, pcm) if wire is not None}
        self.agent: Agent
        self.cloud: FarEnd

    def channel(self, modem: Modem) -> ChannelId:
        return ChannelId(f"{EDGE}/{modem.device}")

    def speaks(self, modem: Modem) -> bool:
        """Whether it carries calls."""
        return f"{modem.device}-pcm" in self.wires

    def plug_in(self) -> None:
        for wire in self.wires.values():
            wire.plug()
        for modem in self.modems:
            modem.start()

    async def run(self, folder: Path, stop: asyncio.Event, hear: Hear, page: PageFor) -> None:
        """The agent's life on this site. ``hear`` is told its events, ``page`` says what its calls do."""
        self._patch()
        config = AgentConfig(
            data_dir=folder,
            devices=tuple(self._device(modem) for modem in self.modems),
            status=StatusConfig(port=None),
        )
        spool = await Spool.open(folder / "spool.db")
        try:
            blobs = await EdgeBlobs.open(folder / "blobs", clips_bytes=1 << 20)
            site = Prepared(Identity(EDGE, "0" * 64, "ws://nowhere"), JoinStates(), load_profiles(), load_recipes())
            self.agent = Agent(config, site, spool, blobs)
            self.cloud = FarEnd.instances[-1]
            self.cloud.hear, self.cloud.page = hear, page
            await self.agent.run(stop)
            await blobs.close()
        finally:
            await spool.close()

    def _device(self, modem: Modem) -> DeviceConfig:
        return DeviceConfig(
            DeviceId(modem.device),
            f"{modem.device}-at",
            audio=AudioConfig("serial", f"{modem.device}-pcm") if self.speaks(modem) else AudioConfig("none"),
            number=E164(modem.number),
        )

    def _patch(self) -> None:
        """The agent's ports and its uplink are of memory here; all the rest of it is as it is on a site."""
        wires = self.wires

        def port(
            path: str,
            *,
            on_data: Callable[[bytes], None] = lambda data: None,
            on_lost: Callable[[DeviceLost], None] = lambda error: None,
            **_: Any,
        ) -> WirePort:
            return WirePort(wires, path, on_data, on_lost)

        modem_module.SerialPort = port  # type: ignore[assignment,misc]
        net_port_module.SerialPort = port  # type: ignore[assignment,misc]
        agent_module.Uplink = FarEnd  # type: ignore[assignment,misc]
        spool_module.OneThread = InlineThread  # type: ignore[assignment,misc]
