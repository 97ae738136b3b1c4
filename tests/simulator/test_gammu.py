"""gammu, a real and picky agent: it turns echo on and depends on it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.simulator.rig import Rig, until

pytestmark = pytest.mark.skipif(shutil.which("gammu") is None, reason="gammu is not installed")


def gammu(rig: Rig, *arguments: str) -> str:
    config = Path(rig.folder) / "gammu.conf"
    config.write_text(f"[gammu]\ndevice={rig.line['modems'][0]['at']}\nconnection=at115200\n")
    done = subprocess.run(
        ["gammu", "-c", str(config), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_gammu_identifies_the_modem(rig: Rig) -> None:
    said = gammu(rig, "--identify")
    assert "350000000000014" in said
    assert "456910000000001" in said


def test_gammu_sends_a_message_in_parts(rig: Rig) -> None:
    text = "from gammu with love " * 15
    gammu(rig, "--sendsms", "TEXT", "+85512000010", "-len", "400", "-text", text)
    message = rig.api.messages("+85512000010")[0]
    assert (message["body"].strip(), message["parts"]) == (text.strip(), 3)


def test_gammu_receives_a_message(rig: Rig) -> None:
    text = "to gammu, with ສະບາຍດີ"
    rig.api.post("/subscribers/+85512000011/messages", {"to": rig.line["numbers"][0], "body": text})
    until(lambda: any(rig.api.get("/network")["sims"][0]["stored"].values()))
    assert text in gammu(rig, "--getallsms")
