"""The SIM: is it there, is it open, who is it (27.007 §8.3, 31.102 §4.2)."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass

from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority, Talk
from edge_agent.drivers.at_modem.profile import AtProfile
from edge_agent.drivers.at_modem.replies import (
    only,
    parse_cnum,
    parse_cpin,
    parse_iccid,
    parse_imsi,
    parse_pin_retries,
)
from telecore.errors import DeviceRefused, RemoteProtocolError, TimedOut
from telecore.ids import E164, Iccid, Imsi
from telecore.model import ChannelState, Sim

log = logging.getLogger(__name__)

_ICCID_ANSWER = re.compile(r"(?:[+^][A-Z]+: ?|ICCID: ?)?[\"\d].*")
_CME = {
    10: (ChannelState.ABSENT, "no SIM"),
    13: (ChannelState.FAULTY, "the SIM fails"),
    14: (ChannelState.SEARCHING, "the SIM is busy"),
    15: (ChannelState.FAULTY, "the modem does not accept this SIM"),
    5: (ChannelState.LOCKED, "the modem is locked to another SIM"),
    11: (ChannelState.LOCKED, "the SIM wants its PIN"),
    12: (ChannelState.LOCKED, "the SIM wants its PUK: unlock it in a phone"),
}


@dataclass(frozen=True, slots=True)
class SimTrouble:
    """Why the SIM cannot be used now."""

    state: ChannelState
    reason: str


class SimReader:
    """Reads and unlocks one SIM. A PIN is tried once in the life of the process, and never the last but one time."""

    def __init__(self, dialogue: Dialogue, profile: AtProfile, pins: Mapping[Iccid, str], number: E164 | None) -> None:
        self._dialogue = dialogue
        self._profile = profile
        self._pins = pins
        self._number = number
        self._tried: set[Iccid] = set()

    async def trouble(self) -> SimTrouble | None:
        """What keeps the SIM from working; None when it is ready. Enters the PIN if that is allowed."""
        try:
            state = await self._state()
            if state == "SIM PIN":
                return await self._unlock()
        except DeviceRefused as refusal:
            if refusal.code in _CME:
                return SimTrouble(*_CME[refusal.code])
            return SimTrouble(ChannelState.FAULTY, f"+CPIN: {refusal}")
        if state == "READY":
            return None
        if state.startswith("NOT"):
            return SimTrouble(ChannelState.ABSENT, "no SIM" if "INSERTED" in state else "the SIM is not ready")
        return SimTrouble(ChannelState.LOCKED, _CME[12][1] if state == "SIM PUK" else f"locked: {state}")

    async def read(self) -> Sim:
        """Who the SIM is. What it does not tell stays None; an ICCID that cannot be read is empty."""
        async with self._dialogue.transaction(Priority.POLL) as talk:
            iccid = await self._iccid(talk)
            imsi = parse_imsi(await talk.attempt(self._profile.command("AT+CIMI")) or ())
            number = self._number or await self._own_number(talk)
        return Sim(iccid or Iccid(""), Imsi(imsi) if imsi else None, number)

    async def _state(self) -> str:
        async with self._dialogue.transaction(Priority.POLL) as talk:
            return parse_cpin(only(await talk.command(self._profile.command("AT+CPIN?")), "+CPIN"))

    async def _unlock(self) -> SimTrouble | None:
        async with self._dialogue.transaction(Priority.POLL) as talk:
            iccid = await self._iccid(talk)
            refusal = await self._may_not_try(talk, iccid)
            if refusal or iccid is None:
                return SimTrouble(ChannelState.LOCKED, refusal or "the SIM wants its PIN and its ICCID cannot be read")
            self._tried.add(iccid)
            try:
                await talk.command(self._profile.command(self._profile.sim.pin.format(pin=self._pins[iccid])))
            except (DeviceRefused, TimedOut) as error:
                log.warning("the PIN in the configuration was not accepted; it is not tried again")
                return SimTrouble(ChannelState.LOCKED, f"the PIN was not accepted ({error})")
        return SimTrouble(ChannelState.SEARCHING, "the SIM was unlocked")

    async def _may_not_try(self, talk: Talk, iccid: Iccid | None) -> str:
        """Why the PIN must not be tried; empty when it may."""
        if iccid is None or iccid not in self._pins:
            return "the SIM wants its PIN, and the configuration has none for it"
        if iccid in self._tried:
            return "the PIN was tried and not accepted"
        for command in self._profile.sim.retries:
            retries = parse_pin_retries(await talk.attempt(self._profile.command(command)) or ())
            if retries is not None:
                return "" if retries >= 2 else f"only {retries} tries of the PIN are left: enter it in a phone"
        return "the modem does not tell how many tries of the PIN are left: enter it in a phone"

    async def _iccid(self, talk: Talk) -> Iccid | None:
        for text in self._profile.sim.iccid:
            answer = _ICCID_ANSWER if "+CRSM" not in text else None
            try:
                lines = await talk.attempt(self._profile.command(text, answer=answer))
            except TimedOut:
                continue
            if iccid := parse_iccid(lines or ()):
                return Iccid(iccid)
        return None

    async def _own_number(self, talk: Talk) -> E164 | None:
        try:
            numbers = parse_cnum(await talk.attempt(self._profile.command("AT+CNUM")) or ())
        except (RemoteProtocolError, TimedOut):
            return None
        return next((E164(number) for number in numbers if number.startswith("+")), None)
