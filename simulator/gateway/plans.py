"""What gateways are asked for, as the command line says it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from simulator.sip.families import MANNERS
from simulator.sip.message import Address
from simulator.sip.sockets import numeric

FORM = "NAME,channels=N,sip=HOST:PORT[,family=F][,mode=register|peer][,server=HOST:PORT|URL]"
NAME = re.compile(r"[a-z][a-z0-9]{0,31}")
KEYS = ("channels", "sip", "family", "mode", "server")
MODES = {"register": True, "peer": False}
MOST_CHANNELS = 128


class PlanError(ValueError):
    """What is wrong, in one sentence."""


@dataclass(frozen=True, slots=True)
class GatewayPlan:
    """`sip`: where the agent speaks SIP. `registers`: None as the family does.

    `server`: what the family's own interface reports to: HOST:PORT of an SMS server, or a URL for webhooks.
    """

    name: str
    family: str
    channels: int
    sip: Address
    registers: bool | None = None
    server: str = ""


def read_plan(text: str) -> GatewayPlan:
    """A text of the form FORM. Raises PlanError."""
    name, *parts = text.split(",")
    said = dict(part.partition("=")[::2] for part in parts)
    unknown = [key for key in said if key not in KEYS]
    if not NAME.fullmatch(name) or re.fullmatch(r"modem\d+", name):
        raise PlanError(f"{name!r} is no name for a gateway: a letter, then letters and digits")
    if unknown:
        raise PlanError(f"there is no {unknown[0]!r}, the form is {FORM}")
    channels, family, mode = said.get("channels", ""), said.get("family", "goip"), said.get("mode", "")
    if not channels.isascii() or not channels.isdigit() or not 1 <= int(channels) <= MOST_CHANNELS:
        raise PlanError(f"{name} must have from 1 to {MOST_CHANNELS} channels")
    if family not in MANNERS:
        raise PlanError(f"there is no family {family!r}; known are {', '.join(MANNERS)}")
    if mode and mode not in MODES:
        raise PlanError(f"mode is register or peer, not {mode!r}")
    server = said.get("server", "")
    if server and "://" not in server:
        read_server(server)
    return GatewayPlan(name, family, int(channels), _address(name, said), MODES.get(mode), server)


def read_server(text: str) -> Address:
    """`HOST:PORT` with a numeric host. Raises PlanError."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or len(port) > 5 or not numeric((host, int(port))):
        raise PlanError(f"{text!r} is not HOST:PORT with a numeric host")
    return host, int(port)


def _address(name: str, said: dict[str, str]) -> Address:
    try:
        return read_server(said.get("sip", ""))
    except PlanError as error:
        raise PlanError(f"{name} must know where the agent speaks SIP, sip=HOST:PORT with a numeric host") from error
