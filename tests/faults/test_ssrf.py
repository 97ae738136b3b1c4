"""Every way that a customer's URL could lead inside, against a real name server and real sockets."""

from __future__ import annotations

import ast
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.conftest import Report, times

ROOT = Path(__file__).parents[2]
OUTWARD = {"cloud/services/webhooks.py": "ClientSession", "cloud/services/stream_socket.py": "connect"}
"""The two files that open connections to where a customer says, and what they do it with."""


def _can_unshare() -> bool:
    return subprocess.run(["unshare", "-rmn", "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not _can_unshare(), reason="no network namespaces here")
def test_nothing_inside_is_reached(report: Report, chance: random.Random) -> None:
    seed = chance.randrange(10**6)
    command = ["unshare", "-rmn", sys.executable, "-m", "tests.faults.ssrf_world", str(times(60, 3000)), str(seed)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    figures = json.loads(done.stdout)
    report("SSRF: literals, names, redirects, rebinding, own ports", **figures)
    assert figures["reached_inside"] == 0
    assert figures["reached_own_ports"] == 0
    assert figures["answers_let_through"] == 0
    assert figures["public_and_allowed_served"] == 2, "what is meant to work works"
    assert figures["lookups_of_the_rebound"] >= figures["rebinding"] // 3, "the name server was asked anew"
    assert figures["refused_addresses_counted"] > 100


def test_there_are_two_doors_outward_and_both_are_guarded() -> None:
    """Every URL field of the API and of TwiML goes through one of them, for there is no other way out."""
    ways = {"ClientSession", "urlopen", "create_connection", "open_connection", "HTTPConnection", "HTTPSConnection"}
    found = set()
    for path in (ROOT / "cloud").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
            plain = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if {name, plain} & ways or plain == "connect":
                found.add(str(path.relative_to(ROOT)))
    assert found == set(OUTWARD)
    for door in OUTWARD:
        assert "admits(" in (ROOT / door).read_text()
