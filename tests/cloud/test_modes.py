"""What others may get at is closed as the controller starts, or told."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cloud import modes
from cloud.config import ConfigError, parse


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_data_folder_is_its_owners(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, data = tmp_path / "cloud.yaml", tmp_path / "data"
    path.write_text("")
    (data / "files").mkdir(parents=True)
    (data / "cloud.db").write_text("x")
    for one, open_to in ((data, 0o755), (data / "files", 0o775), (data / "cloud.db", 0o644)):
        one.chmod(open_to)
    modes.tend(path, parse(b"", path))
    assert [mode(one) for one in (data, data / "files", data / "cloud.db")] == [0o700, 0o700, 0o600]
    assert "others could get at 3 files or folders" in caplog.text
    caplog.clear()
    modes.tend(path, parse(b"", path))
    assert caplog.text == ""


def test_a_file_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cloud.yaml"
    path.write_text("")
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="may be written by everybody"):
        modes.tend(path, parse(b"", path))


@pytest.mark.parametrize(
    ("text", "told"), [(b"database: 'postgresql://u:pw@h/d'", True), (b"database: 'postgresql://h/d'", False)]
)
def test_secrets_that_everybody_may_read_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: bytes, told: bool
) -> None:
    path = tmp_path / "cloud.yaml"
    path.write_bytes(text)
    path.chmod(0o644)
    modes.tend(path, parse(text, path))
    assert ("everybody may read it" in caplog.text) is told


def test_a_private_key_that_everybody_may_read_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = tmp_path / "key.pem"
    key.write_text("x")
    key.chmod(0o644)
    modes.tend(tmp_path / "cloud.yaml", parse(b"tunnel: {certificate: c.pem, key: key.pem}", tmp_path / "cloud.yaml"))
    assert "private key" in caplog.text
