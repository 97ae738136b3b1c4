"""Speech at the AT interface: the PCM line on and off (+CPCMREG, ^DDSETEX, +QPCMV), DTMF out and in."""

from __future__ import annotations

from simulator.modem.call_part import CallPart
from simulator.modem.command_line import Command
from simulator.modem.core import Core
from simulator.modem.errors import BAD_PARAMETER, NOT_ALLOWED, CmeError
from simulator.modem.interpreter import OK, Handler, Reply
from simulator.modem.profile import Sound
from simulator.modem.voice_audio import ModemAudio
from simulator.tones import DIGITS

SHORTEST_TONE_MS = 70
QUECTEL_PAUSE_BYTES, QUECTEL_RESUME_BYTES = 6400, 3200
NMEA, SOUND_CARD = 0, 2


class VoicePart:
    """Switches the audio of the call that `calls` holds."""

    def __init__(self, core: Core, calls: CallPart, audio: ModemAudio) -> None:
        self._core = core
        self._calls = calls
        self._audio = audio
        self._wanted = False
        self._stale = False  # Quectel: left on after a call, it has to be switched off and on again
        self._answered = 0
        self._refuse_next = False
        audio.on_digit = self.heard
        audio.written_frames = core.profile.written_frames
        if core.profile.sound is Sound.QUECTEL:
            audio.flow_limits = QUECTEL_RESUME_BYTES, QUECTEL_PAUSE_BYTES
            audio.on_flow = lambda ready: core.urc(f"+QPCMV: {int(ready)},0")

    def handlers(self) -> dict[str, Handler]:
        """Name of command → handler."""
        switches: dict[Sound, dict[str, Handler]] = {
            Sound.SIMCOM: {"+CPCMREG": self._simcom_pcm},
            Sound.HUAWEI: {"^DDSETEX": self._huawei_pcm, "^DTMF": self._huawei_tone},
            Sound.QUECTEL: {"+QPCMV": self._quectel_pcm},
        }
        named: dict[str, Handler] = {"+VTS": self._tones} | switches.get(self._core.profile.sound, {})
        detection = self._core.profile.tone_switch[0]
        return named | ({detection: self._detection} if detection else {})

    def power_on(self) -> None:
        """A reset mends what many calls have worn."""
        self._answered, self._refuse_next, self._stale = 0, False, False
        self._audio.uplink_silent = self._core.habits.uplink_silent
        self.calls_over()

    def call_answered(self) -> None:
        """Audio that was asked for before the answer starts now."""
        self._answered += 1
        limit = self._core.habits.degraded_after_calls
        worn = bool(limit) and self._answered > limit
        self._refuse_next = worn
        self._audio.uplink_silent = worn or self._core.habits.uplink_silent
        if self._wanted and not self._stale:
            self._audio.switch(True)

    def calls_over(self) -> None:
        """No call is left: audio has to be asked for again."""
        if self._core.profile.sound is Sound.QUECTEL:
            self._stale = self._stale or (self._wanted and self._answered > 0)
        else:
            self._wanted = False

    def _simcom_pcm(self, command: Command) -> Reply:
        if command.how == "=?":
            return ["+CPCMREG: (0,1)"]
        if command.how == "?":
            return [f"+CPCMREG: {int(self._audio.on)}"]
        wanted = command.number(0)
        if wanted > 1:
            raise CmeError(BAD_PARAMETER)
        if wanted and self._calls.speaking() is None:
            raise CmeError(NOT_ALLOWED)
        if wanted and self._refuse_next:
            self._refuse_next = False
            raise CmeError(NOT_ALLOWED)
        self._audio.switch(bool(wanted))
        return OK

    def _huawei_pcm(self, command: Command) -> Reply:
        if command.number(0) != 2:
            raise CmeError(BAD_PARAMETER)
        if not self._calls.lines:
            raise CmeError(NOT_ALLOWED)
        self._wanted = True
        if self._calls.speaking() is not None:
            self._audio.switch(True)
        return OK

    def _quectel_pcm(self, command: Command) -> Reply:
        """In a call or before it; after each call off, before the next on again."""
        if command.how == "=?":
            return ["+QPCMV: (0,1),(0,2)"]
        if command.how == "?":
            return [f"+QPCMV: {int(self._wanted)},{NMEA}"]
        on, way = command.number(0), command.number(1, NMEA)
        if on > 1 or way not in (NMEA, SOUND_CARD):
            raise CmeError(BAD_PARAMETER)
        if not on:
            self._wanted = self._stale = False
            self._audio.switch(False)
            return OK
        if way == SOUND_CARD:
            raise CmeError(NOT_ALLOWED)  # this modem has no USB sound card
        self._wanted = True
        if self._calls.speaking() is not None and not self._stale:
            self._audio.switch(True)
        return OK

    def _detection(self, command: Command) -> Reply:
        reply = self._core.values.handle(command)
        self._audio.detecting = self._core.values.number(*self._core.profile.tone_switch) == 1
        return reply

    def _tones(self, command: Command) -> Reply:
        if command.how == "=?":
            return ["+VTS: (0-9,A-D,*,#),(1-255)"]
        tenths = self._core.values.number("+VTD")
        text = command.text
        if text.startswith("{"):  # 27.007 §C.2.11: {digit,duration},…
            for group in text.strip("{}").split("},{"):
                digit, _, duration = group.partition(",")
                self._press(digit.strip('"'), int(duration) if duration.isdecimal() else tenths)
            return OK
        digits, duration = command.field(0), command.field(1)
        if duration.isdecimal():
            tenths = int(duration)
        for digit in digits.replace(",", ""):
            self._press(digit, tenths)
        if not digits:
            raise CmeError(BAD_PARAMETER)
        return OK

    def _huawei_tone(self, command: Command) -> Reply:
        command.number(0)
        self._press(command.field(1), self._core.values.number("+VTD"))
        return OK

    def _press(self, digit: str, tenths: int) -> None:
        if digit.upper() not in DIGITS or len(digit) != 1:
            raise CmeError(BAD_PARAMETER)
        if self._calls.speaking() is None:
            raise CmeError(NOT_ALLOWED)
        self._audio.press(digit.upper(), max(SHORTEST_TONE_MS, tenths * 100))

    def heard(self, digit: str) -> None:
        """The detector heard a digit."""
        if self._core.profile.digit_urc:
            self._core.urc(self._core.profile.digit_urc.format(digit=digit, ascii=ord(digit)))
