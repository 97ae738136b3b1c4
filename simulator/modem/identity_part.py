"""Who the modem is, and commands that only have to be polite."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from simulator.modem.command_line import Command
from simulator.modem.core import Core
from simulator.modem.errors import BAD_PARAMETER, NOT_SUPPORTED, CmeError
from simulator.modem.interpreter import OK, Handler, Reply

ZONE = timedelta(hours=7)


class IdentityPart:
    """AT+CGMI and its kin, ATI, ATZ, the clock, the battery."""

    def __init__(self, core: Core, all_names: Callable[[], list[str]]) -> None:
        self._core = core
        self._all_names = all_names

    def handlers(self) -> dict[str, Handler]:
        """Name of command → handler."""
        profile = self._core.profile
        revision = f"+CGMR: {profile.revision}" if profile.revision_prefixed else profile.revision
        named: dict[str, Handler] = {}
        for names, text in (
            ("+CGMI +GMI", profile.manufacturer),
            ("+CGMM +GMM", profile.model),
            ("+CGMR +GMR", revision),
            ("+CGSN +GSN", self._core.imei),
            ("+GCAP", "+GCAP: +CGSM,+FCLASS"),
            ("+CBC", profile.battery),
            *profile.fixed.items(),
        ):
            named |= {name: self._fixed(text) for name in names.split()}
        return named | {
            "I": self._identify,
            "Z": self._reset_values,
            "&F": self._reset_values,
            "+CLAC": lambda _: sorted(self._all_names()),
            "+CCLK": self._clock,
            "+CSTA": self._type_of_address,
            "S0": self._register,
            "S3": self._register,
            "S4": self._register,
            "S7": self._register,
            "+MODE": self._refused,
            "O": self._refused,
        }

    def _fixed(self, text: str) -> Handler:
        def answer(command: Command) -> Reply:
            if command.how == "=?":
                return OK
            if command.how == "=":
                raise CmeError(BAD_PARAMETER)
            return [text]

        return answer

    def _identify(self, command: Command) -> Reply:
        del command
        profile = self._core.profile
        return [
            f"Manufacturer: {profile.manufacturer}",
            f"Model: {profile.model}",
            f"Revision: {profile.revision}",
            f"IMEI: {self._core.imei}",
            "+GCAP: +CGSM,+FCLASS",
        ]

    def _reset_values(self, command: Command) -> Reply:
        del command
        self._core.values.reset()
        self._core.values.set("+CMEE", str(self._core.profile.cmee))
        return OK

    def _clock(self, command: Command) -> Reply:
        if command.how != "?":
            return OK
        local = datetime.fromtimestamp(self._core.timers.now(), UTC) + ZONE
        return [f'+CCLK: "{local:%y/%m/%d,%H:%M:%S}+28"']

    def _type_of_address(self, command: Command) -> Reply:
        return ["+CSTA: 145"] if command.how == "?" else OK

    def _register(self, command: Command) -> Reply:
        return ["000"] if command.how == "?" else OK

    def _refused(self, command: Command) -> Reply:
        raise CmeError(NOT_SUPPORTED)
