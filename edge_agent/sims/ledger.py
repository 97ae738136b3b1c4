"""What is remembered of each SIM's account, in memory and in the spool."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from edge_agent.sims import burn
from edge_agent.sims.reading import Reading
from edge_agent.sims.vouchers import Spent, SpentVouchers, digest_of, refuse_used
from edge_agent.spool import Spool
from telecore.errors import StorageFailed
from telecore.ids import Iccid
from telecore.schema import dump, read
from telecore.sim_health import Balance


@dataclass(slots=True)
class Account:
    """One SIM's. ``asked_at``: when its operator was asked last; times in seconds since 1970."""

    balance: Balance | None = None
    asked_at: float | None = None
    points: tuple[burn.Point, ...] = ()
    vouchers: SpentVouchers = field(default_factory=SpentVouchers)
    last_charged: float | None = None
    first_seen: float | None = None


class Ledger:
    """The accounts by ICCID. ``told`` hears of every balance."""

    def __init__(self, spool: Spool, wall: Callable[[], float], told: Callable[[Iccid, Balance], None]) -> None:
        self._spool = spool
        self._wall = wall
        self._told = told
        self._accounts: dict[Iccid, Account] = {}

    def of(self, iccid: Iccid) -> Account:
        return self._accounts.setdefault(iccid, Account())

    async def load(self) -> None:
        """Take over what is on disk of SIMs that are not known yet, and of all when they were charged last, which
        others keep too."""
        for iccid, facts in (await self._spool.sim_facts()).items():
            known = iccid in self._accounts
            account = self.of(iccid)
            account.last_charged = _last_charged(facts)
            if not known:
                _restore(account, facts)
                if account.balance is not None:
                    self._told(iccid, account.balance)

    async def see(self, iccid: Iccid, valid_until: str | None) -> None:
        """The SIM is here. ``valid_until``: the site's own knowledge, for an operator that tells nothing."""
        account = self.of(iccid)
        if account.first_seen is None:
            account.first_seen = self._wall()
            await self._put(iccid, "first_seen", account.first_seen)
        if account.balance is None and valid_until is not None:
            account.balance = Balance(self._wall(), expires_on=valid_until, note="not asked; the date is the site's")
            self._told(iccid, account.balance)

    async def take(self, iccid: Iccid, reading: Reading, valid_until: str | None) -> Balance:
        """Keep what an operator said, with what it means for the days that are left."""
        account, now = self.of(iccid), self._wall()
        before = account.balance
        per_day = await self._count(iccid, account, reading.amount, now) if reading.amount is not None else None
        balance = Balance(
            at=now,
            amount=None if reading.amount is None else str(reading.amount),
            currency=reading.currency or (before.currency if before else ""),
            expires_on=_expiry(reading) or valid_until or (before.expires_on if before else None),
            burn_per_day=None if per_day is None else f"{per_day.normalize():f}",
            days_left=None if reading.amount is None else burn.days_left(reading.amount, per_day),
            note=reading.note if reading.amount is not None else _with_last(reading.note, account.points),
        )
        account.balance, account.asked_at = balance, now
        await self._put(iccid, "balance", dump(balance))
        self._told(iccid, balance)
        return balance

    async def begin_voucher(self, iccid: Iccid, voucher: str, command: str) -> str:
        """Remember that it is about to be sent; its digest, after the commit.

        Raises Refused when it was spent, StorageFailed when it cannot be remembered: then it must not be sent.
        """
        digest = await digest_of(voucher, self._spool.stream)
        for account in self._accounts.values():
            refuse_used(account.vouchers.find(digest))
        vouchers = self.of(iccid).vouchers
        vouchers.put(Spent(digest, self._wall(), command=command))
        try:
            await self._keep_vouchers(iccid)
        except StorageFailed:
            vouchers.forget(digest)
            raise
        return digest

    async def forget_voucher(self, iccid: Iccid, digest: str) -> None:
        """It was not sent after all."""
        self.of(iccid).vouchers.forget(digest)
        await self._keep_vouchers(iccid)

    async def settle_voucher(self, iccid: Iccid, digest: str, outcome: str) -> None:
        self.of(iccid).vouchers.settle(digest, outcome)
        await self._keep_vouchers(iccid)

    async def _count(self, iccid: Iccid, account: Account, amount: Decimal, now: float) -> Decimal | None:
        if account.points and amount < account.points[-1].amount:
            account.last_charged = now
            await self._put(iccid, "last_charged", now)
        account.points = burn.keep(account.points, burn.Point(now, amount))
        await self._put(iccid, "balances", [[point.at, str(point.amount)] for point in account.points])
        return burn.burn_per_day(account.points)

    async def _keep_vouchers(self, iccid: Iccid) -> None:
        await self._put(iccid, "top_up", self.of(iccid).vouchers.dump())

    async def _put(self, iccid: Iccid, name: str, value: Any) -> None:
        await self._spool.put_sim_fact(iccid, name, value)


def _last_charged(facts: Mapping[str, Any]) -> float | None:
    """By the balance that fell, as kept here, or by the traffic that was carried, as the SIM's health keeps it."""
    known = (facts.get("last_charged"), (facts.get("health") or {}).get("charged"))
    return max((at for at in known if at is not None), default=None)


def _restore(account: Account, facts: Mapping[str, Any]) -> None:
    account.first_seen = facts.get("first_seen")
    account.points = tuple(burn.Point(at, Decimal(amount)) for at, amount in facts.get("balances", ()))
    account.vouchers = SpentVouchers(facts.get("top_up"))
    if "balance" in facts:
        account.balance = read(Balance, facts["balance"], strict=False)
        account.asked_at = account.balance.at


def _expiry(reading: Reading) -> str | None:
    return reading.expires_on.isoformat() if reading.expires_on else None


def _with_last(note: str, points: tuple[burn.Point, ...]) -> str:
    if not points:
        return note
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(points[-1].at))
    return f"{note}; the last amount known is {points[-1].amount} of {when}"
