"""Making a backup, and looking through one. All of it blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from cloud.sealing import FILE, Seals
from cloud.store import audit
from cloud.store.backup import manifest, parcel, snapshot
from cloud.store.backup.manifest import Content, Manifest
from telecore.errors import InvalidRequest, NotFound

_HASH = re.compile(r"[0-9a-f]{64}")
_LEFT_OUT = (manifest.DATABASE, audit.HEADS, "files/partial/", "renditions/", "lock", "before-restore-", "restoring-")
"""By how a path begins: the database and the heads of its audit log, which are copied apart; what is not whole yet;
what can be made again."""


def make(data_dir: Path, target: Path, *, with_database: bool = True, with_keys: bool = True) -> Manifest:
    """Copy the database as of now, then the files, which never change and are there before the database names them.

    The heads of the audit log come first: a log that ends before one of them has been cut off. Without the database,
    which was copied earlier then, there are none. ``with_keys`` False: without KEY_FILES, which are kept elsewhere.

    Raises InvalidRequest, NotFound, StorageFailed, SealBroken, OSError.
    """
    if with_database and not (data_dir / manifest.DATABASE).is_file():
        raise NotFound(f"there is no database {data_dir / manifest.DATABASE}")
    with parcel.packed(target) as packer:
        made_at = datetime.now(UTC).isoformat()
        files: dict[str, Content] = {}
        known = snapshot.Facts("", {}, {}, frozenset(), frozenset())
        if with_database:
            _put(packer, data_dir, audit.HEADS, files)
            copied = target.absolute().with_name(f".{target.name}.db")
            copied.unlink(missing_ok=True)
            try:
                snapshot.copy(data_dir / manifest.DATABASE, copied)
                known = snapshot.facts(copied)
                files[manifest.DATABASE] = packer.put(manifest.DATABASE, copied)
            finally:
                copied.unlink(missing_ok=True)
        left_out = _LEFT_OUT if with_keys else (*_LEFT_OUT, *manifest.KEY_FILES)
        for name in _names(data_dir, left_out):
            _put(packer, data_dir, name, files)
        have = _key_ids(data_dir) if FILE in files else frozenset()
        made = Manifest(
            made_at,
            known.schema,
            files,
            known.rows,
            known.streets,
            missing=_missing(known.named, files),
            keys=sorted(known.keys),
            missing_keys=sorted(known.keys - have),
        )
        packer.put_bytes(manifest.NAME, made.encoded())
    return made


def _put(packer: parcel.Packer, data_dir: Path, name: str, files: dict[str, Content]) -> None:
    with suppress(FileNotFoundError):  # deleted meanwhile, or never made
        files[name] = packer.put(name, data_dir / name)


def verify(source: Path) -> Manifest:
    """Read every byte of it. Raises InvalidRequest that names what is wrong, NotFound."""
    with parcel.opened(source) as found:
        try:
            with found.open(manifest.NAME) as file:
                told = manifest.decoded(file.read())
        except NotFound as error:
            raise InvalidRequest(f"{source} has no {manifest.NAME}: it is no backup, or was not finished") from error
        extra = found.names() - set(told.files) - {manifest.NAME}
        if extra:
            raise InvalidRequest(f"the backup has {sorted(extra)[0]}, which its {manifest.NAME} does not name")
        for name, content in told.files.items():
            _check_name(name)
            with found.open(name) as file:
                if manifest.measured(file) != content:
                    raise InvalidRequest(f"{name} in the backup is not what was written there")
            _check_hash(name, content)
    return told


def _check_name(name: str) -> None:
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts:
        raise InvalidRequest(f"the backup names a file outside of the data folder: {name[:100]}")


def _check_hash(name: str, content: Content) -> None:
    """Sound is named by its hash: it was damaged before it was copied, if the two differ."""
    last = Path(name).name
    if name.startswith("files/") and _HASH.fullmatch(last) and last != content.sha256:
        raise InvalidRequest(f"{name} in the backup is not what its name says: it was damaged before it was copied")


def _key_ids(data_dir: Path) -> frozenset[str]:
    seals = Seals(data_dir / FILE)
    seals.look()
    return frozenset(seals.ids)


def _names(data_dir: Path, left_out: tuple[str, ...]) -> Iterator[str]:
    for path in sorted(data_dir.rglob("*")):
        name = path.relative_to(data_dir).as_posix()
        if path.is_file() and not path.is_symlink() and not name.startswith(left_out):
            yield name


def _missing(named: frozenset[str], files: dict[str, Content]) -> list[str]:
    have = {Path(name).name for name in files}
    return sorted(named - have)
