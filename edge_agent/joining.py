"""How this edge proves who it is, and finds out whether it speaks with its own cloud. telecore/tunnel/proof.py.

An edge that still has a bearer key offers a new one at each connection until the cloud takes it; a private key that
is old is replaced in the same way. Nothing is used before it is on the disk, and the old one is kept until the new
one has worked.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from edge_agent import signing
from edge_agent.identity import Identity, JoinStates, states_path
from telecore.errors import NotAllowed, RemoteProtocolError, StorageFailed
from telecore.tunnel.proof import (
    KEY,
    NONCE,
    OFFER,
    PINNED,
    SCHEME,
    Proof,
    decode_welcome,
    encode_proof,
    hexadecimal,
    read_cloud_side,
)

log = logging.getLogger(__name__)
KEY_LASTS_S = 90 * 86400.0


class CloudNotProven(NotAllowed):
    """Whoever answered could not prove to be the cloud this edge was enrolled with."""


class Joining:
    """The identity of a running agent. ``folder`` None keeps nothing; for an edge that lives in memory only."""

    def __init__(
        self,
        identity: Identity,
        folder: Path | None,
        states: JoinStates | None = None,
        *,
        lasts_s: float = KEY_LASTS_S,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.identity = identity
        self._folder = folder
        self._lasts_s = lasts_s
        self._now = now
        self._states = states.states if states else ()
        self._use_next = False
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="joining")

    async def headers(self) -> dict[str, str]:
        """Of the request that opens the tunnel. Raises StorageFailed."""
        identity = self.identity
        if identity.keyed:
            said = {NONCE: secrets.token_hex(32), PINNED: ",".join(identity.cloud_keys)}
            return {"Authorization": f"{SCHEME} {identity.edge}", **said}
        if not identity.seed and self._folder is not None:
            await self._keep(replace(identity, seed=signing.new_seed(), made_at=self._now()))
        offer = {OFFER: signing.public_of(self.identity.seed)} if self.identity.seed else {}
        return {"Authorization": f"Bearer {identity.edge}:{identity.key}", **offer}

    async def first_words(self, sent: Mapping[str, str], headers: Mapping[str, str], seen: str) -> str | None:
        """Judge the cloud's answer to what we ``sent``; our proof, or None of an edge that has a bearer key.

        ``seen``: SHA-256 of the certificate that was shown, empty without TLS. Raises CloudNotProven.
        """
        if NONCE not in sent:
            await self._take_cloud_key(headers)
            return None
        identity = self.identity
        try:
            cloud, signature = read_cloud_side(identity.edge, sent[NONCE], headers)
        except RemoteProtocolError as error:
            raise CloudNotProven(f"what answers does not prove to be our cloud: {error}") from error
        if cloud.key not in identity.cloud_keys or not signing.verify(cloud.key, cloud.signed(), signature):
            raise CloudNotProven("what answers does not prove to be our cloud: it has not the key that was pinned")
        if cloud.certificates and seen not in cloud.certificates:
            raise CloudNotProven("somebody stands between here and the cloud: its certificate is not the one shown")
        if not identity.next_seed and self._too_old():
            await self._keep(replace(identity, next_seed=signing.new_seed()))
            identity = self.identity
        seed = identity.next_seed if self._use_next else identity.seed
        offered = signing.public_of(identity.next_seed) if identity.next_seed and not self._use_next else ""
        proof = Proof(signing.public_of(seed), seen, self._states, offered)
        return encode_proof(replace(proof, signature=signing.sign(seed, proof.signed(cloud))))

    async def welcome(self, text: str | bytes) -> None:
        """Keep what the cloud gives; when it returns it is on the disk. Raises RemoteProtocolError, StorageFailed."""
        said = decode_welcome(text)
        states = JoinStates((said.state, *self._states[:1]))
        if self._folder is not None:
            await self._on_disk(states.save, states_path(self._folder))
        self._states = states.states if states else ()
        identity = self.identity
        if self._use_next:
            identity = replace(identity, seed=identity.next_seed, next_seed="", made_at=self._now())
        if said.keys:
            identity = replace(identity, cloud_keys=said.keys)
        await self._keep(identity)
        self._use_next = bool(identity.next_seed) and said.next == signing.public_of(identity.next_seed)

    def refused(self) -> None:
        """The key that was shown is not taken: the other one of two is tried the next time."""
        self._use_next = bool(self.identity.next_seed) and not self._use_next

    def _too_old(self) -> bool:
        return self._now() - self.identity.made_at > self._lasts_s

    async def _take_cloud_key(self, headers: Mapping[str, str]) -> None:
        if KEY not in headers or not self.identity.seed:
            return
        key = hexadecimal(headers[KEY], 32, KEY)
        await self._keep(replace(self.identity, cloud_keys=(key,)))
        log.info("edge %s has a key pair now; its bearer key is not used any more", self.identity.edge)

    async def _keep(self, identity: Identity) -> None:
        if identity == self.identity:
            return
        if self._folder is not None:
            await self._on_disk(identity.save, self._folder / "identity.json")
        self.identity = identity

    async def _on_disk(self, save: Callable[[Path], None], path: Path) -> None:
        """One after the other: a disk that stands still may take what nobody waits for any more, but not last."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._disk, save, path)
        except OSError as error:
            raise StorageFailed(f"{path} cannot be written: {error.strerror or error}") from error
