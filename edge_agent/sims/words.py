"""An account in words for people, from its JSON form. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def amount_words(balance: Mapping[str, Any]) -> str:
    """``5.00 USD``, or ``unknown``."""
    if balance.get("amount") is None:
        return "unknown"
    return f"{balance['amount']} {balance.get('currency', '')}".rstrip()


def balance_words(balance: Mapping[str, Any]) -> str:
    """The whole of it in one line."""
    said = [amount_words(balance)]
    if balance.get("expires_on"):
        said.append(f"valid until {balance['expires_on']}")
    if balance.get("burn_per_day") is not None:
        said.append(f"{balance['burn_per_day']} a day")
    if balance.get("days_left") is not None:
        said.append(f"enough for {balance['days_left']:.0f} days")
    if balance.get("note"):
        said.append(balance["note"])
    return ", ".join(said)
