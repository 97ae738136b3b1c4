"""How a line of a gateway stands, told to the core once at the start and when it changes."""

from __future__ import annotations

from dataclasses import replace

from edge_agent.contracts import Core, RadioStatus
from telecore.ids import E164, ChannelId, Iccid, Imsi
from telecore.model import ChannelState, SignalLevel, Sim
from telecore.numbers import is_e164
from telecore.subscriber import is_iccid, is_imsi, plmn_of

SIGNAL_STEP_DB = 6
"""A signal that moved less is not told."""


class LineRadio:
    """``status`` is what the box said last, whether told or not."""

    def __init__(self, channel: ChannelId) -> None:
        self._channel = channel
        self._told: RadioStatus | None = None
        self.status = RadioStatus(ChannelState.SEARCHING)

    async def tell(self, core: Core, status: RadioStatus) -> None:
        """Take note, and tell the core if that is news."""
        self.status = status
        if self._told is None or _differs(self._told, status):
            self._told = status
            await core.radio(self._channel, status)


def signal_of(rssi: int | None) -> SignalLevel | None:
    """dBm of an RSSI as in +CSQ (27.007 §8.5); None when it is unknown (99, or whatever is not 0 to 31)."""
    return SignalLevel(-113 + 2 * rssi) if rssi is not None and 0 <= rssi <= 31 else None


def sim_of(imsi: str, iccid: str = "", *, operator: str = "", number: E164 | None = None) -> Sim | None:
    """The SIM of a line, as far as the box tells it; None without any identity. An unknown ICCID is empty.

    These boxes tell the network's name but not its number: ``operator`` is then the one that issued the SIM.
    """
    known = Iccid(iccid) if is_iccid(iccid) else Iccid("")
    if not is_imsi(imsi):
        return Sim(known, msisdn=number, operator_name=operator or None) if known else None
    return Sim(known, Imsi(imsi), number, plmn_of(imsi), operator or None)


def number_of(text: str) -> E164 | None:
    """A SIM's own number where a box tells it whole; what stands there in national form is nobody's for sure."""
    return E164(text.strip()) if is_e164(text.strip()) else None


def _differs(old: RadioStatus, new: RadioStatus) -> bool:
    if replace(old, signal=None) != replace(new, signal=None) or (old.signal is None) != (new.signal is None):
        return True
    return old.signal is not None and new.signal is not None and abs(old.signal.dbm - new.signal.dbm) >= SIGNAL_STEP_DB
