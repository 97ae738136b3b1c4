"""The keys of the store's secrets by the command line: replaced, lost, left out of a backup and brought back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cloud.sealing import FILE
from cloud.store.backup.manifest import KEY_FILES
from cloud.tunnel.cloud_keys import FILE as TUNNEL_KEYS
from tests.fakes.cloud_process import API, ROOT, CloudProcess

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def cloud(tmp_path: Path) -> CloudProcess:
    made = CloudProcess(tmp_path)
    made.create_account()
    return made


def lets_in(cloud: CloudProcess) -> bool:
    return cloud.get(f"{API}/{cloud.account}/Calls.json").status == 200


def test_a_new_key_under_a_controller_that_runs(cloud: CloudProcess) -> None:
    cloud.start()
    try:
        assert lets_in(cloud)
        first = cloud.result("rotate-seal-key")
        assert (first["keys"], first["sealed_again"]) == ("2", "1")
        assert lets_in(cloud)
        sub = cloud.post(f"{API}.json", FriendlyName="sealed by a controller that was told nothing").body
        assert cloud.result("rotate-seal-key", "--drop-old")["sealed_again"] == "0"
        assert (sub["auth_token"], lets_in(cloud)) == (cloud.get(f"{API}/{sub['sid']}.json").body["auth_token"], True)
    finally:
        cloud.kill()
    shown = cloud.command("audit", "show")
    assert f"| rotate-seal-key | key {first['key']}" in shown
    assert "| drop-seal-keys |" in shown


def test_without_its_key_the_controller_does_not_start_and_systemd_does_not_try_again(cloud: CloudProcess) -> None:
    keys = cloud.data / FILE
    kept = keys.rename(cloud.folder / "kept")
    told = cloud.command("serve", status=2)
    assert "bring that file back" in told
    assert not keys.exists()
    kept.rename(keys)
    keys.chmod(0o644)
    # The controller closes its folder at the start; a command that finds it open says so.
    assert "chmod 600" in cloud.command("account", status=2)
    keys.chmod(0o600)
    cloud.start()
    assert lets_in(cloud)
    try:
        assert "a controller is running" in cloud.command("rotate-seal-key", "--lost", status=1)
    finally:
        cloud.kill()


def test_a_key_that_is_lost_for_good(cloud: CloudProcess) -> None:
    (cloud.data / FILE).unlink()
    assert cloud.result("rotate-seal-key", "--lost")["replaced"] == "1"
    cloud.start()
    try:
        assert not lets_in(cloud)
    finally:
        cloud.kill()
    assert "replace-lost-secrets" in cloud.command("audit", "show")


def test_a_backup_without_keys_says_which_and_keeps_those_that_are_there(cloud: CloudProcess, tmp_path: Path) -> None:
    assert KEY_FILES == (FILE, TUNNEL_KEYS)
    cloud.result("enrol-edge", "site-1")  # makes the tunnel's key
    with_keys, without = tmp_path / "with", tmp_path / "without.tar"
    assert cloud.result("backup", str(with_keys))["missing_keys"] == "none"
    assert (with_keys / FILE).is_file()
    (key,) = json.loads((with_keys / "manifest.json").read_text())["keys"]
    assert cloud.result("backup", "--without-keys", str(without))["missing_keys"] == key
    packed = without.read_bytes()
    for name in KEY_FILES:
        assert name.encode() not in packed
        assert (cloud.data / name).read_text()[20:60].encode() not in packed
    assert cloud.result("verify-backup", str(without))["missing_keys"] == key
    cloud.result("restore", "--replace", str(without))
    cloud.start()
    try:
        assert lets_in(cloud), "the keys of this machine have stayed"
    finally:
        cloud.kill()


def test_a_new_machine_needs_the_keys_too(cloud: CloudProcess, tmp_path: Path) -> None:
    cloud.result("enrol-edge", "site-1")
    cloud.result("backup", "--without-keys", str(tmp_path / "b"))
    (tmp_path / "new").mkdir()
    new = CloudProcess(tmp_path / "new")
    told = _said(new, "restore", str(tmp_path / "b"))
    assert "will not start yet" in told
    assert f"{TUNNEL_KEYS} is not there" in told
    assert "bring that file back" in new.command("serve", status=2)
    for name in KEY_FILES:
        (new.data / name).write_text((cloud.data / name).read_text())
        (new.data / name).chmod(0o600)
    new.account, new.token = cloud.account, cloud.token
    new.start()
    try:
        assert lets_in(new)
    finally:
        new.kill()


def test_keys_elsewhere_are_not_in_the_backup(tmp_path: Path) -> None:
    cloud = CloudProcess(tmp_path, extra="seal_keys: apart/keys.json\n")
    cloud.create_account()
    assert (tmp_path / "apart" / "keys.json").is_file()
    assert not (cloud.data / FILE).exists()
    assert cloud.result("backup", str(tmp_path / "b"))["missing_keys"] != "none"
    assert "will not start yet" not in _said(cloud, "restore", "--replace", str(tmp_path / "b"))


def _said(cloud: CloudProcess, *arguments: str) -> str:
    line = [sys.executable, "-m", "cloud", *arguments, "--config", str(cloud.config)]
    done = subprocess.run(line, check=True, cwd=ROOT, capture_output=True, text=True, timeout=120)
    return done.stderr
