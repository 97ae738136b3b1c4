"""Edges and their channels: enrol-edge, channels."""

from __future__ import annotations

import argparse
import json
import sys

from cloud.cli.commands import Commands, account_named, by_hand, print_result, written
from cloud.config import CloudConfig
from cloud.fleet import channel_table
from cloud.store import channels, edges
from cloud.store.database import Connection, Database
from telecore.errors import InvalidRequest
from telecore.ids import AccountSid, EdgeId, is_slug


def add(commands: Commands) -> None:
    made = commands.add(
        "enrol-edge", _enrol_edge, "Print a token that enrols one edge, once, within 24 hours.", result=True
    )
    made.add_argument("name", help="the edge's name: lower-case letters, digits and hyphens, such as site-1")
    made.add_argument("--account", metavar="AC…", help="whose SIMs they are; needed when there are several accounts")
    made = commands.add("channels", _channels, "List the channels of all edges as they were told last.", result=True)
    made.add_argument("--edge", metavar="NAME", help="only those of this edge")


async def _enrol_edge(config: CloudConfig, asked: argparse.Namespace) -> int:
    if not is_slug(asked.name):
        raise InvalidRequest(f"{asked.name!r} cannot name an edge: use lower-case letters, digits and hyphens")

    def write(conn: Connection) -> tuple[str, AccountSid]:
        account = account_named(conn, asked.account)
        return edges.create(conn, EdgeId(asked.name), account.sid), account.sid

    token, account = await written(config, write, by_hand("enrol-edge", f"edge {asked.name}"))
    print_result(asked, {"edge": asked.name, "account": account, "token": token})
    if not asked.json:
        print(f"on the site: edge-agent enrol --cloud {config.public_url} --token {token}", file=sys.stderr)
    return 0


async def _channels(config: CloudConfig, asked: argparse.Namespace) -> int:
    async with Database(config.database_url) as db:
        found = await db.read(lambda conn: channels.list_(conn, asked.edge))
    rows = [channel_table.row(record) for record in found]
    print(json.dumps(rows) if asked.json else channel_table.text(rows))
    return 0
