"""Who may read what the controller keeps: looked at as it starts. What is its own is mended; what is not is told."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from cloud.config import CloudConfig, ConfigError

log = logging.getLogger(__name__)

OTHERS = stat.S_IRWXG | stat.S_IRWXO
FOLDER, FILE = 0o700, 0o600


def tend(path: Path, config: CloudConfig) -> None:
    """``path`` is cloud.yaml. Raises ConfigError when anybody may write to it: whoever does is the operator."""
    if path.exists() and path.stat().st_mode & stat.S_IWOTH:
        raise ConfigError(f"{path} may be written by everybody: chmod o-w it")
    if _holds_secrets(config) and _read_by_everybody(path):
        log.warning("%s holds secrets and everybody may read it: chmod 0640 it", path)
    if config.tunnel.key is not None and _read_by_everybody(Path(config.tunnel.key)):
        log.warning("the tunnel's private key %s may be read by everybody: chmod 0600 it", config.tunnel.key)
    mended = [str(one) for one in _kept(config.data_dir) if _closed(one)]
    if mended:
        log.warning("others could get at %d files or folders in %s; not any more", len(mended), config.data_dir)


def _kept(data_dir: Path) -> Iterator[Path]:
    """The folder itself, which shuts all of it off, and what lies openly in it."""
    if data_dir.is_dir():
        yield data_dir
        yield from sorted(data_dir.iterdir())


def _closed(path: Path) -> bool:
    """Whether it had to be. What is somebody else's is left and told."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode) or not found.st_mode & OTHERS:
        return False
    if found.st_uid != os.geteuid():
        log.warning("%s is not ours, and others may get at it", path)
        return False
    path.chmod(FOLDER if path.is_dir() else FILE)
    return True


def _holds_secrets(config: CloudConfig) -> bool:
    plugins = {**config.speech.plugins, **config.recognition.plugins}
    return bool(urlsplit(config.database).password) or any(plugins.values())


def _read_by_everybody(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & stat.S_IROTH)
