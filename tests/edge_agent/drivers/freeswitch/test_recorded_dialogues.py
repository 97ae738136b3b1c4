"""The driver with what FreeSWITCH 1.10 and 1.11 said, as ``test_with_real_freeswitch.py`` recorded it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from edge_agent.contracts import RadioService, VoiceCall, VoiceEvent
from edge_agent.drivers.freeswitch.settings import FreeswitchSettings, TrunkSettings
from edge_agent.drivers.freeswitch.switch import FreeswitchDevice
from telecore.errors import DeviceLost
from telecore.ids import E164, ChannelId, DeviceId
from telecore.model import ChannelState
from tests.edge_agent.drivers.freeswitch.scenes import CAUSES, SCENES
from tests.fakes.agent_legs import AgentLegs
from tests.fakes.esl_dialogue import ReplayedEventSocket, load
from tests.fakes.event_socket import PASSWORD
from tests.fakes.gateway_core import GatewayCore

DIALOGUES = sorted((Path(__file__).parent / "dialogues").glob("*.jsonl"))
CHANNEL = ChannelId("site-1/fs/trunk1")
OURS = E164("+85621000111")


class Replay(ReplayedEventSocket):
    """Our legs appear when FreeSWITCH is told to call us."""

    def __init__(self, path: Path) -> None:
        super().__init__(load(path))
        self.legs = AgentLegs()

    async def _take(self, command: str, writer: asyncio.StreamWriter) -> None:
        if command.startswith("bgapi originate"):
            for user in tuple(self.legs.claims):
                self.legs.appear(user)
        await super()._take(command, writer)


class ReplayedScene:
    def __init__(self, device: FreeswitchDevice) -> None:
        self.device = device
        self.core = GatewayCore()
        self.events: list[VoiceEvent] = []

    @property
    def radio(self) -> RadioService:
        radio = self.device.channels[0].radio
        assert radio is not None
        return radio

    async def dial(self) -> VoiceCall:
        voice = self.device.channels[0].voice
        assert voice is not None
        return await voice.dial("+85620123456", self.events.append, OURS)

    async def told(self, *kinds: str) -> None:
        """Events of a replay come faster than they did: those wanted are among them, in their order."""
        await self._until(lambda: len(self.events) >= len(kinds))
        assert [event.kind.value for event in self.events][: len(kinds)] == list(kinds)

    async def stands(self, state: ChannelState) -> None:
        await self._until(lambda: any(status.state is state for _, status in self.core.radios))

    async def carrier(self, what: str) -> None:
        del what

    async def _until(self, wanted: object) -> None:
        assert callable(wanted)
        for _ in range(1000):
            if wanted():
                return
            await asyncio.sleep(0.002)
        raise AssertionError("not in time")


def test_there_are_dialogues_of_both_versions() -> None:
    assert {path.stem for path in DIALOGUES} == {f"{version}-{name}" for version in ("1.10", "1.11") for name in SCENES}


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
async def test_the_driver_says_and_understands_what_it_did(path: Path) -> None:
    version, name = path.stem.split("-")
    async with Replay(path) as fake:
        trunk = TrunkSettings(CHANNEL, "trunk1", number=OURS)
        settings = FreeswitchSettings(DeviceId("fs"), PASSWORD, (trunk,), port=fake.port, poll_s=1000)
        device = FreeswitchDevice(settings, fake.legs, lambda: "127.0.0.1:5060")
        scene = ReplayedScene(device)
        await device.open()
        running = asyncio.create_task(device.run(scene.core))
        await SCENES[name](scene)
        running.cancel()
        with suppress(asyncio.CancelledError, DeviceLost):
            await running
        await device.close()
    assert fake.missed == []
    assert fake.records == []
    assert device.identity.revision.startswith(version)
    if name in CAUSES:
        assert scene.events[-1].cause == CAUSES[name]


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
def test_nothing_of_the_machine_is_in_a_dialogue(path: Path) -> None:
    text = path.read_text()
    assert not [word for word in ("Hostname", "/tmp", "/opt", "/usr", "secret", "Core-UUID", "IPv4") if word in text]
