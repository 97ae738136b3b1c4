"""The SIM: is it there, is it open, who is it (27.007 §8.3, 31.102 §4.2)."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass

from edge_agent.contracts import PinMemory
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
_PIN, _PUK = "SIM PIN", "SIM PUK"
_PUK_WORDS = "the SIM wants its PUK: unlock it in a phone"
BUSY_S = 2.0
BUSY_TRIES = 10
"""A SIM that is busy (CME 14) is asked again so often."""


@dataclass(frozen=True, slots=True)
class SimTrouble:
    """Why the SIM cannot be used now. ``lock`` and ``fault`` as in RadioStatus."""

    state: ChannelState
    reason: str
    lock: str = ""
    fault: int | None = None


_CME = {
    5: SimTrouble(ChannelState.LOCKED, "the modem is locked to another SIM", "PH-SIM PIN"),
    10: SimTrouble(ChannelState.ABSENT, "no SIM"),
    11: SimTrouble(ChannelState.LOCKED, "the SIM wants its PIN", _PIN),
    12: SimTrouble(ChannelState.LOCKED, _PUK_WORDS, _PUK),
    13: SimTrouble(ChannelState.FAULTY, "the SIM fails", fault=13),
    14: SimTrouble(ChannelState.SEARCHING, "the SIM is busy", fault=14),
    15: SimTrouble(ChannelState.FAULTY, "the modem does not accept this SIM", fault=15),
}


class Remembered:
    """A PinMemory for as long as it lives itself; the agent's own outlives the process."""

    def __init__(self) -> None:
        self._tried: dict[Iccid, str] = {}

    def pin_tried(self, iccid: Iccid, pin: str) -> bool:
        return self._tried.get(iccid) == pin

    async def note_pin(self, iccid: Iccid, pin: str | None) -> None:
        if pin is None:
            self._tried.pop(iccid, None)
        else:
            self._tried[iccid] = pin


class SimReader:
    """Reads and unlocks one SIM. A PIN is tried once, whatever restarts, and never with the last try but one."""

    def __init__(
        self,
        dialogue: Dialogue,
        profile: AtProfile,
        pins: Mapping[Iccid, str],
        number: E164 | None,
        memory: PinMemory | None = None,
    ) -> None:
        self._dialogue = dialogue
        self._profile = profile
        self._pins = pins
        self._number = number
        self._memory: PinMemory = memory or Remembered()

    async def trouble(self) -> SimTrouble | None:
        """What keeps the SIM from working; None when it is ready. Enters the PIN if that is allowed."""
        try:
            state = await self._state()
            if state == _PIN:
                return await self._unlock()
        except DeviceRefused as refusal:
            known = _CME.get(refusal.code) if refusal.code is not None else None
            return known or SimTrouble(ChannelState.FAULTY, f"+CPIN: {refusal}")
        if state == "READY":
            return None
        if state.startswith("NOT"):
            return SimTrouble(ChannelState.ABSENT, "no SIM" if "INSERTED" in state else "the SIM is not ready")
        return SimTrouble(ChannelState.LOCKED, _PUK_WORDS if state == _PUK else f"locked: {state}", state)

    async def read(self) -> Sim:
        """Who the SIM is. What it does not tell stays None; an ICCID that cannot be read is empty."""
        async with self._dialogue.transaction(Priority.POLL) as talk:
            iccid = await self._iccid(talk)
            imsi = parse_imsi(await talk.attempt(self._profile.command("AT+CIMI")) or ())
            number = self._number or await self._own_number(talk)
        return Sim(iccid or Iccid(""), Imsi(imsi) if imsi else None, number)

    async def _state(self) -> str:
        for _ in range(BUSY_TRIES):
            try:
                return await self._ask_state()
            except DeviceRefused as refusal:
                if refusal.kind != "cme" or refusal.code != 14:
                    raise
            await asyncio.sleep(BUSY_S)
        return await self._ask_state()

    async def _ask_state(self) -> str:
        async with self._dialogue.transaction(Priority.POLL) as talk:
            return parse_cpin(only(await talk.command(self._profile.command("AT+CPIN?")), "+CPIN"))

    async def _unlock(self) -> SimTrouble | None:
        async with self._dialogue.transaction(Priority.POLL) as talk:
            iccid = await self._iccid(talk)
            refusal = await self._may_not_try(talk, iccid)
            if refusal or iccid is None:
                words = refusal or "the SIM wants its PIN and its ICCID cannot be read"
                return SimTrouble(ChannelState.LOCKED, words, _PIN)
            # Kept before it is tried: whatever happens next, this was the one try.
            await self._memory.note_pin(iccid, self._pins[iccid])
            try:
                await talk.command(self._profile.command(self._profile.sim.pin.format(pin=self._pins[iccid])))
            except (DeviceRefused, TimedOut) as error:
                log.warning("the PIN in the configuration was not accepted; it is not tried again")
                return SimTrouble(ChannelState.LOCKED, f"the PIN was not accepted ({error})", _PIN)
            await self._memory.note_pin(iccid, None)
        return SimTrouble(ChannelState.SEARCHING, "the SIM was unlocked")

    async def _may_not_try(self, talk: Talk, iccid: Iccid | None) -> str:
        """Why the PIN must not be tried; empty when it may."""
        if iccid is None or iccid not in self._pins:
            return "the SIM wants its PIN, and the configuration has none for it"
        if self._memory.pin_tried(iccid, self._pins[iccid]):
            return "the PIN was tried and not accepted: correct it in the file of sim_pins, or enter it in a phone"
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
