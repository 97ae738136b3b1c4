"""Secrets under a key: what opens them, what does not, and where the keys come from."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from cloud.sealing import CREDENTIAL, FILE, SealBroken, Seals, beside, key_id

PLACE = "accounts.auth_token\0AC1"
SECRET = "5ca1ab1e" * 4


@pytest.fixture
def seals(tmp_path: Path) -> Seals:
    made = Seals(tmp_path / FILE)
    made.tend()
    return made


def test_it_opens_where_it_was_sealed_and_nowhere_else(seals: Seals) -> None:
    sealed = seals.seal(PLACE, SECRET)
    assert SECRET not in sealed
    assert sealed != seals.seal(PLACE, SECRET), "the same twice would show that two are alike"
    assert seals.open(PLACE, sealed) == SECRET
    for place in ("accounts.auth_token\0AC2", "accounts.secondary_token\0AC1", "operators.auth_token\0AC1", ""):
        with pytest.raises(SealBroken, match="was changed or moved"):
            seals.open(place, sealed)


def test_no_changed_letter_is_believed(seals: Seals) -> None:
    sealed = seals.seal(PLACE, SECRET)
    start = len("s1.") + 8 + 1
    for at in range(start, len(sealed) - 1):
        changed = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
        with pytest.raises(SealBroken):
            seals.open(PLACE, changed)
    for text in (SECRET, "", "s1.", sealed[:start], sealed[:-5], f"s2{sealed[2:]}", sealed + "é"):
        with pytest.raises(SealBroken):
            seals.open(PLACE, text)


def test_its_file_is_the_owners_only_and_outlives_the_process(seals: Seals) -> None:
    assert seals.path.stat().st_mode & 0o777 == 0o600
    sealed = seals.seal(PLACE, SECRET)
    again = Seals(seals.path)
    again.tend()
    assert again.ids == seals.ids
    assert again.open(PLACE, sealed) == SECRET


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused(seals: Seals, mode: int) -> None:
    seals.path.chmod(mode)
    with pytest.raises(SealBroken, match=f"mode 0{mode:o}.*chmod 600"):
        Seals(seals.path).look()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused_and_root_makes_none_of_its_own(seals: Seals, tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 1234)
    seals.rotate()
    assert seals.path.stat().st_uid == 1234, "the controller's user must be able to read what root made"
    os.chown(seals.path, 4321, 4321)
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if not parent.stat().st_mode & 0o001:
            parent.chmod(0o755)
    seals.path.chmod(0o600)
    os.seteuid(4321)
    try:
        Seals(seals.path).look()
    finally:
        os.seteuid(0)
    os.chown(seals.path, 1234, 1234)
    os.seteuid(4321)
    try:
        with pytest.raises(SealBroken, match="cannot be read"):
            Seals(seals.path).look()
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("text", ["", "{}", '{"keys": []}', "nonsense", '{"keys": [{"key": "abc", "made_at": 1}]}'])
def test_a_file_without_keys_is_not_taken_for_none(tmp_path: Path, text: str) -> None:
    """A new key would be made for none, and what the old one sealed be lost."""
    path = tmp_path / FILE
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SealBroken, match="holds no keys"):
        Seals(path).tend()
    assert path.read_text() == text


def test_a_new_key_seals_and_the_old_ones_open_until_they_are_dropped(seals: Seals) -> None:
    other = Seals(seals.path)
    old = seals.seal(PLACE, SECRET)
    assert other.open(PLACE, old) == SECRET
    first = seals.ids
    seals.rotate()
    new = seals.seal(PLACE, "new")
    assert key_id(new) != key_id(old) == first[0]
    assert other.open(PLACE, new) == "new", "a process that runs looks for keys it does not know"
    assert key_id(other.seal(PLACE, "x")) == key_id(new), "and seals with the newest at once"
    assert seals.drop_old() == 1
    fresh = Seals(seals.path)
    assert fresh.open(PLACE, new) == "new"
    with pytest.raises(SealBroken, match=f"sealed with key {first[0]}, which .*{FILE} has not.*--lost"):
        fresh.open(PLACE, old)


def test_systemds_credential_comes_before_the_file(seals: Seals, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
    assert beside(tmp_path, environ=environ).path == seals.path, "none of this name was given"
    given = credentials / CREDENTIAL
    given.write_text(seals.path.read_text())
    given.chmod(0o440)  # systemd gives the service's user access by an ACL, which shows as a group's
    seals.path.unlink()
    found = beside(tmp_path, environ=environ)
    assert found.open(PLACE, seals.seal(PLACE, SECRET)) == SECRET
    with pytest.raises(SealBroken, match="credential seal-keys and cannot be changed here"):
        found.rotate()
    assert not seals.path.exists()


def test_a_file_of_another_name(tmp_path: Path) -> None:
    found = beside(tmp_path, str(tmp_path / "elsewhere" / "keys.json"), {})
    found.tend()
    assert (tmp_path / "elsewhere" / "keys.json").stat().st_mode & 0o777 == 0o600
    assert key_id(found.seal(PLACE, SECRET)) == found.ids[0]


def test_what_was_left_half_way_goes_and_what_fails_leaves_nothing(
    seals: Seals, monkeypatch: pytest.MonkeyPatch
) -> None:
    seals.tend()
    names = [seals.path.with_name(f"{seals.path.name}.{end}") for end in ("0123abcd.new", "89abcdef.new", "20261127")]
    for left in names:
        left.write_text("keys")
    os.utime(names[0], (1, 1))
    os.utime(names[2], (1, 1))
    seals.rotate()
    assert [left.exists() for left in names] == [False, True, True]
    before = {path.name: path.read_bytes() for path in seals.path.parent.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        seals.rotate()
    assert {path.name: path.read_bytes() for path in seals.path.parent.iterdir()} == before
