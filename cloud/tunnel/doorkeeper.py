"""Who may come in: challenges edges, checks what they sign, and tells a copied key from its owner."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from cloud import signing
from cloud.store import edges
from cloud.store.database import Connection, Database
from cloud.store.records import EdgeRecord
from cloud.store.together import Together
from cloud.tunnel.cloud_keys import CloudKeys
from cloud.tunnel.keys import key_matches
from telecore.errors import InvalidRequest, NotAllowed, RemoteProtocolError
from telecore.ids import EdgeId
from telecore.tunnel.joins import Verdict, judge
from telecore.tunnel.proof import KEY, NONCE, OFFER, PINNED, CloudSide, Proof, Welcome, hexadecimal

log = logging.getLogger(__name__)
CLONED = "cloned"
_NO_KEY = "this edge is not enrolled, or this is not its key"
_OVERTAKEN = "this edge has come in by another connection since this one was opened"
_RELAYED = "somebody stands between this edge and the cloud: it was shown another certificate"
_SAID = {
    CLONED: "two devices use this edge's key, so neither is let in: see edge_cloned in docs/operations.md",
    edges.REVOKED: "this edge was revoked",
}


class NotLetIn(NotAllowed):
    """``why`` is one word, for counting; the message is for the technician on the site."""

    def __init__(self, why: str, message: str, edge: str = "") -> None:
        super().__init__(message)
        self.why = why
        self.edge = edge


@dataclass(frozen=True, slots=True)
class Challenge:
    """What an edge has to answer: ``side`` is what the cloud has said, ``headers`` is how."""

    record: EdgeRecord
    side: CloudSide
    headers: tuple[tuple[str, str], ...]


class Doorkeeper:
    """``known`` is told of an edge before it is let in. ``certificates``: SHA-256 of those shown to edges."""

    def __init__(
        self,
        db: Database,
        keys: CloudKeys,
        *,
        known: Callable[[EdgeRecord], None],
        certificates: Sequence[str] = (),
    ) -> None:
        self._db = db
        self._keys = keys
        self._tell_known = known
        self._certificates = tuple(certificates)
        self._records: Together[EdgeId, EdgeRecord | None] = Together(db.read, edges.of)
        self._joins: Together[tuple[EdgeRecord, Proof], Welcome | NotLetIn] = Together(db.write, self._join)
        self._confirmed: Together[edges.Confirmed, None] = Together(db.write, _confirm)

    async def bearer(self, edge: EdgeId, key: str, headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Let in an edge that has a bearer key still, and take the public key it offers: our answer's headers.

        Raises NotLetIn.
        """
        record = await self._known(edge)
        if not key_matches(key, record.key_sha256):
            raise NotLetIn("wrong_key", _NO_KEY, edge)
        self._not_shut(record)
        self._tell_known(record)
        try:
            offered = hexadecimal(headers.get(OFFER, ""), 32, OFFER)
        except RemoteProtocolError:
            return ()
        if record.public_key != offered:
            await self._db.write(lambda conn: edges.take_offered(conn, edge, record.key_sha256, offered))
            log.info("edge %s has a key pair now; its bearer key goes when it has used that", edge)
        return ((KEY, self._keys.public[0]),)

    async def challenge(self, edge: EdgeId, headers: Mapping[str, str]) -> Challenge:
        """Raises NotLetIn for an edge that cannot have a proof."""
        record = await self._known(edge)
        try:
            nonce = hexadecimal(headers.get(NONCE, ""), 32, NONCE)
        except RemoteProtocolError as error:
            raise NotLetIn("no_nonce", str(error), edge) from error
        self._not_shut(record)
        if not record.public_key:
            raise NotLetIn("wrong_key", _NO_KEY, edge)
        key = self._keys.newest_of(headers.get(PINNED, "")[:1024].split(","))
        side = CloudSide(edge, nonce, secrets.token_hex(32), key, self._certificates)
        self._tell_known(record)
        return Challenge(record, side, side.headers(self._keys.sign(key, side.signed())))

    async def admit(self, challenge: Challenge, proof: Proof) -> Welcome:
        """What to welcome an edge with that has proved who it is; when this returns it is on the disk.

        Raises NotLetIn, StoreFailed.
        """
        record = challenge.record
        if proof.key not in (record.public_key, record.next_key):
            raise NotLetIn("wrong_key", _NO_KEY, record.edge)
        if not signing.verify(proof.key, proof.signed(challenge.side), proof.signature):
            raise NotLetIn("wrong_proof", "this is not signed with this edge's key", record.edge)
        if self._certificates and proof.seen not in self._certificates:
            raise NotLetIn("relayed", _RELAYED, record.edge)
        outcome = await self._joins.ask((record, proof))
        if isinstance(outcome, NotLetIn):
            raise outcome
        return outcome

    async def confirmed(self, edge: EdgeId, welcome: Welcome, key: str) -> None:
        """The edge has stored what it was welcomed with."""
        await self._confirmed.ask(edges.Confirmed(edge, welcome.state, key))

    async def shut(self) -> dict[EdgeId, str]:
        """Edges that may not be here, and why. Raises StoreFailed."""
        found = await self._db.read(edges.shut)
        return {edge: _SAID.get(why, why) for edge, why in found.items()}

    async def tend_keys(self) -> None:
        """See what a command has done to the cloud's keys, and replace one that is old."""
        try:
            await asyncio.to_thread(self._keys.tend, time.time())
        except (OSError, NotAllowed, InvalidRequest) as error:
            log.error("the keys of the tunnel stay as they are: %s", error)  # noqa: TRY400

    async def _known(self, edge: EdgeId) -> EdgeRecord:
        record = await self._records.ask(edge)
        if record is None:
            raise NotLetIn("unknown", _NO_KEY, edge)
        return record

    def _not_shut(self, record: EdgeRecord) -> None:
        if record.shut_why:
            raise NotLetIn(record.shut_why, _SAID.get(record.shut_why, record.shut_why), record.edge)

    def _join(self, conn: Connection, asked: Sequence[tuple[EdgeRecord, Proof]]) -> list[Welcome | NotLetIn]:
        """In one transaction: are they those we know, and what they are to show the next time.

        Each with its record as it was when it was challenged.
        """
        names = [before.edge for before, _ in asked]
        records = dict(zip(names, edges.of(conn, names), strict=True))
        offers: list[edges.Offer] = []
        outcomes: list[Welcome | NotLetIn] = []
        for before, proof in asked:
            edge = before.edge
            outcome = self._judge(conn, records[edge], before, proof)
            if isinstance(outcome, edges.Offer):
                offers.append(outcome)
                records[edge] = _after(records[edge], outcome)
                outcomes.append(Welcome(outcome.offered, self._keys.public, proof.next))
            else:
                records[edge] = edges.get(conn, edge)
                outcomes.append(outcome)
        edges.offer_joins(conn, offers)
        return outcomes

    def _judge(
        self, conn: Connection, record: EdgeRecord | None, before: EdgeRecord, proof: Proof
    ) -> edges.Offer | NotLetIn:
        edge = before.edge
        if record is None or proof.key not in (record.public_key, record.next_key):
            return NotLetIn("wrong_key", _NO_KEY, edge)
        if record.shut_why:
            return NotLetIn(record.shut_why, _SAID.get(record.shut_why, record.shut_why), edge)
        verdict = self._weigh(record, proof)
        if not verdict.good and self._weigh(before, proof).good:
            # A proof that was long on its way, on a line that the edge has given up. A copy comes again and is found.
            return NotLetIn("overtaken", _OVERTAKEN, edge)
        if not verdict.good:
            edges.shut_out(conn, edge, CLONED)
            edges.warn_of_clone(conn, edge)
            log.error("edge %s is locked: two devices use its key, or its data folder was restored", edge)
            return NotLetIn(CLONED, _SAID[CLONED], edge)
        if verdict.ahead:
            log.warning("edge %s was here later than this database knows: it was restored from an older copy", edge)
        state = self._keys.new_state(edge, verdict.next_counter)
        return edges.Offer(edge, verdict.accepted, state, proof.next or record.next_key)

    def _weigh(self, record: EdgeRecord, proof: Proof) -> Verdict:
        return judge(
            record.join_accepted,
            record.join_offered,
            proof.states,
            forgiven=record.forgiven,
            genuine=lambda state: self._keys.gave(record.edge, state),
        )


def _after(record: EdgeRecord | None, offer: edges.Offer) -> EdgeRecord | None:
    """For whoever comes with the same name in the same transaction."""
    if record is None:
        return None
    return replace(
        record, join_accepted=offer.accepted, join_offered=offer.offered, next_key=offer.next, forgiven=False
    )


def _confirm(conn: Connection, confirmed: Sequence[edges.Confirmed]) -> list[None]:
    edges.confirm_joins(conn, confirmed)
    return [None] * len(confirmed)
