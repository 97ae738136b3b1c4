"""Which PIN was tried on which SIM, on disk, so that no restart is a further try (contracts.PinMemory)."""

from __future__ import annotations

import hashlib

from edge_agent.spool import Spool
from telecore.ids import Iccid

FACT = "pin_tried"


class TriedPins:
    """Keeps digests, not PINs. ``load`` must have run before a modem is opened."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._tried: dict[Iccid, str] = {}

    async def load(self) -> None:
        """Raises StorageFailed."""
        self._tried = {iccid: facts[FACT] for iccid, facts in (await self._spool.sim_facts()).items() if FACT in facts}

    def pin_tried(self, iccid: Iccid, pin: str) -> bool:
        """Whether this PIN was tried on this SIM and not accepted, in this process or an earlier one."""
        return self._tried.get(iccid) == _digest(iccid, pin)

    async def note_pin(self, iccid: Iccid, pin: str | None) -> None:
        """About to be tried (on disk when this returns); None: the SIM took it. Raises StorageFailed."""
        digest = _digest(iccid, pin) if pin is not None else None
        await self._spool.put_sim_fact(iccid, FACT, digest)
        if digest is None:
            self._tried.pop(iccid, None)
        else:
            self._tried[iccid] = digest


def _digest(iccid: Iccid, pin: str) -> str:
    return hashlib.sha256(f"{iccid}\0{pin}".encode()).hexdigest()
