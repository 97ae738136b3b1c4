"""An AT modem as a Device: opens its ports, learns what it is, and hands each URC to the service it is for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from edge_agent.contracts import Channel, Core, Heal, PinMemory, RadioStatus
from edge_agent.drivers.at_modem.audio import Carrier, PcmLine
from edge_agent.drivers.at_modem.call_end import hang_up_all, list_calls
from edge_agent.drivers.at_modem.dialogue import ByteStream, Dialogue, Priority
from edge_agent.drivers.at_modem.engine import Urc
from edge_agent.drivers.at_modem.grammar import Grammar
from edge_agent.drivers.at_modem.hold import Hold, settings_of
from edge_agent.drivers.at_modem.identify import identify
from edge_agent.drivers.at_modem.inbox import Inbox
from edge_agent.drivers.at_modem.net_port import Login, make_port, open_port
from edge_agent.drivers.at_modem.profile import AtProfile, AudioKind, AudioProfile, UrcEvent
from edge_agent.drivers.at_modem.quirks import LIST_AFTER_NOTICE
from edge_agent.drivers.at_modem.radio import Radio
from edge_agent.drivers.at_modem.serial_port import SerialPort
from edge_agent.drivers.at_modem.sim import SimReader
from edge_agent.drivers.at_modem.sms import AtSms
from edge_agent.drivers.at_modem.sound_card import SoundCard
from edge_agent.drivers.at_modem.storage import Storage
from edge_agent.drivers.at_modem.ussd import AtUssd
from edge_agent.drivers.at_modem.voice import AtVoice
from edge_agent.drivers.together import together
from telecore import redact
from telecore.errors import DeviceLost, DeviceRefused, RemoteProtocolError, TimedOut
from telecore.events import ChannelHealed
from telecore.ids import E164, ChannelId, DeviceId, Iccid
from telecore.model import DeviceIdentity, Service

log = logging.getLogger(__name__)

SYNC_LIMIT_S = 20.0
CLOSE_LIMIT_S = 4.0
STEPS_EVERY_S = 60.0
HEAL_PAUSE_S = 1.0
_RESTARTED = frozenset({"RDY", "^SYSSTART"})


@dataclass(frozen=True, slots=True)
class ModemSettings:
    """One modem of a site. ``audio_port``: its second serial port; without it the modem carries no calls.

    ``capture`` and ``playback``: the ALSA names of a sound card that its sound is wired to instead.
    ``iccid``: the SIM that belongs in it; another one is not put into service. ``login``: for a port on the network.
    """

    id: DeviceId
    channel: ChannelId
    port: str
    audio_port: str | None = None
    baud: int = 115200
    number: E164 | None = None
    pins: Mapping[Iccid, str] = field(default_factory=dict)
    iccid: Iccid | None = None
    pin_memory: PinMemory | None = None
    capture: str | None = None
    playback: str | None = None
    silent: bool = False
    login: Login | None = None


ChooseProfile = Callable[[DeviceIdentity], AtProfile]
TapPort = Callable[[ByteStream], ByteStream]
"""Puts something that listens between the port and the dialogue."""


class AtModem:
    """A Device with one channel. One object lives for one opening; the runner makes a new one after a loss."""

    def __init__(self, settings: ModemSettings, choose: ChooseProfile, tap: TapPort = lambda port: port) -> None:
        self.id = settings.id
        self.identity = DeviceIdentity("", "", "", port=settings.port)
        self.profile = AtProfile()
        self.channels: Sequence[Channel] = ()
        self.refused: list[str] = []
        self._settings = settings
        self._choose = choose
        self._tap = tap
        self._port = make_port(settings.port, baud=settings.baud, login=settings.login)
        self._audio_port: SerialPort | None = None
        self._dialogue: Dialogue | None = None
        self._services: _Services | None = None
        self._steps: asyncio.Queue[str] = asyncio.Queue()
        self._woke = ""

    async def open(self) -> None:
        """See ``contracts.Device``. On an error everything is closed again."""
        opened = False
        try:
            await self._open()
            opened = True
        finally:
            if not opened:
                await self.close()

    async def run(self, core: Core) -> None:
        """See ``contracts.Device``. Ends with DeviceLost; any other exception is a bug."""
        services, dialogue = self._opened()
        await together(
            _until_lost(dialogue),
            self._tell_steps(core),
            services.radio.run(core),
            services.inbox.run(core),
            services.ussd.run(core),
            services.voice.run(core),
        )

    async def _tell_steps(self, core: Core) -> None:
        """The port fell out of step and was brought back; told at most once a minute."""
        while True:
            command = await self._steps.get()
            evidence = (f"no answer to {command} in time", "probed and in step again")
            await core.event(
                ChannelHealed(
                    channel=self._settings.channel, step=Heal.RESYNCHRONISE, outcome="worked", evidence=evidence
                )
            )
            await asyncio.sleep(STEPS_EVERY_S)
            while not self._steps.empty():
                self._steps.get_nowait()

    def _back_in_step(self, command: str) -> None:
        if self._steps.empty():
            self._steps.put_nowait(command)

    async def close(self) -> None:
        """See ``contracts.Device``. A call that is still on the line is hung up first."""
        dialogue, self._dialogue, self._services = self._dialogue, None, None
        if dialogue is not None:
            if not dialogue.lost.done():
                await self._leave_no_call(dialogue)
            dialogue.fail(DeviceLost("closed"))
        self._port.close()
        if self._audio_port is not None:
            self._audio_port.close()

    async def heal(self, step: Heal) -> str:
        """See ``contracts.Device``. Written blindly, for a modem that hangs may still read."""
        commands = self._reset_commands(step)
        await open_port(self._port)
        try:
            for command in commands:
                self._port.write(b"\x1b\r" + command.encode() + b"\r")
                await asyncio.sleep(HEAL_PAUSE_S)
        finally:
            self._port.close()
        return f"{', '.join(commands)} written"

    def _reset_commands(self, step: Heal) -> tuple[str, ...]:
        radio = self.profile.radio
        if not self.identity.manufacturer:
            # +CFUN=1,1 makes a disk of some sticks: what a modem is must be known before it is reset.
            raise DeviceRefused("error", None, "it never said what it is, so its reset is not known")
        if step is Heal.SOFT_RESET:
            return radio.soft_reset
        if radio.restart == radio.soft_reset:
            raise DeviceRefused("error", None, "it has no reset but the standard's")
        return radio.restart

    async def radio_status(self) -> RadioStatus:
        """SIM and registration, asked now; for the probe. Raises what ``Radio.refresh`` raises."""
        services, _ = self._opened()
        return await services.radio.refresh()

    async def ask(self, text: str) -> str | None:
        """What it answers to a command that only asks, in one line; None when it refuses or is silent."""
        _, dialogue = self._opened()
        try:
            async with dialogue.transaction(Priority.POLL) as talk:
                lines = await talk.attempt(self.profile.command(text))
        except TimedOut:
            return None
        return None if lines is None else " ".join(lines) or f"{text}: OK"

    def _opened(self) -> tuple[_Services, Dialogue]:
        if self._services is None or self._dialogue is None:
            raise DeviceLost("not open")
        return self._services, self._dialogue

    async def _open(self) -> None:
        await open_port(self._port)
        dialogue = self._dialogue = Dialogue(self._tap(self._port), Grammar.of())
        dialogue.on_resynchronised = self._back_in_step
        dialogue.resynchronise()
        try:
            async with asyncio.timeout(SYNC_LIMIT_S):
                await dialogue.ready()
        except TimeoutError:
            raise DeviceLost(f"{self._settings.port}: does not answer AT") from None
        identity = await identify(dialogue, self._settings.port)
        self.profile = self._with_card(self._choose(identity))
        self.identity = replace(identity, profile=self.profile.name)
        dialogue.engine.grammar = self.profile.grammar
        async with dialogue.transaction(Priority.POLL) as talk:
            self._woke = await settings_of(talk)
        await self._initialise(dialogue)
        self._build(dialogue)

    async def _initialise(self, dialogue: Dialogue) -> None:
        async with dialogue.transaction(Priority.POLL) as talk:
            for text in (*self.profile.init, *self.profile.call.waiting, *self.profile.audio.prepare):
                if await talk.attempt(self.profile.command(text)) is None:
                    self.refused.append(text)
                    log.info("%s: the modem refuses %s", self.id, text)
        if await list_calls(dialogue, self.profile):
            log.warning("%s: hanging up a call that an earlier process left", self.id)
            await hang_up_all(dialogue, self.profile)

    def _build(self, dialogue: Dialogue) -> None:
        profile, channel = self.profile, self._settings.channel
        storage = Storage(dialogue, profile, channel)
        hold = Hold(dialogue, profile, storage, self.identity.imei or "", self._woke)
        inbox = Inbox(dialogue, profile, channel, storage, hold.prepared)
        sim = SimReader(dialogue, profile, self._settings.pins, self._settings.number, self._settings.pin_memory)
        pcm = self._open_audio(dialogue)
        voice = AtVoice(dialogue, profile, channel, pcm)
        services = self._services = _Services(
            Radio(dialogue, profile, channel, sim, inbox.prepare, iccid=self._settings.iccid, verify=inbox.verify),
            inbox,
            AtSms(dialogue, profile, hold),
            AtUssd(dialogue, profile, channel, lambda: voice.busy),
            voice,
        )
        offers = profile.services
        self.channels = (
            Channel(
                channel,
                services.radio,
                services.sms if Service.SMS in offers else None,
                services.ussd if Service.USSD in offers else None,
                services.voice if Service.VOICE in offers and pcm is not None else None,
            ),
        )
        dialogue.on_urc = self._on_urc

    def _with_card(self, profile: AtProfile) -> AtProfile:
        """The profile as it is where the site names a sound card."""
        settings = self._settings
        if settings.capture is None:
            return profile
        audio = profile.sound_card or AudioProfile(AudioKind.ANALOG)
        return replace(profile, audio=audio if audio.kind is not AudioKind.NONE else AudioProfile(AudioKind.ANALOG))

    def _open_audio(self, dialogue: Dialogue) -> Carrier | None:
        audio, path = self.profile.audio, self._settings.audio_port
        if self._settings.silent:
            return None
        if audio.kind in (AudioKind.USB, AudioKind.ANALOG):
            capture = self._settings.capture or audio.card
            return SoundCard(capture, self._settings.playback or capture) if capture else None
        if path is None or audio.kind is not AudioKind.SERIAL:
            return None
        self._audio_port = SerialPort(path, baud=audio.baud, rtscts=audio.rtscts, on_lost=dialogue.fail)
        self._audio_port.open()
        return PcmLine(self._audio_port, audio.pacing, audio.write_frames)

    async def _leave_no_call(self, dialogue: Dialogue) -> None:
        try:
            async with asyncio.timeout(CLOSE_LIMIT_S):
                if await list_calls(dialogue, self.profile):
                    await hang_up_all(dialogue, self.profile)
        except (TimeoutError, TimedOut, DeviceLost, RemoteProtocolError) as error:
            log.info("%s: closing: %s", self.id, error or "no answer")

    def _on_urc(self, urc: Urc) -> None:
        services = self._services
        if services is None:
            return
        if urc.text in _RESTARTED and self._dialogue is not None:
            self._dialogue.fail(DeviceLost("the modem restarted by itself"))
            return
        event, groups = self._read(urc.text)
        if event is UrcEvent.SMS_FULL:
            services.inbox.sweep()
        elif event not in (UrcEvent.NOISE, UrcEvent.SIGNAL):
            self._hand_to_service(services, urc, event, groups)

    def _hand_to_service(
        self, services: _Services, urc: Urc, event: UrcEvent | None, groups: Mapping[str, str]
    ) -> None:
        if services.inbox.on_urc(urc):
            if LIST_AFTER_NOTICE in self.profile.quirks:
                services.inbox.sweep()
            return
        taken = (
            services.ussd.on_urc(urc) or services.voice.on_urc(urc, event, groups) or services.radio.on_urc(urc, event)
        )
        if not taken:
            log.debug("%s: not understood: %s", self.id, _shown(urc.text))

    def _read(self, text: str) -> tuple[UrcEvent | None, Mapping[str, str]]:
        for pattern, event in self.profile.rules:
            if match := pattern.fullmatch(text):
                return event, {name: value for name, value in match.groupdict().items() if value is not None}
        return None, {}


@dataclass(frozen=True, slots=True)
class _Services:
    radio: Radio
    inbox: Inbox
    sms: AtSms
    ussd: AtUssd
    voice: AtVoice


async def _until_lost(dialogue: Dialogue) -> None:
    raise await asyncio.shield(dialogue.lost)


def _shown(urc: str) -> str:
    """Its name. What has none may be a text that somebody was sent."""
    name, colon, _ = urc.partition(":")
    return name if colon and name[:1] in "+^*$%#" else redact.text(urc)
