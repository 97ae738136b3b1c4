"""The dialects a simulated modem speaks. The names say that they are simulations, not the real products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Profile:
    """What differs from family to family."""

    name: str
    family: str  # "simcom" or "huawei"
    manufacturer: str
    model: str
    revision: str
    cmee: int = 0
    revision_prefixed: bool = False
    boot: tuple[str, ...] = ()
    sim_lost: tuple[str, ...] = ()
    sim_back: tuple[str, ...] = ()
    stores: Mapping[str, int] = field(default_factory=lambda: {"SM": 40, "ME": 23, "SR": 20})
    full_urc: str = ""
    unsupported: str = ""  # instead of an error, for a command it does not know


SIM7600 = Profile(
    name="sim7600",
    family="simcom",
    manufacturer="Simferry",
    model="SIM7600-SIM",
    revision="LE20B05SIMFERRY01",
    revision_prefixed=True,
    boot=("RDY", "+CPIN: {pin}", "SMS DONE", "PB DONE"),
    sim_lost=("+SIMCARD: NOT AVAILABLE", "+CPIN: NOT INSERTED"),
    sim_back=("+CPIN: {pin}",),
    full_urc="+SMS FULL",
)
HUAWEI = Profile(
    name="huawei",
    family="huawei",
    manufacturer="Simferry",
    model="E173-SIM",
    revision="11.126.85.00.209",
    boot=("^SYSSTART", "^SIMST:1", "^SRVST:2", "^RSSI:18"),
    sim_lost=("^SIMST:255",),
    sim_back=("^SIMST:1",),
    full_urc='^SMMEMFULL: "SM"',
    unsupported="COMMAND NOT SUPPORT",
)
PROFILES = {profile.name: profile for profile in (SIM7600, HUAWEI)}
