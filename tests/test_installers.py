"""The installers and the Debian packages on a bare Debian 12: what they leave starts, is confined, and can be removed.

There is no running systemd in a root folder, so its own tools judge the units, and what they would start is started as
the user that they name.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.updates import signing
from scripts.releasekit.bundle import make_release
from scripts.releasekit.deb import build_deb, wheels
from scripts.releasekit.distributions import CLOUD, EDGE
from telecore.releases import PROFILES
from tests.fakes.bare_debian import BareDebian, bare_debian, why_not
from tests.fakes.ports import free_port

pytestmark = [pytest.mark.skipif(bool(why_not()), reason=why_not()), pytest.mark.timeout(900)]

OURS = ("simferry", "edge-agent", "edge_agent")
UNITS = ("edge-agent.service", "simferry-update.service", "simferry-update.path", "simferry-cloud.service")


@pytest.fixture(scope="session")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels of others for this Python, which is also that of Debian 12."""
    folder = tmp_path_factory.mktemp("wheels")
    wheels(("edge", "cloud"), folder)
    return folder


@pytest.fixture
def debian(tmp_path: Path, carried: Path) -> Iterator[BareDebian]:
    with bare_debian(tmp_path, carried) as made:
        yield made


def test_install_serve_and_uninstall(debian: BareDebian) -> None:
    before = {name: (debian.root / "etc" / name).read_text() for name in ("passwd", "group")}
    assert debian.named(*OURS) == []
    debian.run("/src/scripts/install-cloud", "--yes")
    debian.run("/src/scripts/install-edge", "--yes")
    units_are_sound(debian)
    files_are_guarded(debian)
    services_serve(debian, "/usr/local/bin")
    debian.run("/src/scripts/install-edge", "--yes")  # once more: up to date
    debian.run("/src/scripts/install-edge", "--uninstall")
    assert (debian.root / "etc/edge-agent/agent.yaml").exists()
    assert (debian.root / "var/lib/edge-agent/identity.json").exists()
    assert (debian.root / "opt/simferry/cloud/bin/simferry-cloud").exists()
    debian.run("/src/scripts/install-edge", "--uninstall", "--purge")
    debian.run("/src/scripts/install-cloud", "--uninstall", "--purge")
    nothing_is_left(debian, before)


def test_the_debian_packages(debian: BareDebian, tmp_path: Path) -> None:
    before = {name: (debian.root / "etc" / name).read_text() for name in ("passwd", "group")}
    for made in (EDGE, CLOUD):
        chosen = tmp_path / made.name
        wheels((made.extra or "",), chosen)
        deb = build_deb(made, debian.root / "tmp", chosen)
        debian.run("dpkg", "-i", f"/tmp/{deb.name}")
    units_are_sound(debian)
    files_are_guarded(debian)
    services_serve(debian, "/usr/bin")
    debian.run("dpkg", "-r", "simferry-edge", "simferry-cloud")
    assert (debian.root / "etc/edge-agent/agent.yaml").exists()
    assert not (debian.root / "opt/simferry").exists()
    debian.run("dpkg", "-P", "simferry-edge", "simferry-cloud")
    for deb in (debian.root / "tmp").glob("*.deb"):
        deb.unlink()
    nothing_is_left(debian, before)


def test_a_package_that_was_changed_on_the_way_is_not_installed(debian: BareDebian) -> None:
    lock = debian.root / "src/requirements.lock"
    pins = lock.read_text()
    start = pins.index("pyserial==")
    end = pins.index("pytest==", start)
    lock.write_text(pins[:start] + re.sub(r"sha256:[0-9a-f]{8}", "sha256:00000000", pins[start:end]) + pins[end:])
    told = debian.run("/src/scripts/install-edge", "--yes", check=False)
    assert told.returncode == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in told.stderr
    assert not (debian.root / "opt/simferry/edge").exists()


def units_are_sound(debian: BareDebian) -> None:
    for unit in UNITS:
        folder = "etc" if (debian.root / "etc/systemd/system" / unit).exists() else "lib"
        path = f"/{folder}/systemd/system/{unit}"
        judged = debian.run("systemd-analyze", "verify", "--man=no", path, check=False)
        complaints = [line for line in judged.stderr.splitlines() if any(name in line for name in OURS)]
        assert (judged.returncode, complaints) == (0, []), judged.stderr
        if unit.endswith(".service"):
            scored = debian.run("systemd-analyze", "security", "--offline=true", "--no-pager", path, check=False).stdout
            found = re.search(r"Overall exposure level for [^:]+: ([0-9.]+)", scored)
            assert found, scored
            assert float(found[1]) <= 2.0, (unit, found[1])


def files_are_guarded(debian: BareDebian) -> None:
    """Nobody but root may change what runs; the services' users read no more than they need."""
    loose = debian.run(
        "find", "/opt/simferry", "/etc/edge-agent", "/etc/simferry-cloud", "-perm", "/022", "-not", "-type", "l"
    )
    assert loose.stdout == ""
    strangers = debian.run("find", "/opt/simferry", "-not", "-user", "root")
    assert strangers.stdout == ""
    for path in ("/etc/edge-agent/agent.yaml", "/etc/simferry-cloud/cloud.yaml"):
        assert debian.run("stat", "-c", "%a %U", path).stdout == "640 root\n"
        assert debian.run("cat", path, user="nobody", check=False).returncode != 0
    inbox = debian.run("stat", "-c", "%a %U %G", "/var/lib/simferry-update/inbox").stdout
    assert inbox == "2770 edge-agent simferry-update\n"
    assert debian.run("touch", "/var/lib/simferry-update/state.json", user="edge-agent", check=False).returncode != 0
    assert "dialout" in debian.run("id", "-nG", "edge-agent").stdout


