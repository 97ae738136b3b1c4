"""gammu-smsd, a daemon of its own mind, runs on the simulated modem."""

from __future__ import annotations

from pathlib import Path

from tests.peers.program import needs, path_of, running
from tests.simulator.rig import Rig, until

pytestmark = needs("gammu-smsd")
HANDSET = "+85512000010"


def config(rig: Rig, folder: Path) -> Path:
    for name in ("in", "out", "sent", "error"):
        (folder / name).mkdir()
    file = folder / "smsdrc"
    file.write_text(
        f"[gammu]\nport = {rig.line['modems'][0]['at']}\nconnection = at115200\n"
        f"[smsd]\nservice = files\nlogfile = stdout\ndebuglevel = 4\nloopsleep = 1\ncheckbattery = 0\n"
        f"inboxpath = {folder}/in/\noutboxpath = {folder}/out/\nsentsmspath = {folder}/sent/\n"
        f"errorsmspath = {folder}/error/\n"
    )
    return file


def test_it_sends_and_receives_each_message_once(rig: Rig, tmp_path: Path) -> None:
    file = config(rig, tmp_path)
    (tmp_path / "out" / f"OUT{HANDSET}.txt").write_text("the daemon says hello")
    with running([path_of("gammu-smsd"), "-c", str(file)], tmp_path / "smsd.log"):
        sent = until(lambda: rig.api.messages(HANDSET), 60)
        assert [message["body"] for message in sent] == ["the daemon says hello"]
        for text in ("first answer", "second answer"):
            rig.api.post(f"/subscribers/{HANDSET}/messages", {"to": rig.line["numbers"][0], "body": text})
        received = until(lambda: (found := sorted((tmp_path / "in").iterdir())) and len(found) >= 2 and found, 60)
        until(lambda: not any(rig.api.get("/network")["sims"][0]["stored"].values()), 30)
    assert [file.read_text(encoding="utf-8").strip() for file in received] == ["first answer", "second answer"]
    assert not list((tmp_path / "error").iterdir())
    assert len(rig.api.messages(HANDSET)) == 1
