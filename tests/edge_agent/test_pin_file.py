"""A file of PINs is for one user alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_agent.config.pin_file import exposures

ME = os.geteuid()


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    path = tmp_path / "pins.yaml"
    path.write_text("8985500000000000001: 0123\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_its_owner_alone_reads_it(pins: Path, mode: int) -> None:
    pins.chmod(mode)
    assert list(exposures(pins, {ME})) == []


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o604, 0o602, 0o610, 0o666])
def test_a_bit_for_group_or_others_is_too_much(pins: Path, mode: int) -> None:
    pins.chmod(mode)
    (problem,) = exposures(pins, {ME})
    assert f"mode {mode:04o}" in problem
    assert "chmod 600" in problem


@pytest.mark.skipif(ME != 0, reason="only root gives files away")
def test_it_belongs_to_the_agents_user_or_to_root(pins: Path) -> None:
    assert list(exposures(pins, {4321})) == []
    os.chown(pins, 4321, -1)
    assert list(exposures(pins, {4321})) == []
    (problem,) = exposures(pins, {4322})
    assert "belongs to user 4321; run: chown 4322" in problem


def test_a_link_into_a_folder_that_others_write_in(pins: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    os.rename(pins, shared / "pins.yaml")
    link = tmp_path / "pins.yaml"
    link.symlink_to(shared / "pins.yaml")
    shared.chmod(0o755)
    assert list(exposures(link, {ME})) == []
    shared.chmod(0o777)
    (problem,) = exposures(link, {ME})
    assert "where others may write" in problem


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (problem,) = exposures(tmp_path, {ME})
    assert problem.endswith("is no file")


def test_what_is_not_there_is_said_by_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(exposures(tmp_path / "absent", {ME}))


def test_a_credential_of_systemds_is_guarded_by_an_acl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which shows as the group's bits; what others may do counts all the same, and so do files elsewhere."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    given, other = folder / "sim-pins", tmp_path / "pins.yaml"
    for path in (given, other):
        path.write_text("8985500000000000001: 0123\n")
        path.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    assert list(exposures(given, {ME})) == []
    assert len(list(exposures(other, {ME}))) == 1
    given.chmod(0o444)
    assert len(list(exposures(given, {ME}))) == 1
