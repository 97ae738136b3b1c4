"""Secrets that the database keeps and that must be read again: sealed under a key that is not in it.

A sealed text is ``s1.<key id>.<base64url>`` (XChaCha20-Poly1305). The place where it lies is sealed along, so that one
that is moved to another row or column opens nothing. Keys are in a file of its owner's only, or come from systemd.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import logging
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from cloud import private_file, signing
from telecore.errors import InvalidRequest, NotAllowed, Refused
from telecore.schema import SchemaError, read

log = logging.getLogger(__name__)

FILE = "seal-keys.json"
CREDENTIAL = "seal-keys"
MARK = "s1."
ID_LENGTH = 8
_KEY_BYTES = 32
_MOST_KEYS = 16
_RESTORE = "restore a backup with `simferry-cloud restore --replace`"
_LOST = "`simferry-cloud rotate-seal-key --lost` replaces what cannot be opened, tokens by new ones"
_REMEMBERED = 8192
"""Rows whose secrets are kept open, for each request asks for its account's."""


class SealBroken(Refused):
    """A secret cannot be opened: its key is missing, or it is not what was sealed there. Says what to do."""

    code = 20500
    status = 500


class KeysUnreadable(SealBroken):
    """The keys cannot be read now: whether the secret can be opened is not known."""


@dataclass(frozen=True, slots=True, repr=False)
class SealKey:
    """``key``: 64 hex digits. ``made_at``: POSIX seconds."""

    key: str
    made_at: float

    @property
    def id(self) -> str:
        """Tells keys apart, and nothing of them."""
        return hashlib.sha256(b"simferry seal key\0" + bytes.fromhex(self.key)).hexdigest()[:ID_LENGTH]


@dataclass(frozen=True, slots=True, repr=False)
class _File:
    keys: tuple[SealKey, ...]


