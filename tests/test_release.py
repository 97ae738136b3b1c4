"""Releases are the same bytes each time; what they are made of is locked, listed and signed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

import cloud
import edge_agent
from edge_agent.updates import signing
from edge_agent.updates.bundle import open_bundle
from scripts.releasekit import audit, names
from scripts.releasekit.bundle import make_release
from scripts.releasekit.deb import build_deb
from scripts.releasekit.distributions import CLOUD, EDGE, LOCK, NAMES, ROOT, WHOLE, locked, project
from scripts.releasekit.sbom import sbom
from scripts.releasekit.wheel import build_wheel
from telecore.errors import NotAllowed
from telecore.releases import PROFILES, PROGRAM


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def copy_of_the_repository(folder: Path) -> Path:
    """The same sources, elsewhere and of another date, in another order on the disk."""
    for name in reversed(("telecore", "edge_agent", "firmware_profiles", "cloud", "simulator", "scripts", "systemd")):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"), copy_function=shutil.copyfile
        )
    for name in ("pyproject.toml", "requirements.lock", "README.md", "SECURITY.md", "CHANGELOG.md"):
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    here, there, secret = tmp_path / "here", tmp_path / "there", signing.new_secret()
    here.mkdir()
    there.mkdir()
    elsewhere = copy_of_the_repository(tmp_path / "elsewhere")
    carried = here / "wheels"
    carried.mkdir()
    (carried / "other-1.0-py3-none-any.whl").write_bytes(b"a wheel of others")
    made = [build_wheel(each, here) for each in (WHOLE, EDGE, CLOUD)]
    made += [make_release(what, here, secret) for what in (PROGRAM, PROFILES)]
    if shutil.which("dpkg-deb"):
        made += [build_deb(each, here, carried) for each in (EDGE, CLOUD)]
    again = f"""
from pathlib import Path
from scripts.releasekit import bundle, deb, distributions as d, wheel
there, secret = Path({str(there)!r}), bytes.fromhex({secret.hex()!r})
[wheel.build_wheel(each, there) for each in (d.WHOLE, d.EDGE, d.CLOUD)]
[bundle.make_release(what, there, secret) for what in ("program", "profiles")]
if {shutil.which("dpkg-deb") is not None}:
    [deb.build_deb(each, there, Path({str(carried)!r})) for each in (d.EDGE, d.CLOUD)]
"""
    environment = {**os.environ, "PYTHONPATH": str(elsewhere), "PYTHONHASHSEED": "7", "TZ": "Asia/Phnom_Penh"}
    subprocess.run([sys.executable, "-c", again], check=True, cwd=elsewhere, env=environment, umask=0o077)
    assert {path.name: digest(path) for path in made} == {path.name: digest(there / path.name) for path in made}


def test_a_wheel_holds_every_module_and_every_file_of_data(tmp_path: Path) -> None:
    tracked = subprocess.run(["git", "ls-files", *EDGE.packages], cwd=ROOT, capture_output=True, text=True, check=True)
    wanted = {name for name in tracked.stdout.split() if not name.endswith(".md")}
    with zipfile.ZipFile(build_wheel(EDGE, tmp_path)) as wheel:
        held = set(wheel.namelist())
        assert wanted <= held
        assert wheel.testzip() is None


def test_the_versions_agree() -> None:
    assert edge_agent.__version__ == cloud.__version__ == project()["version"]


def test_pip_takes_the_wheel(tmp_path: Path) -> None:
    wheel = build_wheel(EDGE, tmp_path)
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        str(tmp_path / "in"),
        str(wheel),
    ]
    subprocess.run(command, check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent", "version"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "in")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"edge-agent {edge_agent.__version__}")


def test_what_each_extra_needs_is_listed_and_locked() -> None:
    for extra in names.EXTRAS:
        assert names.closure(extra) == (NAMES / f"{extra}.txt").read_text().split(), (
            "python -m scripts.releasekit.names"
        )
        pins = locked((extra,))
        assert pins.count("==") == len(names.closure(extra))
        assert all("--hash=sha256:" in pin for pin in pins.split("\n\n") if pin)
        assert set(pins.splitlines()) <= set(LOCK.read_text().splitlines())


def test_the_list_of_materials_names_every_locked_package() -> None:
    made = json.loads(sbom(("edge",), "simferry-edge", "0.1.0"))
    assert made["bomFormat"] == "CycloneDX"
    assert {part["name"] for part in made["components"]} == set(names.closure("edge"))
    assert all(part["hashes"] and part["purl"].startswith("pkg:pypi/") for part in made["components"])


def test_a_known_hole_is_told() -> None:
    hole = {"id": "PYSEC-2026-1", "fix_versions": ["1.1"], "aliases": [], "description": ""}
    report = {
        "dependencies": [{"name": "a", "version": "1.0", "vulns": [hole]}, {"name": "b", "version": "2", "vulns": []}]
    }
    assert audit.holes(json.dumps(report)) == ["a 1.0: PYSEC-2026-1, mended by 1.1"]
    strange = {"dependencies": [*report["dependencies"], {"name": "c", "skip_reason": "not found"}]}
    assert audit.holes(json.dumps(strange)) == audit.holes(json.dumps(report))
    assert (audit.skipped(json.dumps(report)), audit.skipped(json.dumps(strange))) == (0, 1)
    with pytest.raises(ValueError, match="Expecting"):
        audit.holes("")


def test_what_cannot_be_reached_is_told_soon(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(audit, "_STAMP", tmp_path / "audited")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        began = time.monotonic()
        assert audit.main() == 0
        assert time.monotonic() - began < 30
    assert "cannot be looked up here" in capsys.readouterr().err
    assert not (tmp_path / "audited").exists()


def test_a_release_is_believed_by_its_key_alone(tmp_path: Path) -> None:
    secret = signing.new_secret()
    made = make_release(PROFILES, tmp_path, secret)
    assert open_bundle(made.read_bytes(), (signing.public_of(secret),)).release.what == PROFILES
    for keys in ((), (signing.public_of(signing.new_secret()),)):
        with pytest.raises(NotAllowed):
            open_bundle(made.read_bytes(), keys)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "keys" / "release.key"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "scripts.releasekit.main", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    public = run("keygen", "--key", str(key))
    assert public.returncode == 0
    assert key.stat().st_mode & 0o777 == 0o600
    assert run("public", "--key", str(key)).stdout == public.stdout
    assert run("keygen", "--key", str(key)).returncode == 1
    key.chmod(0o640)
    told = run("profiles", "--key", str(key), "--dirty", "--into", str(tmp_path))
    assert (told.returncode, "mode 0640" in told.stderr) == (1, True)
    key.chmod(0o600)
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "ours.pub").write_text(public.stdout)
    made = run("profiles", "--key", str(key), "--dirty", "--into", str(tmp_path)).stdout.strip()
    assert "simferry-edge profiles 0.1.0" in run("verify", made, "--keys", str(tmp_path / "trusted")).stdout
