"""Registration, signal and operator of one SIM, told to the core when they change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from edge_agent.contracts import Core, RadioStatus
from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority
from edge_agent.drivers.at_modem.engine import Urc
from edge_agent.drivers.at_modem.profile import AtProfile, UrcEvent
from edge_agent.drivers.at_modem.replies import Registration, only, parse_cops, parse_creg, parse_csq
from edge_agent.drivers.at_modem.sim import SimReader
from telecore.errors import DeviceLost, DeviceRefused, RemoteProtocolError, TimedOut
from telecore.ids import ChannelId, Iccid, Plmn
from telecore.model import ChannelState, SignalLevel, Sim

log = logging.getLogger(__name__)

SEARCHING_POLL_S = 3.0
POKE_DELAY_S = 0.05
"""A change of registration comes as several lines; ask once, when they are all there."""
SIGNAL_STEP_DB = 6
ACCESS = {
    0: "GSM", 1: "GSM", 2: "UMTS", 3: "EDGE", 4: "HSDPA", 5: "HSUPA", 6: "HSPA", 7: "LTE", 8: "EC-GSM", 9: "NB-IoT",
    10: "LTE", 11: "NR", 12: "NR", 13: "NR",
}  # fmt: skip
"""27.007 §7.3 AcT."""
_REASONS = {0: "not searching", 2: "searching", 3: "registration denied", 4: "coverage unknown", 8: "emergency only"}


class Radio:
    """A RadioService. ``on_sim_ready`` runs once for each SIM that becomes usable, before it is reported.

    ``iccid``: the SIM that is expected; another one is reported as faulty. ``verify`` raises DeviceLost when the modem
    has forgotten its settings.
    """

    def __init__(
        self,
        dialogue: Dialogue,
        profile: AtProfile,
        channel: ChannelId,
        sim: SimReader,
        on_sim_ready: Callable[[], Awaitable[None]],
        *,
        iccid: Iccid | None = None,
        verify: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._dialogue = dialogue
        self._profile = profile
        self._channel = channel
        self._reader = sim
        self._on_sim_ready = on_sim_ready
        self._expected = iccid
        self._verify = verify
        self._sim: Sim | None = None
        self._status = RadioStatus(ChannelState.SEARCHING)
        self._poke = asyncio.Event()

    async def status(self) -> RadioStatus:
        """As it was when last asked; not older than the poll interval."""
        return self._status

    async def restart(self) -> None:
        """Restart the modem. It is lost thereby and found again by the runner. Raises DeviceLost."""
        async with self._dialogue.transaction(Priority.HANG_UP) as talk:
            for command in self._profile.radio.restart:
                if await talk.attempt(self._profile.command(command)) is not None:
                    break
        self._dialogue.fail(DeviceLost("restarted on request"))

    def on_urc(self, urc: Urc, event: UrcEvent | None) -> bool:
        """Take news of SIM and registration."""
        if event is UrcEvent.SIM_CHANGED or urc.text.startswith("+CPIN:"):
            self._sim = None
        elif not urc.text.startswith(("+CREG:", "+CGREG:", "+CEREG:")):
            return False
        self._poke.set()
        return True

    async def run(self, core: Core) -> None:
        """Ask again and again until the device is lost."""
        reported: RadioStatus | None = None
        while True:
            try:
                self._status = await self.refresh()
            except (TimedOut, DeviceRefused, RemoteProtocolError) as error:
                log.info("%s: asking for the registration: %s", self._channel, error)
            if reported is None or _differs(reported, self._status):
                reported = self._status
                await core.radio(self._channel, reported)
            await self._wait()

    async def refresh(self) -> RadioStatus:
        """Ask now. Raises DeviceLost, TimedOut, DeviceRefused, RemoteProtocolError."""
        trouble = await self._reader.trouble()
        if trouble is not None:
            self._sim = None
            return RadioStatus(trouble.state, None, None, trouble.reason, trouble.lock, trouble.fault)
        if self._sim is None:
            await self._on_sim_ready()
            await self._ask_for_causes()
            self._sim = await self._reader.read()
        elif self._verify is not None:
            await self._verify()
        if self._expected is not None and self._sim.iccid != self._expected:
            return RadioStatus(ChannelState.FAULTY, self._sim, None, "another SIM than the configuration says")
        registrations = await self._registrations()
        best = min(registrations, key=_rank, default=None)
        signal = await self._signal()
        if best is None or not best.registered:
            state = ChannelState.DENIED if best is not None and best.stat == 3 else ChannelState.SEARCHING
            cause = best.cause if best is not None else None
            return RadioStatus(state, self._sim, signal, _reason(best), reject_cause=cause)
        if self._sim.operator is None or self._status.state is not ChannelState.REGISTERED:
            self._sim = await self._with_operator(self._sim)
        reason, access = "roaming" if best.roaming else "", ACCESS.get(best.act if best.act is not None else -1, "")
        return RadioStatus(ChannelState.REGISTERED, self._sim, signal, reason, access=access)

    async def _ask_for_causes(self) -> None:
        """Reject causes come with n=3 (27.007 §7.2); firmware that does not know it keeps what its profile set."""
        for domain in self._profile.radio.registration:
            async with self._dialogue.transaction(Priority.POLL) as talk:
                await talk.attempt(self._profile.command(f"AT+{domain}=3"))

    async def _wait(self) -> None:
        settled = self._status.state is ChannelState.REGISTERED
        poll_s = self._profile.radio.poll_s if settled else min(SEARCHING_POLL_S, self._profile.radio.poll_s)
        try:
            async with asyncio.timeout(poll_s):
                await self._poke.wait()
                await asyncio.sleep(POKE_DELAY_S)
        except TimeoutError:
            pass
        self._poke.clear()

    async def _registrations(self) -> Sequence[Registration]:
        found = []
        for domain in self._profile.radio.registration:
            async with self._dialogue.transaction(Priority.POLL) as talk:
                lines = await talk.attempt(self._profile.command(f"AT+{domain}?"))
            if lines:
                found.append(parse_creg(lines[-1], answer=True))
        return found

    async def _signal(self) -> SignalLevel | None:
        async with self._dialogue.transaction(Priority.POLL) as talk:
            lines = await talk.attempt(self._profile.command("AT+CSQ"))
        dbm = parse_csq(lines[-1]) if lines else None
        return SignalLevel(dbm) if dbm is not None else None

    async def _with_operator(self, sim: Sim) -> Sim:
        async with self._dialogue.transaction(Priority.POLL) as talk:
            names: dict[bool, str | None] = {}
            for form in ("2", "0"):  # numeric, then long, which is where it is left
                if await talk.attempt(self._profile.command(f"AT+COPS=3,{form}")) is None:
                    continue
                operator = parse_cops(only(await talk.command(self._profile.command("AT+COPS?")), "+COPS"))
                names[operator.numeric] = operator.name
        plmn = names.get(True)
        return replace(sim, operator=Plmn(plmn) if plmn else None, operator_name=names.get(False))


def _rank(registration: Registration) -> tuple[bool, bool]:
    return (not registration.registered, registration.stat != 3)


def _reason(registration: Registration | None) -> str:
    if registration is None:
        return "the modem does not tell its registration"
    cause = f" (cause {registration.cause})" if registration.cause is not None else ""
    return _REASONS.get(registration.stat, f"+CREG {registration.stat}") + cause


def _differs(old: RadioStatus, new: RadioStatus) -> bool:
    if replace(old, signal=None) != replace(new, signal=None) or (old.signal is None) != (new.signal is None):
        return True
    return old.signal is not None and new.signal is not None and abs(old.signal.dbm - new.signal.dbm) >= SIGNAL_STEP_DB
