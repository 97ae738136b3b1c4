"""Speech at the AT interface: the PCM line on and off, DTMF out and in (SIMCom +CPCMREG, Huawei ^DDSETEX)."""

from __future__ import annotations

from simulator.modem.call_part import CallPart
from simulator.modem.command_line import Command
from simulator.modem.core import Core
from simulator.modem.errors import BAD_PARAMETER, NOT_ALLOWED, CmeError
from simulator.modem.interpreter import OK, Handler, Reply
from simulator.modem.voice_audio import ModemAudio
from simulator.tones import DIGITS

SHORTEST_TONE_MS = 70


class VoicePart:
    """Switches the audio of the call that `calls` holds."""

    def __init__(self, core: Core, calls: CallPart, audio: ModemAudio) -> None:
        self._core = core
        self._calls = calls
        self._audio = audio
        self._wanted = False
        audio.on_digit = self.heard

    def handlers(self) -> dict[str, Handler]:
        """Name of command → handler."""
        common: dict[str, Handler] = {"+VTS": self._tones}
        if self._core.profile.family == "simcom":
            return common | {"+CPCMREG": self._simcom_pcm, "+DDET": self._simcom_detection}
        return common | {
            "^DDSETEX": self._huawei_pcm,
            "^CVOICE": self._huawei_voice,
            "^DTMF": self._huawei_tone,
            "^DDTMFCFG": self._huawei_detection,
        }

    def call_answered(self) -> None:
        """Audio that was asked for before the answer starts now."""
        if self._wanted:
            self._audio.switch(True)

    def calls_over(self) -> None:
        """No call is left: audio has to be asked for again."""
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

    def _huawei_voice(self, command: Command) -> Reply:
        return ["^CVOICE:0,8000,16,20"] if command.how == "?" else OK

    def _simcom_detection(self, command: Command) -> Reply:
        reply = self._core.values.handle(command)
        self._audio.detecting = self._core.values.number("+DDET") == 1
        return reply

    def _huawei_detection(self, command: Command) -> Reply:
        reply = self._core.values.handle(command)
        self._audio.detecting = self._core.values.number("^DDTMFCFG", 1) == 1
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
        simcom = self._core.profile.family == "simcom"
        self._core.urc(f"+RXDTMF: {digit}" if simcom else f"^DDTMF: {digit}")
