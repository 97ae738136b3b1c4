"""Vouchers that were handed to an operator: each once, remembered by a slow hash before it is sent."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from edge_agent.sims.recipe import TopUpRecipe
from telecore.errors import InvalidRequest, Refused

KEPT_S = 400 * 86400.0
USED_CODE = 20409
_COST = 1 << 13
"""scrypt's: ten milliseconds for us, years for whoever finds the card and tries ten digits."""


@dataclass(frozen=True, slots=True)
class Spent:
    """``outcome``: ``unknown`` from before it is sent until its answer is understood."""

    digest: str
    at: float
    outcome: str = "unknown"
    command: str = ""


class SpentVouchers:
    """What this site has spent on one SIM, as a value to be kept."""

    def __init__(self, kept: Any = ()) -> None:
        self._spent = tuple(Spent(**entry) for entry in kept or ())

    def find(self, digest: str) -> Spent | None:
        return next((spent for spent in self._spent if spent.digest == digest), None)

    def put(self, new: Spent) -> None:
        """Remember, or remember otherwise; what is older than a voucher lives is dropped."""
        others = (spent for spent in self._spent if spent.digest != new.digest and spent.at > new.at - KEPT_S)
        self._spent = (*others, new)

    def forget(self, digest: str) -> None:
        """It was not sent after all."""
        self._spent = tuple(spent for spent in self._spent if spent.digest != digest)

    def settle(self, digest: str, outcome: str) -> None:
        self._spent = tuple(
            replace(spent, outcome=outcome) if spent.digest == digest else spent for spent in self._spent
        )

    def dump(self) -> list[dict[str, Any]]:
        return [asdict(spent) for spent in self._spent]


def refuse_used(spent: Spent | None) -> None:
    """Raise Refused for a voucher that was or may have been spent. One that was refused may be tried again."""
    if spent is None or spent.outcome == "refused":
        return
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(spent.at))
    if spent.outcome == "done":
        raise Refused(f"this voucher was spent by this site on {when}", code=USED_CODE)
    raise Refused(f"this voucher was sent on {when} and nobody knows whether it was taken: read the balance",
                  code=USED_CODE)  # fmt: skip


def digits_of(voucher: str, recipe: TopUpRecipe) -> str:
    """The voucher without the spaces and hyphens of its print. Raises InvalidRequest, which does not repeat it."""
    digits = re.sub(r"[\s-]", "", voucher)
    if not digits.isascii() or not digits.isdigit() or not re.fullmatch(recipe.voucher, digits):
        raise InvalidRequest(f"this is no voucher of this SIM's operator: it must look like {recipe.voucher}")
    return digits


async def digest_of(voucher: str, salt: str) -> str:
    """Slow on purpose, and off the loop."""
    return await asyncio.to_thread(_digest, voucher.encode(), salt.encode())


def _digest(voucher: bytes, salt: bytes) -> str:
    return hashlib.scrypt(voucher, salt=salt, n=_COST, r=8, p=1, dklen=16).hex()
