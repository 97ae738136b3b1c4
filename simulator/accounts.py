"""Who pays: the prepaid accounts behind the numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from simulator.faults import Faults
from simulator.sim import Sim

NOT_SUBSCRIBED = 50  # Q.850: requested facility not subscribed, what prepaid platforms answer
TRANSFER_REJECTED = 21  # 24.011 §E: short message transfer rejected
MINUTE_S = 60.0


class Accounts:
    """Charges SIMs for calls and messages; handsets talk for nothing."""

    def __init__(
        self, sims: Mapping[str, Sim], faults: Faults, changed: Callable[[], None], now: Callable[[], float]
    ) -> None:
        self._sims = sims
        self._faults = faults
        self._changed = changed
        self._now = now
        self.used_vouchers: set[str] = set()

    def balance(self, sim: Sim) -> int:
        """Cents, as the operator sees them now."""
        return 0 if self._faults.on("no_balance", sim.device) else sim.balance

    def call_refusal(self, number: str) -> int | None:
        """The Q.850 cause that keeps this number from calling, or None."""
        sim = self._sims.get(number)
        if sim is None or (self.balance(sim) >= sim.operator.minute_price and not self.expired(sim)):
            return None
        return NOT_SUBSCRIBED

    def charge_minute(self, number: str) -> bool:
        """Pay one begun minute; False when the money is gone."""
        sim = self._sims.get(number)
        return sim is None or self._pay(sim, sim.operator.minute_price)

    def charge_sms(self, sim: Sim) -> int | None:
        """Pay one part; the RP cause when there is not enough."""
        return None if self._pay(sim, sim.operator.sms_price) else TRANSFER_REJECTED

    def expired(self, sim: Sim) -> bool:
        """Whether the account's validity is over: nothing can be paid from it."""
        return datetime.fromtimestamp(self._now(), UTC).date() > sim.valid_until

    def top_up(self, sim: Sim, cents: int) -> None:
        """Add money."""
        sim.balance += cents
        self._changed()

    def _pay(self, sim: Sim, cents: int) -> bool:
        paid = not self.expired(sim) and self.balance(sim) >= cents and sim.charge(cents)
        if paid:
            self._changed()
        return paid
