"""What a backup says of itself: ``manifest.json``, written last, so that one without it was never finished."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import BinaryIO

from cloud.sealing import FILE
from telecore.errors import InvalidRequest
from telecore.schema import SchemaError, read

NAME = "manifest.json"
DATABASE = "cloud.db"
FORM = 1
KEY_FILES = (FILE, "tunnel-keys.json")
"""With these a thief of the backup has the secrets too: the command may leave them out."""


@dataclass(frozen=True, slots=True)
class Content:
    """One file of a backup. ``size`` in bytes."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Street:
    """How far an edge and we had come: the last command given out, the last event applied."""

    given_out: int
    applied: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """``files``: path in the data folder → content; the database is one of them, unless it is elsewhere.

    ``missing``: hashes that the database names and no file has, for they were deleted while the copy was made.
    ``keys``: ids of the keys with which secrets in the database are sealed; ``missing_keys``: those that are not in
    the backup. ``rows``: table → how many. ``made_at``: when the database was copied, ISO 8601.
    """

    made_at: str
    schema: str
    files: dict[str, Content]
    rows: dict[str, int] = field(default_factory=dict)
    streets: dict[str, Street] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    missing_keys: list[str] = field(default_factory=list)
    form: int = FORM

    @property
    def made(self) -> datetime:
        return datetime.fromisoformat(self.made_at).astimezone(UTC)

    def encoded(self) -> bytes:
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()


def decoded(data: bytes) -> Manifest:
    """Raises InvalidRequest."""
    try:
        value = json.loads(data)
        form = value.get("form") if isinstance(value, Mapping) else None
        if form != FORM:
            raise InvalidRequest(f"this backup has the form {form}, and this program knows {FORM}")
        return read(Manifest, value)
    except (ValueError, SchemaError) as error:
        raise InvalidRequest(f"the backup's {NAME} cannot be read: {error}") from error


PIECE = 1024 * 1024


def measured(source: BinaryIO, target: BinaryIO | None = None) -> Content:
    """Read to the end, copying where wanted."""
    digest, size = hashlib.sha256(), 0
    while piece := source.read(PIECE):
        digest.update(piece)
        size += len(piece)
        if target is not None:
            target.write(piece)
    return Content(size, digest.hexdigest())
