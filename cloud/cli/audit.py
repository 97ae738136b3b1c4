"""The audit log: audit verify, audit show."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from cloud.cli.commands import Commands, store
from cloud.config import CloudConfig
from cloud.services import audit_anchors
from cloud.store import audit
from cloud.store.database import Database
from cloud.store.records.audit import AuditRecord

NOT_WHOLE = 3


def add(commands: Commands) -> None:
    made = commands.add("audit", _audit, "Show the audit log, or verify that nobody has changed it.", result=True)
    made.add_argument("action", choices=("verify", "show"))
    made.add_argument("--last", type=int, default=50, metavar="N", help="how many to show (default: %(default)s)")
    made.add_argument("--who", default="", help="only what this one did, as it is shown")
    made.add_argument(
        "--anchors",
        type=Path,
        metavar="FILE",
        help="heads that were told elsewhere, NUMBER:HASH anywhere in the text, such as journalctl prints; - for stdin",
    )


async def _audit(config: CloudConfig, asked: argparse.Namespace) -> int:
    async with store(config) as db:
        if asked.action == "verify":
            return await _verify(db, config, asked)
        found = await db.read(lambda conn: audit.latest(conn, max(1, asked.last), who=asked.who))
    for record in reversed(found):
        print(json.dumps({**asdict(record), "at": _when(record)}) if asked.json else _line(record))
    return 0


async def _verify(db: Database, config: CloudConfig, asked: argparse.Namespace) -> int:
    """Exit status 3 for a log that is not whole."""
    more = []
    if asked.anchors is not None:
        text = sys.stdin.read() if str(asked.anchors) == "-" else asked.anchors.read_text(errors="replace")
        more = audit_anchors.read_heads(text)
    verdict = await audit_anchors.verify(db, config.data_dir, more)
    head = f"{verdict.head.number}:{verdict.head.hash}"
    if asked.json:
        print(json.dumps({"entries": verdict.entries, "head": head, "faults": verdict.faults}))
    else:
        for fault in verdict.faults:
            print(fault, file=sys.stderr)
        print(f"{'NOT WHOLE' if verdict.faults else 'whole'}: {verdict.entries} entries, the last is {head}")
    return NOT_WHOLE if verdict.faults else 0


def _line(record: AuditRecord) -> str:
    told = (record.who, record.action, record.target, record.detail, f"from {record.source or 'here'}", record.result)
    return f"{record.number} {_when(record)} " + " | ".join(part for part in told if part)


def _when(record: AuditRecord) -> str:
    return record.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
