"""What the types of a section cannot say: path and sentence of each fault. Pure."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import fields
from datetime import date
from decimal import Decimal, InvalidOperation

from edge_agent.config.healing import HealingConfig
from edge_agent.config.sims import Quotas, SelfTestConfig, SimConfig, SimsConfig
from edge_agent.config.values import ICCID, Problem

LEAST_BALANCE_EVERY_H = 6.0
_RECIPE = re.compile(r"[a-z0-9][a-z0-9_-]*")
_USB_POWER = ("auto", "off")
_PLACES = {"plug", "device"}


def of_sims(sims: SimsConfig) -> Iterator[Problem]:
    """Of the section ``sims``."""
    yield from _of_quotas("sims.quotas", sims.quotas)
    yield from _of_account("sims", sims)
    if sims.balance_every_h != 0 and sims.balance_every_h < LEAST_BALANCE_EVERY_H:
        yield "sims.balance_every_h", "must be 6 or more, for operators take more for abuse; or 0: never by itself"
    if sims.keep_alive_days is not None and sims.keep_alive_days < 1:
        yield "sims.keep_alive_days", "must be 1 or more, or null: no reminder"
    for name, value in sims.thresholds.items():
        if value < 0 and not name.endswith("_dbm"):
            yield f"sims.thresholds.{name}", "must not be negative"
    for iccid, sim in sims.by_iccid.items():
        path = f"sims.by_iccid.{iccid}"
        if not ICCID.fullmatch(iccid):
            yield path, "is not an ICCID: 18 to 20 digits, beginning 89"
        if sim.quotas is not None:
            yield from _of_quotas(f"{path}.quotas", sim.quotas)
        yield from _of_account(path, sim)
        if sim.valid_until is not None and not _is_date(sim.valid_until):
            yield f"{path}.valid_until", "must be a date like 2026-12-31"


def of_self_test(test: SelfTestConfig) -> Iterator[Problem]:
    """Of the section ``self_test``."""
    if test.every_h is not None and test.every_h < 1:
        yield "self_test.every_h", "must be 1 or more: each test costs an SMS and a minute"
    if not (test.sms or test.call):
        yield "self_test", "neither sms nor call: leave out every_h to test only on wish"


def of_healing(healing: HealingConfig) -> Iterator[Problem]:
    """Of the section ``healing``."""
    if healing.usb_power not in _USB_POWER:
        yield "healing.usb_power", f"must be one of {', '.join(_USB_POWER)}"
    for number, word in enumerate(healing.power_command):
        try:
            names = {name for _, name, _, _ in string.Formatter().parse(word) if name is not None}
        except ValueError:
            yield f"healing.power_command[{number}]", "has a brace without its partner"
            continue
        if names - _PLACES:
            yield f"healing.power_command[{number}]", "may hold {plug} and {device} only"


def _of_quotas(path: str, quotas: Quotas) -> Iterator[Problem]:
    for quota in fields(Quotas):
        value = getattr(quotas, quota.name)
        if value is not None and value < 0:
            yield f"{path}.{quota.name}", "must not be negative"


def _of_account(path: str, config: SimsConfig | SimConfig) -> Iterator[Problem]:
    if not _RECIPE.fullmatch(config.recipe):
        yield f"{path}.recipe", "must be auto, none, or the name of a recipe"
    if config.floor is not None and not _is_number(config.floor):
        yield f"{path}.floor", 'must be a number in quotes, like "0.50"'


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-12-31")
