"""What a site says of its SIMs (agent.yaml: ``sims`` and ``self_test``). None everywhere means: no limit."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Quotas:
    """What one SIM may carry outwards; an operator's fair use belongs here. A warning goes above all of them."""

    sms_per_hour: int | None = None
    sms_per_day: int | None = None
    sms_per_month: int | None = None
    sms_per_destination_per_day: int | None = None
    minutes_per_hour: int | None = None
    minutes_per_day: int | None = None
    minutes_per_month: int | None = None
    calls_per_destination_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class SimConfig:
    """One SIM. ``recipe``: how its balance is asked; ``auto`` by its operator, ``none``, or the name of a recipe.

    ``valid_until``: an ISO date, for a SIM whose operator does not tell it. ``floor``: the balance below which it
    takes no outbound traffic, in its own currency.
    """

    quotas: Quotas | None = None
    recipe: str = "auto"
    floor: str | None = None
    valid_until: str | None = None


@dataclass(frozen=True, slots=True)
class SimsConfig:
    """For every SIM, and by ICCID for some. ``thresholds`` overrides numbers of ``sims/thresholds.py`` by name.

    ``recipes``: a folder with balance recipes of this site. ``keep_alive_days``: remind when a SIM was not used in a
    way its operator charges for so long.
    """

    quotas: Quotas = field(default_factory=Quotas)
    recipe: str = "auto"
    floor: str | None = None
    balance_every_h: float = 6.0
    keep_alive_days: int | None = 60
    recipes: str | None = None
    thresholds: dict[str, float] = field(default_factory=dict)
    by_iccid: dict[str, SimConfig] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SelfTestConfig:
    """An SMS and a short call between two SIMs of the site. ``every_h`` None: only when asked for."""

    every_h: float | None = None
    sms: bool = True
    call: bool = True
