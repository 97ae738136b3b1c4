"""What ``gsm show span`` says of a GSM module: the same words at Yeastar TG and OpenVox, from one driver's ancestry."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from edge_agent.contracts import RadioStatus
from edge_agent.drivers.gateway.box_values import dbm_of
from edge_agent.drivers.gateway.line_sim import sim_by
from telecore.ids import E164
from telecore.model import ChannelState

_LISTED = re.compile(r"GSM span (\d{1,3}):\s*(.*)", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d{1,4}")
_NO_SIM = ("undetected sim", "no sim", "sim not inserted", "not insert")


@dataclass(frozen=True, slots=True)
class Span:
    """One module. ``status``: ``Power on, Provisioned, Up, Active,Standard``; ``network``: ``Registered (Home
    network)``; ``state``: ``READY``; ``rssi``: 0 to 31, None when it is not told.
    """

    status: str = ""
    network: str = ""
    state: str = ""
    operator: str = ""
    imsi: str = ""
    rssi: int | None = None
    model: str = ""
    revision: str = ""
    manufacturer: str = ""


def parse_span(lines: Iterable[str]) -> Span:
    """The output of ``gsm show span N``. What is not there stays empty."""
    said: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        said.setdefault(name.strip().lower(), value.strip())
    found = _NUMBER.fullmatch(next((value for name, value in said.items() if name.startswith("signal quality")), ""))
    return Span(
        status=said.get("status", ""),
        network=said.get("network status", ""),
        state=said.get("state", ""),
        operator=said.get("network name", "").strip("* "),
        imsi=said.get("sim imsi", ""),
        rssi=int(found[0]) if found else None,
        model=said.get("model name", ""),
        revision=said.get("revision", ""),
        manufacturer=said.get("manufacturer", ""),
    )


def parse_spans(lines: Iterable[str]) -> dict[int, str]:
    """The output of ``gsm show spans``: what each span's status is."""
    found = (_LISTED.match(line.strip()) for line in lines)
    return {int(match[1]): match[2] for match in found if match is not None}


def radio_of(span: Span, number: E164 | None) -> RadioStatus:
    """How the line stands."""
    status, network = span.status.lower(), span.network.lower()
    sim = sim_by(span.imsi, operator=span.operator, number=number)
    signal = dbm_of(span.rssi)
    if "power off" in status or "poweroff" in status:
        return RadioStatus(ChannelState.DISABLED, reason="switched off in the box")
    if any(words in status for words in _NO_SIM):
        return RadioStatus(ChannelState.ABSENT, reason="no SIM")
    if "pin" in status or "puk" in status:
        lock = "SIM PUK" if "puk" in status else "SIM PIN"
        return RadioStatus(ChannelState.LOCKED, sim, signal, span.status, lock)
    if network.startswith("registered"):
        return RadioStatus(ChannelState.REGISTERED, sim, signal, "roaming" if "roam" in network else "")
    if "denied" in network:
        return RadioStatus(ChannelState.DENIED, sim, signal, span.network)
    if not network and re.search(r"\bup\b", status):
        return RadioStatus(ChannelState.REGISTERED, sim, signal)
    return RadioStatus(ChannelState.SEARCHING, sim, signal, span.network or span.status or "the box tells nothing")
