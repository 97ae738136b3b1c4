"""What sections of agent.yaml have in common: numbers, hosts and ports, each with the sentence of its fault. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from telecore.ids import E164
from telecore.numbers import is_e164

Problem = tuple[str, str]
"""Path and sentence of one fault."""

ICCID = re.compile(r"89[0-9]{16,18}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:]+")


def of_number(path: str, number: E164 | None) -> Iterator[Problem]:
    """None is no fault: the SIM may know it."""
    if number is not None and not is_e164(number):
        yield path, "must be E.164, like +85510000001"


def of_numbers(path: str, numbers: Sequence[E164]) -> Iterator[Problem]:
    for n, number in enumerate(numbers):
        yield from of_number(f"{path}[{n}]", number)


def of_host(path: str, host: str) -> Iterator[Problem]:
    if not _HOST.fullmatch(host):
        yield path, "must be a name or an address, without a port"


def of_port(path: str, port: int | None) -> Iterator[Problem]:
    """None is no fault: there is a usual one, or none is wanted."""
    if port is not None and not 1 <= port <= 65535:
        yield path, "must be between 1 and 65535"


def of_poll(path: str, poll_s: float | None) -> Iterator[Problem]:
    """Seconds between two questions; None: as usual."""
    if poll_s is not None and not 1 <= poll_s <= 3600:
        yield path, "must be from 1 to 3600 seconds"