class Seals:
    """The keys in ``path``, newest first, with which all new secrets are sealed. What touches the file blocks.

    ``given``: by systemd, as a credential: it cannot be written here.
    """

    def __init__(self, path: Path, *, given: bool = False) -> None:
        self.path = path
        self.given = given
        self._stamp = (0, 0)
        self._keys: dict[str, bytes] = {}
        self._rows = lru_cache(_REMEMBERED)(self._open_row)

    @property
    def ids(self) -> tuple[str, ...]:
        """Of all keys, the newest first."""
        return tuple(self._keys)

    def look(self) -> None:
        """Read the file, if it has changed. Raises KeysUnreadable for one that cannot be used."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return
        except OSError as error:
            raise KeysUnreadable(f"{self.path} cannot be read: {error.strerror or error}") from error
        stamp = (found.st_mtime_ns, found.st_ino)
        if stamp != self._stamp:
            self._keys = {key.id: bytes.fromhex(key.key) for key in self._read()}
            self._stamp = stamp

    def tend(self) -> None:
        """Make the first key, if there is none. Raises SealBroken, OSError."""
        self.look()
        if not self._keys:
            self.rotate()
            log.info("the secrets in the database are sealed with %s; keep a copy of it apart", self.path)

    def rotate(self) -> str:
        """Make a new key, in front of those there are; its id. Raises SealBroken, OSError."""
        made = SealKey(secrets.token_hex(_KEY_BYTES), time.time())
        self._write((made, *self._read())[:_MOST_KEYS])
        return made.id

    def drop_old(self) -> int:
        """Forget all keys but the newest; how many. Nothing may be sealed with them any more."""
        keys = self._read()
        self._write(keys[:1])
        return len(keys) - 1

    def seal(self, at: str, plain: str) -> str:
        """Under the newest key there is. Raises SealBroken when there is none."""
        self.look()
        if not self._keys:
            raise SealBroken(f"there is no key to seal secrets with: {self.path} is missing")
        newest, key = next(iter(self._keys.items()))
        data = signing.encrypt(key, plain.encode("utf-8", "surrogatepass"), at.encode())
        return f"{MARK}{newest}.{base64.urlsafe_b64encode(data).decode().rstrip('=')}"

    def open_row(
        self, table: str, whose: str, columns: tuple[str, ...], values: tuple[str | None, ...]
    ) -> Mapping[str, str]:
        """Those of a row's secrets that are not empty, by column. Raises SealBroken."""
        return self._rows(table, whose, columns, values)

    def _open_row(
        self, table: str, whose: str, columns: tuple[str, ...], values: tuple[str | None, ...]
    ) -> Mapping[str, str]:
        pairs = zip(columns, values, strict=True)
        return {column: self.open(place(table, column, whose), value) for column, value in pairs if value}

    def open(self, at: str, sealed: str) -> str:
        """What was sealed at this place. Raises SealBroken, KeysUnreadable."""
        id_ = key_id(sealed)
        if id_ not in self._keys:
            self.look()
        key = self._keys.get(id_)
        if key is None:
            lasting = not id_ or self.path.exists()
            raise (SealBroken if lasting else KeysUnreadable)(self.what_to_do([id_] if id_ else []))
        plain = signing.decrypt(key, _decoded(sealed), at.encode())
        if plain is None:
            name = at.replace("\0", " of ")
            raise SealBroken(
                f"{name} in the database is not what was sealed there: it was changed or moved; {_RESTORE}, or {_LOST}"
            )
        return plain.decode("utf-8", "surrogatepass")

    def what_to_do(self, missing: Sequence[str]) -> str:
        """Told when these keys are not there."""
        if not missing:
            return f"a secret in the database is not sealed: was it changed by hand? {_RESTORE}, or {_LOST}"
        where = f"systemd's credential {CREDENTIAL}" if self.given else str(self.path)
        state = "has not" if self._keys else "is missing or empty, and does not have"
        return (
            f"secrets in the database are sealed with key {', '.join(sorted(missing))}, which {where} {state}: bring "
            f"that file back from where there is a copy (mode 0600, its owner the controller's user), or name it by "
            f"seal_keys in cloud.yaml. If it is lost for good: {_LOST}"
        )

    def _read(self) -> tuple[SealKey, ...]:
        try:
            text = private_file.read(self.path, given=self.given)
            keys = read(_File, json.loads(text)).keys if text is not None else ()
        except (SchemaError, ValueError) as error:
            raise KeysUnreadable(f"{self.path} holds no keys: bring it back from where you have a copy") from error
        except (NotAllowed, InvalidRequest) as error:
            raise KeysUnreadable(str(error)) from error
        except OSError as error:
            raise KeysUnreadable(f"{self.path} cannot be read: {error.strerror or error}") from error
        if text is not None and not (keys and all(_is_key(key.key) for key in keys)):
            raise KeysUnreadable(f"{self.path} holds no keys: bring it back from where you have a copy")
        return keys

    def _write(self, keys: Sequence[SealKey]) -> None:
        if self.given:
            raise SealBroken(
                f"the keys are systemd's credential {CREDENTIAL} and cannot be changed here: run this command outside "
                "of the service, with seal_keys of cloud.yaml naming the credential's file"
            )
        private_file.write(self.path, json.dumps({"keys": [asdict(key) for key in keys]}))
        self.look()


def beside(data_dir: Path, named: str = "", environ: Mapping[str, str] = os.environ) -> Seals:
    """The keys of a data folder: systemd's credential, where there is one, else the file ``named``, or that in it."""
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (given := Path(credentials) / CREDENTIAL).is_file():
        return Seals(given, given=True)
    return Seals(Path(named) if named else data_dir / FILE)


def place(table: str, column: str, whose: object) -> str:
    """What is bound to a secret: where it lies, and whose it is."""
    return f"{table}.{column}\0{whose}"


def key_id(sealed: str) -> str:
    """Of the key it is sealed with; empty for what is not sealed."""
    id_ = sealed[len(MARK) :].partition(".")[0] if sealed.startswith(MARK) else ""
    return id_ if len(id_) == ID_LENGTH else ""


def _decoded(sealed: str) -> bytes:
    text = sealed[len(MARK) + ID_LENGTH + 1 :]
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""


def _is_key(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == _KEY_BYTES
    except ValueError:
        return False
