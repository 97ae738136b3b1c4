"""Quectel's switches for unsolicited codes: AT+QINDCFG."""

from __future__ import annotations

from simulator.modem.command_line import Command
from simulator.modem.core import Core
from simulator.modem.errors import BAD_PARAMETER, NOT_SUPPORTED, CmeError
from simulator.modem.interpreter import OK, Handler, Reply

KINDS = ("csq", "smsfull", "ring", "act", "ccinfo")


class QuectelPart:
    """The stored value of a kind is the setting ``+QINDCFG/<kind>``."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def handlers(self) -> dict[str, Handler]:
        """Name of command → handler."""
        return {"+QINDCFG": self._configure} if self._core.profile.family == "quectel" else {}

    def _configure(self, command: Command) -> Reply:
        if command.how != "=":
            return OK
        kind = command.field(0)
        if kind not in KINDS:
            raise CmeError(BAD_PARAMETER)
        if kind == "ccinfo" and self._core.habits.dsci:
            raise CmeError(NOT_SUPPORTED)  # firmware that knows ^DSCI only
        setting = f"+QINDCFG/{kind}"
        if not command.field(1):
            return [f'+QINDCFG: "{kind}",{self._core.values.number(setting)}']
        self._core.values.set(setting, str(command.number(1)))
        return OK
