"""Edges, their keys and channels: enrol-edge, revoke-edge, forgive-edge, rotate-tunnel-key, channels."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time

from cloud.cli.commands import Commands, account_named, by_hand, print_result, store, written
from cloud.config import CloudConfig
from cloud.fleet import channel_table
from cloud.services.edge_desk import enrol_command
from cloud.store import channels, edges
from cloud.store.database import Connection
from cloud.tunnel.cloud_keys import FILE, CloudKeys
from telecore.errors import InvalidRequest
from telecore.ids import AccountSid, EdgeId, is_slug


def add(commands: Commands) -> None:
    made = commands.add(
        "enrol-edge", _enrol_edge, "Print a token that enrols one edge, once, within 24 hours.", result=True
    )
    made.add_argument("name", help="the edge's name: lower-case letters, digits and hyphens, such as site-1")
    made.add_argument("--account", metavar="AC…", help="whose SIMs they are; needed when there are several accounts")
    made = commands.add("revoke-edge", _revoke_edge, "Shut a stolen or lost edge out, at once.", result=True)
    made.add_argument("name", help="the edge; its history stays, and enrol-edge puts another device in its place")
    made = commands.add(
        "forgive-edge",
        _forgive_edge,
        "Unlock an edge whose key seemed copied: the next to come is the one.",
        result=True,
    )
    made.add_argument(
        "name", help="an edge of which you know that there is one device, such as after a restored backup"
    )
    made = commands.add(
        "rotate-tunnel-key", _rotate_key, "Make a new key by which edges know this cloud; they follow.", result=True
    )
    made.add_argument(
        "--drop-old", action="store_true", help="only forget the old ones; edges that were not here since enrol again"
    )
    made = commands.add("channels", _channels, "List the channels of all edges as they were told last.", result=True)
    made.add_argument("--edge", metavar="NAME", help="only those of this edge")


async def _enrol_edge(config: CloudConfig, asked: argparse.Namespace) -> int:
    if not is_slug(asked.name):
        raise InvalidRequest(f"{asked.name!r} cannot name an edge: use lower-case letters, digits and hyphens")

    def write(conn: Connection) -> tuple[str, AccountSid]:
        account = account_named(conn, asked.account)
        return edges.create(conn, EdgeId(asked.name), account.sid), account.sid

    secret, account = await written(config, write, by_hand("enrol-edge", f"edge {asked.name}"))
    token = f"{secret}.{await asyncio.to_thread(_key_of, config)}"
    print_result(asked, {"edge": asked.name, "account": account, "token": token})
    if not asked.json:
        print(f"on the site: {enrol_command(config.public_url, token)}", file=sys.stderr)
    return 0


async def _revoke_edge(config: CloudConfig, asked: argparse.Namespace) -> int:
    gone = await written(
        config, lambda conn: edges.revoke(conn, asked.name), by_hand("revoke-edge", f"edge {asked.name}")
    )
    print_result(asked, {"edge": asked.name, "vouchers_removed": str(gone)})
    return 0


async def _forgive_edge(config: CloudConfig, asked: argparse.Namespace) -> int:
    await written(config, lambda conn: edges.forgive(conn, asked.name), by_hand("forgive-edge", f"edge {asked.name}"))
    print_result(asked, {"edge": asked.name})
    return 0


async def _rotate_key(config: CloudConfig, asked: argparse.Namespace) -> int:
    keys = CloudKeys(config.data_dir / FILE)

    def change() -> None:
        if asked.drop_old:
            keys.drop_old()
        else:
            keys.rotate(time.time())

    await asyncio.to_thread(change)
    action = "drop-tunnel-keys" if asked.drop_old else "rotate-tunnel-key"
    await written(config, lambda conn: None, by_hand(action, f"key {keys.public[0][:16]}"))
    print_result(asked, {"key": keys.public[0], "keys": str(len(keys.public))})
    return 0


def _key_of(config: CloudConfig) -> str:
    """The beginning of the cloud's public key, by which an edge knows that it enrols with whoever made the token."""
    keys = CloudKeys(config.data_dir / FILE)
    keys.tend(time.time())
    return keys.public[0][:32]


async def _channels(config: CloudConfig, asked: argparse.Namespace) -> int:
    async with store(config) as db:
        found = await db.read(lambda conn: channels.list_(conn, [asked.edge] if asked.edge else None))
    rows = [channel_table.row(record) for record in found]
    print(json.dumps(rows) if asked.json else channel_table.text(rows))
    return 0
