"""Putting a backup back: whole or not at all, never over a controller that runs. All of it blocks."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cloud import private_file
from cloud.store import migrate, soundness
from cloud.store.backup import making, manifest, parcel, snapshot
from cloud.store.backup.manifest import Manifest, Street
from telecore.errors import InvalidRequest

NONE = Street(0, 0)


@dataclass(frozen=True, slots=True)
class Behind:
    """An edge that may know more than the backup: commands given out and events applied since."""

    edge: str
    commands: int
    events: int


@dataclass(frozen=True, slots=True)
class Restored:
    """``behind``: by the store that was replaced, where there was one; without one nobody here can say.

    ``moved``: where that store lies now. ``lost``: table → rows it had more.
    """

    manifest: Manifest
    age: timedelta
    behind: tuple[Behind, ...] | None
    lost: dict[str, int]
    moved: Path | None


def restore(source: Path, data_dir: Path, *, replace: bool = False) -> Restored:
    """The caller holds the data folder's lock. Raises InvalidRequest, NotFound, OSError; then nothing has changed."""
    told = making.verify(source)
    _refuse_newer(told)
    there = _content(data_dir)
    if there and not replace:
        raise InvalidRequest(f"{data_dir} has a store already: restore with --replace, which moves it aside")
    begun = data_dir / f"restoring-{secrets.token_hex(4)}"
    begun.mkdir(mode=0o700)
    try:
        _unpack(source, told, begun)
        _keep_keys(data_dir, told, begun)
        for path in (begun, *begun.rglob("*")):
            private_file.hand_over(path, data_dir)
        known = _known(data_dir) if there else None
        # Whoever closes the database last takes its log away: look again.
        stays = soundness.mark(data_dir / manifest.DATABASE) if manifest.DATABASE in told.files else None
        moved = _move_aside(data_dir, [path for path in _content(data_dir) if path != stays]) if there else None
        # The database comes last: until it is here the mark of the one before keeps a controller from beginning anew.
        for path in sorted(begun.iterdir(), key=lambda path: (path.name == manifest.DATABASE, path.name)):
            path.replace(data_dir / path.name)
        parcel.flush(data_dir)
    finally:
        shutil.rmtree(begun, ignore_errors=True)
    behind, lost = _compared(told, known) if known else (None, {})
    return Restored(told, datetime.now(UTC) - told.made, behind, lost, moved)


def _refuse_newer(told: Manifest) -> None:
    if told.schema and told.schema not in migrate.revisions():
        raise migrate.SchemaTooNew(
            f"the backup has schema {told.schema}, and this program knows none after {migrate.newest()}: "
            "restore it with the version that made it"
        )


def _content(data_dir: Path) -> list[Path]:
    """What of a store is in the folder."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    ours = ("lock", "before-restore-", "restoring-")
    found = [path for path in sorted(data_dir.iterdir()) if not path.name.startswith(ours)]
    return [path for path in found if not (path.is_dir() and not any(p.is_file() for p in path.rglob("*")))]


def _unpack(source: Path, told: Manifest, begun: Path) -> None:
    with parcel.opened(source) as found:
        for name, content in told.files.items():
            target = begun / name
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with found.open(name) as file:
                if parcel.write_new(target, file) != content:
                    raise InvalidRequest(f"{name} in the backup has changed while it was read")
    if manifest.DATABASE in told.files:
        snapshot.facts(begun / manifest.DATABASE)
    for folder, _, _ in os.walk(begun):
        parcel.flush(Path(folder))


def _keep_keys(data_dir: Path, told: Manifest, begun: Path) -> None:
    """Keys that were left out of the backup stay where they are, if they are there."""
    for name in manifest.KEY_FILES:
        if name not in told.files and (data_dir / name).is_file():
            with (data_dir / name).open("rb") as file:
                parcel.write_new(begun / name, file)


def _known(data_dir: Path) -> snapshot.Facts | None:
    """What the store that is to go knows; None when it cannot be read any more, which may be why it goes."""
    try:
        return snapshot.facts(data_dir / manifest.DATABASE)
    except InvalidRequest:
        return None


def _move_aside(data_dir: Path, there: list[Path]) -> Path:
    aside = data_dir / f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    aside.mkdir(mode=0o700)
    private_file.hand_over(aside, data_dir)
    for path in there:
        path.replace(aside / path.name)
    return aside


def _compared(told: Manifest, known: snapshot.Facts) -> tuple[tuple[Behind, ...], dict[str, int]]:
    behind = []
    for edge, now in sorted(known.streets.items()):
        then = told.streets.get(edge, NONE)
        if now != then:
            behind.append(Behind(edge, now.given_out - then.given_out, now.applied - then.applied))
    lost = {table: count - told.rows.get(table, 0) for table, count in known.rows.items()}
    return tuple(behind), {table: more for table, more in lost.items() if more > 0}
