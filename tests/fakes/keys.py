"""Key pairs of a cloud, for a test."""

from __future__ import annotations

from pathlib import Path

from cloud.tunnel.cloud_keys import FILE, CloudKeys


def cloud_keys(folder: Path, now: float = 0.0) -> CloudKeys:
    """In a file in this folder, made if it is not there."""
    keys = CloudKeys(folder / FILE)
    keys.tend(now)
    return keys
