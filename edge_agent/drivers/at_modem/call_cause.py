"""Why a call ended, as Q.850 cause, from what each vendor says of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from telecore.causes import Cause
from telecore.errors import DeviceRefused

RESULTS: Mapping[str, int | None] = {
    "BUSY": Cause.USER_BUSY,
    "NO ANSWER": Cause.NO_ANSWER,
    "NO CARRIER": None,
    "NO DIALTONE": Cause.NETWORK_OUT_OF_ORDER,
}
"""Results of V.250 §6.3.1 that modems also send by themselves, and the cause they tell."""

_NO_NETWORK = frozenset({30, 31, 32})
"""CME: no network service, network timeout, emergency calls only (27.007 §9.2.1)."""

_CEER_TEXTS = (
    ("busy", 17), ("no answer", 19), ("no user", 18), ("absent", 20), ("reject", 21), ("number changed", 22),
    ("unassigned", 1), ("unallocated", 1), ("invalid number", 28), ("incomplete", 28), ("barr", 8), ("congestion", 42),
    ("temporary", 41), ("out of order", 38), ("no service", 38), ("no circuit", 34), ("no funds", 68),
    ("unspecified", 31), ("normal", 16), ("client ended", 16), ("network ended", 16), ("released", 16),
)  # fmt: skip


def parse_ceer(lines: Iterable[str]) -> int | None:
    """The Q.850 cause in +CEER (27.007 §6.10), whose text every vendor writes his own way. A number goes first."""
    text = " ".join(lines).partition(":")[2].strip().lower()
    numbers = [int(digits) for digits in re.findall(r"\b(\d{1,3})\b", text)]
    if numbers and 0 < numbers[-1] <= 127:
        return numbers[-1]
    return next((cause for word, cause in _CEER_TEXTS if word in text), None)


def cause_of_end(groups: Mapping[str, str], end_status: Mapping[str, int]) -> int | None:
    """What a vendor's line of a call's end says: the network's own cause, else the vendor's status."""
    cause = groups.get("cause", "")
    if cause.isdecimal() and 0 < int(cause) <= 127:
        return int(cause)
    return end_status.get(groups.get("status", ""))


def no_network(refusal: DeviceRefused) -> bool:
    """Whether dialling was refused because the SIM is not in a network."""
    return refusal.text == "NO DIALTONE" or (refusal.kind == "cme" and refusal.code in _NO_NETWORK)


def cause_of_refusal(refusal: DeviceRefused) -> int | None:
    """Of a dialling that failed. None: ask +CEER."""
    if no_network(refusal):
        return Cause.NETWORK_OUT_OF_ORDER
    return RESULTS.get(refusal.text) if refusal.kind == "call" else Cause.FACILITY_REJECTED
