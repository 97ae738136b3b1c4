"""A SIM card: its numbers, its PIN, its prepaid account and what was counted on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Lock(StrEnum):
    """What AT+CPIN? says of an inserted SIM (27.007 §8.3)."""

    READY = "READY"
    PIN = "SIM PIN"
    PUK = "SIM PUK"


@dataclass(frozen=True, slots=True)
class Operator:
    """A mobile network operator and its prices in cents."""

    name: str
    short: str
    plmn: str
    smsc: str
    sms_price: int = 5
    minute_price: int = 5
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Cell:
    """Where the modems camp."""

    lac: str
    ci: str
    access: int  # 27.007 §7.3 AcT
    rssi: int


@dataclass(slots=True)
class Counters:
    """What the network counted for one SIM; a submit is one part."""

    submits: int = 0
    accepted: int = 0
    refused: int = 0
    lost: int = 0
    delivered: int = 0
    failed: int = 0
    reports: int = 0
    received: int = 0
    calls_out: int = 0
    calls_in: int = 0
    ussd: int = 0


@dataclass(slots=True)
class Sim:
    """One card; `balance` in cents. PIN state lives here because it stays with the card."""

    number: str
    iccid: str
    imsi: str
    operator: Operator
    device: str
    balance: int = 10_000
    valid_until: date = date(2030, 12, 31)
    pin: str = "0000"
    pin_asked: bool = False
    puk: str = "12345678"
    pin_tries: int = 3
    puk_tries: int = 10
    last_reference: int = -1  # EF-SMSS: the last TP-MR used
    counters: Counters = field(default_factory=Counters)

    def verify(self, pin: str) -> bool:
        """Try the PIN; three wrong ones block it. A right one while blocked is still wrong."""
        if self.pin_tries > 0 and pin == self.pin:
            self.pin_tries = 3
            return True
        self.pin_tries = max(0, self.pin_tries - 1)
        return False

    def unblock(self, puk: str, new_pin: str) -> bool:
        """Try the PUK; ten wrong ones end the card."""
        if self.puk_tries > 0 and puk == self.puk:
            self.pin, self.pin_tries, self.puk_tries = new_pin, 3, 10
            return True
        self.puk_tries = max(0, self.puk_tries - 1)
        return False

    def charge(self, cents: int) -> bool:
        """Take money; False and nothing taken when there is not enough."""
        if cents > self.balance:
            return False
        self.balance -= cents
        return True


def money(cents: int) -> str:
    """Cents as operators write them: 99.95."""
    return f"{cents // 100}.{cents % 100:02d}"
