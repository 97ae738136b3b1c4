"""What the agent does not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def ask(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_agent_loads_no_http_no_mail_no_archives_and_no_numbers() -> None:
    absent = ("http.client", "email", "zipfile", "tempfile", "shutil", "statistics", "pyexpat", "numpy", "aiohttp")
    code = f"import sys, edge_agent.agent; print([name for name in {absent} if name in sys.modules])"
    assert ask(code) == "[]"


def test_what_was_put_off_works_when_it_is_wanted() -> None:
    code = (
        "import edge_agent.uplink, urllib.request, websockets.proxy as proxy;"
        "import os; os.environ['https_proxy'] = 'http://proxy:3128'; asked = proxy.urllib.request.getproxies;"
        "print(asked()['https'], urllib.request.getproxies is asked)"
    )
    assert ask(code) == "http://proxy:3128 True"
