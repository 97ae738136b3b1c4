"""Numbers of SIMs and trunks that nobody has: released ones, and those that were never given to anybody."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cloud import numbering
from cloud.store import accounts, channels, edges, numbers
from cloud.store.database import Connection
from cloud.store.records import ChannelRecord
from telecore.ids import E164, AccountSid
from telecore.model import Service

_KEYPAD = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")


@dataclass(frozen=True, slots=True)
class Wanted:
    """``kind`` is one of numbering's. ``contains``: digits or letters of a keypad, ``*`` any one, ``%`` any number of
    them. ``area``: how the national number begins. ``services``: what is asked of it, and must be as asked."""

    country: str = ""
    kind: str = ""
    contains: str = ""
    area: str = ""
    services: tuple[tuple[Service, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Idle:
    number: E164
    channel: ChannelRecord

    @property
    def offers(self) -> frozenset[Service]:
        return self.channel.status.offers


def idle(conn: Connection, account: AccountSid) -> list[Idle]:
    """What this account may take, by number: of its own edges, or of its parent's."""
    found: dict[E164, Idle] = {}
    for channel in reachable(conn, account):
        for number in channel.status.own_numbers:
            if number not in found and numbers.get_by_number(conn, number) is None:
                found[number] = Idle(number, channel)
    return [found[number] for number in sorted(found)]


def reachable(conn: Connection, account: AccountSid) -> list[ChannelRecord]:
    """The channels of this account's edges and of its parent's."""
    mine = accounts.get(conn, account)
    owners = [account, *([mine.owner] if mine is not None and mine.owner is not None else [])]
    return channels.list_(conn, edges.names_of(conn, owners))


def search(conn: Connection, account: AccountSid, wanted: Wanted) -> list[Idle]:
    """Those that are as they should be."""
    return [one for one in idle(conn, account) if fits(one, wanted)]


def fits(one: Idle, wanted: Wanted) -> bool:
    known = numbering.look_up(one.number)
    if wanted.country and known.country != wanted.country:
        return False
    if wanted.kind and numbering.kind_of(one.number) != wanted.kind:
        return False
    national = one.number.removeprefix(f"+{known.calling_code}")
    if wanted.area and not national.startswith(wanted.area):
        return False
    if wanted.contains and not _pattern(wanted.contains).search(one.number.removeprefix("+")):
        return False
    return all((service in one.offers) is yes for service, yes in wanted.services)


def _pattern(text: str) -> re.Pattern[str]:
    digits = re.sub("%+", "%", text.lower().removeprefix("+").translate(_KEYPAD))  # each more would double the work
    return re.compile("".join({"*": r"\d", "%": r"\d*"}.get(char, re.escape(char)) for char in digits))
