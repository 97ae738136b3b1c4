"""A store that is ready at once: the migrations run one time per test run, every test gets a copy of the file."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from cloud.store import migrate


def _template() -> Path:
    path = Path(tempfile.mkdtemp(prefix="simferry-tests-")) / "template.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


def store_url(directory: Path) -> str:
    """The URL of an empty, migrated database in this directory."""
    path = directory / "cloud.db"
    shutil.copy(_TEMPLATE, path)
    path.chmod(0o600)
    return f"sqlite:///{path}"


_TEMPLATE = _template()