def services_serve(debian: BareDebian, commands: str) -> None:
    """As the units say: the cloud migrates and serves, the edge enrols, connects, and stops when it is told to."""
    web, tunnel, status = free_port(), free_port(), free_port()
    config = debian.root / "etc/simferry-cloud/cloud.yaml"
    text = config.read_text().replace("port: 8080", f"port: {web}").replace("port: 8081", f"port: {tunnel}")
    text = text.replace("https://cloud.example", f"http://127.0.0.1:{web}").replace(
        "wss://tunnel.example", f"ws://127.0.0.1:{tunnel}"
    )
    config.write_text(text)
    for name, user in (("simferry-cloud", "simferry-cloud"), ("edge-agent", "edge-agent")):
        debian.run("install", "-d", "-m", "700", "-o", user, "-g", user, f"/var/lib/{name}")  # StateDirectory
    (before,) = debian.setting("simferry-cloud.service", "ExecStartPre")
    debian.run(*before.split(), user="simferry-cloud")
    with serving(debian, "simferry-cloud.service"):
        until(lambda: answers(f"http://127.0.0.1:{web}/readyz"))
        debian.run(f"{commands}/simferry-cloud", "create-account", "flood", user="simferry-cloud")
        made = debian.run(f"{commands}/simferry-cloud", "enrol-edge", "site-1", "--json", user="simferry-cloud")
        token = json.loads(made.stdout)["token"]
        agent = debian.root / "etc/edge-agent/agent.yaml"
        agent.write_text(agent.read_text() + f"\nstatus:\n  port: {status}\n")
        cloud = f"http://127.0.0.1:{web}"
        debian.run(f"{commands}/edge-agent", "enrol", "--cloud", cloud, "--token", token, user="edge-agent")
        with serving(debian, "edge-agent.service"):
            until(lambda: answers(f"http://127.0.0.1:{status}/status").get("tunnel", {}).get("connected"))
        update(debian, f"{commands}/simferry-cloud")


def update(debian: BareDebian, cloud: str) -> None:
    """Profiles by the air, by the very users: the agent may lay it down, the updater may read it, and end the agent."""
    secret = signing.new_secret()
    (debian.root / "etc/simferry-update/release-keys/ours.pub").write_text(signing.public_of(secret).hex())
    made = make_release(PROFILES, debian.root / "tmp", secret, version="0.1.5")
    debian.run(cloud, "release", "add", f"/tmp/{made.name}", user="simferry-cloud")
    debian.run(cloud, "release", "stage", "0.1.5", "--percent", "100", user="simferry-cloud")
    place = debian.root / "var/lib/simferry-update"
    (command,) = debian.setting("simferry-update.service", "ExecStart")
    more = ("--processes", "/tmp/pids", "--trial", "60")
    with serving(debian, "edge-agent.service", ends_itself=True) as agent:
        until((place / "inbox/wanted.json").exists)
        (debian.root / "tmp/pids").write_text(f"{agent.pid}\n")
        updater = subprocess.Popen(debian.command(*command.split(), *more, user="simferry-update", capability="kill"))
        assert agent.wait(60) == 0
    with serving(debian, "edge-agent.service"):
        assert updater.wait(90) == 0
    told = json.loads((place / "state.json").read_text())["results"]
    assert [(result["version"], result["outcome"]) for result in told] == [("0.1.5", "done")]
    assert (place / "profiles").is_symlink()
    made.unlink()


@contextlib.contextmanager
def serving(debian: BareDebian, unit: str, *, ends_itself: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """Its ExecStart as its User, until SIGTERM, which it must obey within TimeoutStopSec."""
    (command,), (user,) = debian.setting(unit, "ExecStart"), debian.setting(unit, "User")
    log = debian.root.parent / f"{unit}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(debian.command(*command.split(), user=user), stdout=out, stderr=out)
    try:
        yield process
        if ends_itself:
            return
        assert process.poll() is None, log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(25) == 0, log.read_text()
    except AssertionError as error:
        raise AssertionError(f"{error}\n{log.read_text()[-3000:]}") from error
    finally:
        process.kill()
        process.wait()


def nothing_is_left(debian: BareDebian, before: dict[str, str]) -> None:
    left = [path for path in debian.named(*OURS) if not path.startswith("/var/lib/dpkg") and "/var/log" not in path]
    assert left == []
    assert debian.run("find", "/", "-xdev", "-path", "/proc", "-prune", "-o", "-nouser", "-print").stdout == ""
    assert {name: (debian.root / "etc" / name).read_text() for name in before} == before


def answers(url: str) -> dict[str, object]:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return dict(json.loads(answer.read()))
    except (OSError, ValueError):
        return {}


def until(what: object, seconds: float = 60.0) -> None:
    assert callable(what)
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)
