"""Faults of the disk, put in by strace under a real process: what was acknowledged is there, what is there was."""

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.spool import Spool

ROOT = Path(__file__).parents[3]
STRACE = shutil.which("strace")

WRITER = """
import asyncio, json, sys
from pathlib import Path
from edge_agent.spool import Spool
from telecore.errors import StorageFailed
from telecore.events import CallRinging
async def main():
    try:
        spool = await Spool.open(Path(sys.argv[1]))
    except StorageFailed:
        print(json.dumps({"kept": [], "refused": 40}))
        return
    kept, refused = [], 0
    for n in range(40):
        try:
            await spool.append(CallRinging(call=f"CA{n}"))
            kept.append(f"CA{n}")
        except StorageFailed:
            refused += 1
    print(json.dumps({"kept": kept, "refused": refused}))
    await spool.close()
asyncio.run(main())
"""


def can_trace() -> bool:
    if STRACE is None:
        return False
    return subprocess.run([STRACE, "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


def run_with_fault(path: Path, fault: str) -> dict:
    command = [str(STRACE), "-f", "-o", "/dev/null", "-e", f"inject={fault}", sys.executable, "-c", WRITER, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


@pytest.mark.skipif(not can_trace(), reason="strace is not here, or may not trace")
@pytest.mark.parametrize(
    "fault",
    [
        "fdatasync:error=EIO:when=14..20",
        "fdatasync:error=EIO:when=25+3",
        "pwrite64:error=ENOSPC:when=3..40",
        "pwrite64:error=ENOSPC:when=120..160",
        "pwrite64:error=ENOSPC:when=150+7",
        "pwrite64:error=EIO:when=170..175",
    ],
)
async def test_nothing_is_acknowledged_that_is_not_kept(tmp_path, fault):
    path = tmp_path / "spool.db"
    said = await asyncio.to_thread(run_with_fault, path, fault)
    assert said["refused"] > 0, "the fault was not met"
    spool = await Spool.open(path)
    assert spool.quarantined is None
    kept = [row["call"] for _, row in await spool.read(0, 1000)]
    assert set(said["kept"]) <= set(kept)
    assert kept == sorted(kept, key=lambda call: int(call[2:]))
    assert len(kept) == len(set(kept))
    await spool.close()
