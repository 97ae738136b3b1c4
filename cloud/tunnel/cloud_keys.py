"""The cloud's own key pairs, by which edges know it: a file of its own, readable by its owner only, not the database.

The newest is what edges are told to pin; older ones stay for those that have not been here since. Each edge says which
it knows, and is answered with the newest of these.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cloud import private_file, signing
from telecore.errors import InvalidRequest
from telecore.schema import SchemaError, read
from telecore.tunnel.proof import MOST_KEYS, read_state, signed_state

log = logging.getLogger(__name__)
KEY_LASTS_S = 365 * 86400.0
FILE = "tunnel-keys.json"


@dataclass(frozen=True, slots=True, repr=False)
class KeyPair:
    """``seed``: the private key, 64 hex digits. ``made_at``: POSIX seconds."""

    seed: str
    made_at: float

    @property
    def public(self) -> str:
        return signing.public_of(self.seed)


@dataclass(frozen=True, slots=True, repr=False)
class _File:
    keys: tuple[KeyPair, ...]


class CloudKeys:
    """The keys in ``path``, newest first. What touches the file blocks, and is for a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = (0, 0)
        self._pairs: tuple[KeyPair, ...] = ()
        self._signers: dict[str, Callable[[bytes], str]] = {}

    @property
    def public(self) -> tuple[str, ...]:
        """All public keys, the newest first."""
        return tuple(self._signers)

    @property
    def made_at(self) -> tuple[float, ...]:
        """When they were made, the newest first. POSIX seconds."""
        return tuple(pair.made_at for pair in self._pairs)

    def newest_of(self, pinned: Sequence[str]) -> str:
        """With which to answer an edge that knows these; the newest there is when it knows none."""
        known = [key for key in self.public if key in pinned]
        return known[0] if known else self.public[0]

    def sign(self, public: str, message: bytes) -> str:
        return self._signers[public](message)

    def new_state(self, edge: str, counter: int) -> str:
        """What an edge is to show at its next join."""
        chance = secrets.token_hex(16)
        return f"{counter}.{chance}.{self.sign(self.public[0], signed_state(edge, counter, chance))}"

    def gave(self, edge: str, state: str) -> bool:
        """Whether this state was given to that edge by whoever has these keys."""
        found = read_state(state)
        if found is None:
            return False
        counter, chance, signature = found
        message = signed_state(edge, counter, chance)
        return any(signing.verify(key, message, signature) for key in self.public)

    def rotate(self, now: float, *, drop_old: bool = False) -> str:
        """Make a new key, which edges pin as they come; the public one. ``drop_old``: they prove nothing any more."""
        kept = () if drop_old else self._read()[: MOST_KEYS - 1]
        pair = KeyPair(signing.new_seed(), now)
        self._write((pair, *kept))
        self.look()
        return pair.public

    def drop_old(self) -> int:
        """Forget all but the newest; how many. Edges that know none but those have to enrol again."""
        pairs = self._read()
        self._write(pairs[:1])
        self.look()
        return len(pairs) - 1

    def tend(self, now: float) -> None:
        """Make the first key, and a new one when the newest is old. Raises OSError, NotAllowed, InvalidRequest."""
        pairs = self._read()
        if not pairs or now - pairs[0].made_at > KEY_LASTS_S:
            key = self.rotate(now)
            log.info("the cloud has a new key for the tunnel: %s…", key[:16])
        self.look()

    def look(self) -> None:
        """Read the file again if a command has changed it. For a thread."""
        found = self._path.stat()
        stamp = (found.st_mtime_ns, found.st_ino)
        if stamp != self._stamp:
            self._pairs, self._stamp = self._read(), stamp
            self._signers = {pair.public: signing.signer(pair.seed) for pair in self._pairs}

    def _read(self) -> tuple[KeyPair, ...]:
        text = private_file.read(self._path)
        if text is None:
            return ()
        try:
            keys = read(_File, json.loads(text)).keys
        except (SchemaError, ValueError) as error:
            raise InvalidRequest(f"{self._path} holds no keys: bring it back from the backup") from error
        if not keys:
            raise InvalidRequest(f"{self._path} holds no keys: bring it back from the backup")
        return keys

    def _write(self, pairs: Sequence[KeyPair]) -> None:
        private_file.write(self._path, json.dumps({"keys": [asdict(pair) for pair in pairs]}))
