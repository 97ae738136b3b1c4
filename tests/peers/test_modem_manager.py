"""ModemManager takes the simulated modem for a real one: it registers, sends and receives, with two of its plug-ins."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers.bridge import abstract_socket
from tests.peers.program import needs, path_of, running
from tests.simulator.rig import Rig, until

pytestmark = needs("ModemManager", "mmcli", "dbus-daemon", "dbus-send")
HANDSET = "+85512000010"


@contextmanager
def session_bus(folder: Path) -> Iterator[dict[str, str]]:
    """A D-Bus of the test's own; the environment that leads to it."""
    address = f"unix:path={folder}/bus"
    with running(["dbus-daemon", "--session", "--nofork", f"--address={address}"], folder / "dbus.log"):
        until((folder / "bus").exists, 10)
        yield {**os.environ, "DBUS_SESSION_BUS_ADDRESS": address}


class Manager:
    """ModemManager in its test mode, on the session bus."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment

    def profile(self, plugin: str, address: str) -> None:
        """Tell it of a modem behind an abstract socket."""
        done = self._run(
            "dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.ModemManager1",
            "/org/freedesktop/ModemManager1", "org.freedesktop.ModemManager1.Test.SetProfile", "string:test",
            f"string:{plugin}", f"array:string:abstract:{address}",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def tell(self, *arguments: str) -> str:
        """What mmcli says; empty while it has nothing to say."""
        return self._run("mmcli", "--test-session", *arguments).stdout

    def ready(self) -> bool:
        return self._run("mmcli", "--test-session", "-L").returncode == 0

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def modem_manager(folder: Path) -> Iterator[Manager]:
    with session_bus(folder) as environment:
        command = [
            path_of("ModemManager"),
            "--test-session",
            "--test-enable",
            "--no-auto-scan",
            "--test-no-qrtr",
            "--debug",
        ]
        with running(command, folder / "mm.log", environment):
            manager = Manager(environment)
            until(manager.ready, 20)
            yield manager


@pytest.mark.parametrize("plugin", ["generic", "simtech"])
def test_it_registers_sends_and_receives(rig: Rig, tmp_path: Path, plugin: str) -> None:
    modem = rig.line["modems"][0]
    address = f"simferry-{os.getpid()}-{plugin}"
    with abstract_socket(address, modem["at"]), modem_manager(tmp_path) as manager:
        manager.profile(plugin, address)
        until(lambda: "/Modem/" in manager.tell("-L"), 60)
        manager.tell("-m", "any", "--enable")
        until(lambda: "registered" in manager.tell("-m", "any"), 60)
        shown = manager.tell("-m", "any")
        assert modem["imei"] in shown
        assert re.search(r"plugin: .*" + plugin, shown)

        created = manager.tell("-m", "any", f"--messaging-create-sms=text='from the manager',number='{HANDSET}'")
        sms = re.search(r"/org/freedesktop/ModemManager1/SMS/\d+", created)
        assert sms, created
        manager.tell("-s", sms[0], "--send")
        assert [message["body"] for message in until(lambda: rig.api.messages(HANDSET), 30)] == ["from the manager"]

        rig.api.post(f"/subscribers/{HANDSET}/messages", {"to": modem["number"], "body": "to the manager"})
        until(lambda: "received" in manager.tell("-m", "any", "--messaging-list-sms"), 60)
