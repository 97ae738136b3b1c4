"""What accounts may spend and where they may call and write: caps."""

from __future__ import annotations

import argparse
import json
from typing import Any

from cloud.cli.commands import Commands, account_named, by_hand, print_result, store, written
from cloud.config import CloudConfig
from cloud.services.caps import CapKeeper
from cloud.store import caps
from cloud.store.database import Connection
from cloud.store.rows import now
from telecore.caps import BURSTS, NUMBERS, WARNINGS, check, parse_list, parse_prefixes

_LISTS = ("allow", "deny", "prefixes")
_WORDS = {"special": ("yes", "no"), "bursts": BURSTS, "warnings": WARNINGS}
_HELP = {
    "messages_per_hour": "segments of SMS",
    "messages_per_day": "segments of SMS",
    "minutes_per_hour": "of outbound calls, each minute begun counts",
    "minutes_per_day": "of outbound calls, each minute begun counts",
    "calls_at_once": "outbound",
    "messages_per_number": "in an hour, to one number",
    "calls_per_number": "in an hour, to one number",
    "allow": "prefixes that may be reached, as +855,+84",
    "deny": "prefixes that may not; the longest of both lists decides",
    "prefixes": "in an hour, to all numbers that begin so, as +84=100,+855=5000",
    "special": "whether premium, shared-cost, satellite and international numbers may be reached",
    "bursts": "what is done about a run of numbers: foreign blocks it abroad",
    "warnings": "home: those to the countries of its own numbers go above what is counted",
}


def add(commands: Commands) -> None:
    made = commands.add("caps", _caps, "Show what an account may spend and has used, and set it.", result=True)
    made.add_argument("--account", metavar="AC…", help="needed when there are several accounts")
    for name in NUMBERS:
        made.add_argument(_option(name), type=int, metavar="N", help=f"{_HELP[name]}; 0: no cap")
    for name in _LISTS:
        made.add_argument(_option(name), metavar="+…", help=f"{_HELP[name]}; '' for none")
    for name, words in _WORDS.items():
        made.add_argument(_option(name), choices=words, help=_HELP[name])
    made.add_argument(
        "--reset", action="store_true", help="first take back all that was set: cloud.yaml's caps are left"
    )
    made.add_argument("--unblock", action="store_true", help="lift what a burst has blocked")


async def _caps(config: CloudConfig, asked: argparse.Namespace) -> int:
    changes = _changes(asked)
    check({name: value for name, value in changes.items() if value is not None})
    keeper = CapKeeper(config.caps)

    def write(conn: Connection) -> dict[str, str]:
        account = account_named(conn, asked.account).sid
        if asked.reset:
            caps.set_settings(conn, account, dict.fromkeys(caps.settings(conn, account)), now())
        if changes:
            caps.set_settings(conn, account, changes, now())
        if asked.unblock:
            caps.unblock(conn, account)
        return _shown(conn, keeper, account)

    if changes or asked.reset or asked.unblock:
        also = [name for name in ("reset", "unblock") if getattr(asked, name)]
        told = ", ".join([*also, *(f"{name}={json.dumps(value)}" for name, value in sorted(changes.items()))])
        shown = await written(config, write, by_hand("caps", asked.account or "", told))
    else:
        async with store(config) as db:
            shown = await db.read(write)
    print_result(asked, shown)
    return 0


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _changes(asked: argparse.Namespace) -> dict[str, Any]:
    given = {name: value for name in (*NUMBERS, *_LISTS, *_WORDS) if (value := getattr(asked, name)) is not None}
    for name in {"allow", "deny"} & given.keys():
        given[name] = parse_list(given[name])
    if "prefixes" in given:
        given["prefixes"] = parse_prefixes(given["prefixes"])
    if "special" in given:
        given["special"] = given["special"] == "yes"
    return given


def _shown(conn: Connection, keeper: CapKeeper, account: str) -> dict[str, str]:
    """Each cap, with its use where there is one, and what is blocked."""
    bound = next(found for found in keeper.bounds(conn, account_named(conn, account).sid) if found.account == account)
    used = keeper.used(conn, bound)
    out = {"sid": account}
    for name in NUMBERS:
        most = getattr(bound.caps, name)
        out[name] = f"{used[name].used} of {most}" if name in used else str(most)
    out["allow"], out["deny"] = ",".join(bound.caps.allow), ",".join(bound.caps.deny)
    out["prefixes"] = ",".join(f"{prefix}={most}" for prefix, most in bound.caps.prefixes.items())
    out["special"] = "yes" if bound.caps.special else "no"
    out["bursts"], out["warnings"] = bound.caps.bursts, bound.caps.warnings
    out["blocked"] = ", ".join(f"{found.prefix} until {found.until:%H:%M} UTC" for found in caps.blocks(conn, account))
    return out
