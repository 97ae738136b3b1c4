"""Calls of a modem's driver on a scripted port, with the port of its sound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edge_agent.contracts import VoiceEvent, VoiceEventKind
from edge_agent.drivers.at_modem.audio import PcmLine
from edge_agent.drivers.at_modem.dialogue import ByteStream, Dialogue
from edge_agent.drivers.at_modem.engine import Urc
from edge_agent.drivers.at_modem.profile import AtProfile, AudioKind
from edge_agent.drivers.at_modem.voice import AtVoice


class PcmPort:
    """A port that keeps what is written."""

    def __init__(self) -> None:
        self.on_data: Callable[[bytes], None] = lambda data: None
        self.on_lost: Callable[[Exception], None] = lambda error: None
        self.frames: list[bytes] = []
        self.unsent = 0

    def write(self, data: bytes) -> bool:
        self.frames.append(data)
        return True


class ServedVoice(AtVoice):
    """A driver's calls, with what tests look at."""

    pcm_port: PcmPort
    dialogue: Dialogue
    task: asyncio.Future[None]


def serve_voice(port: ByteStream, core: object, profile: AtProfile) -> ServedVoice:
    """Start it; unsolicited lines reach it as the profile's rules read them."""
    dialogue, pcm, audio = Dialogue(port, profile.grammar), PcmPort(), profile.audio
    line = PcmLine(pcm, audio.pacing, audio.write_frames) if audio.kind is not AudioKind.NONE else None
    voice = ServedVoice(dialogue, profile, "site-1/modem1", line)  # type: ignore[arg-type]
    voice.pcm_port, voice.dialogue = pcm, dialogue

    def on_urc(urc: Urc) -> None:
        for pattern, event in profile.rules:
            if match := pattern.fullmatch(urc.text):
                voice.on_urc(
                    urc, event, {name: value for name, value in match.groupdict().items() if value is not None}
                )
                return
        voice.on_urc(urc, None, {})

    dialogue.on_urc = on_urc
    voice.task = asyncio.ensure_future(voice.run(core))  # type: ignore[arg-type]
    return voice


def kinds(events: list[VoiceEvent]) -> list[VoiceEventKind]:
    return [event.kind for event in events]
