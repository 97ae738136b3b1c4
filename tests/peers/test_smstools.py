"""smstools' smsd sends and receives through the simulated modem. Its commands come joined by semicolons."""

from __future__ import annotations

from pathlib import Path

from tests.peers.program import needs, path_of, running
from tests.simulator.rig import Rig, until

pytestmark = needs("smsd")
HANDSET = "85512000010"


def config(rig: Rig, folder: Path) -> Path:
    for name in ("incoming", "outgoing", "checked", "failed", "sent"):
        (folder / name).mkdir()
    folders = "".join(f"{name} = {folder}/{name}\n" for name in ("incoming", "outgoing", "checked", "failed", "sent"))
    file = folder / "smsd.conf"
    file.write_text(
        f"devices = GSM1\n{folders}logfile = 1\nloglevel = 7\ndelaytime = 1\ndelaytime_mainprocess = 1\n"
        f"infofile = {folder}/working\npidfile = {folder}/pid\n"
        f"[GSM1]\ndevice = {rig.line['modems'][0]['at']}\nincoming = yes\nbaudrate = 115200\nrtscts = no\n"
    )
    return file


def test_it_sends_and_receives(rig: Rig, tmp_path: Path) -> None:
    file = config(rig, tmp_path)
    (tmp_path / "outgoing" / "one").write_text(f"To: {HANDSET}\n\nsmstools says hello")
    with running([path_of("smsd"), f"-c{file}", "-t"], tmp_path / "smsd.log"):
        sent = until(lambda: rig.api.messages(f"+{HANDSET}"), 60)
        assert [message["body"].strip() for message in sent] == ["smstools says hello"]
        rig.api.post(
            f"/subscribers/+{HANDSET}/messages", {"to": rig.line["numbers"][0], "body": "an answer for smstools"}
        )
        received = until(lambda: list((tmp_path / "incoming").iterdir()), 60)
        until(lambda: list((tmp_path / "sent").iterdir()), 30)
    assert received[0].read_text(errors="replace").endswith("an answer for smstools")
    assert not list((tmp_path / "failed").iterdir())
    assert len(rig.api.messages(f"+{HANDSET}")) == 1
