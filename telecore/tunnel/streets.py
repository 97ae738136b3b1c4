"""The two ends of a numbered street, and of the blobs beside it, as each side must offer them to its link.

Sender keeps numbered rows until the peer says which number it has *applied*. The receiver writes effect and number
in one transaction; a number not above the one it has is a repetition.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol, TypeGuard, runtime_checkable

from telecore.ids import Sha256
from telecore.tunnel.frames import Hello
from telecore.tunnel.resync import Verdict


class Outgoing(Protocol):
    """Rows to be told. ``stream`` is made when the store is made: a wiped disk starts a new street."""

    @property
    def stream(self) -> str: ...
    @property
    def highest(self) -> int:
        """The highest number given out so far, 0 for none."""

    async def read(self, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """Rows above ``after``, in order; numbers may have gaps."""

    async def forget(self, upto: int) -> None:
        """The peer has applied everything up to here."""


@runtime_checkable
class WeighingOutgoing(Protocol):
    """An Outgoing that notices when one end of the street went back in time. Optional."""

    async def resumed(self, applied: int, mark: str, peer: Hello) -> Verdict:
        """Compare with what is kept here, and do what follows from it in one transaction.

        After SENDER_OLDER ``stream`` is a new one, to be greeted with in the next connection.
        """


class Incoming(Protocol):
    """Where the peer's rows go."""

    async def applied(self, stream: str) -> int:
        """The last number of this street that is applied here, 0 for none."""

    async def apply(self, stream: str, seq: int, payload: dict[str, Any], *, history: bool) -> None:
        """Commit the effect and the number together. ``history``: it happened before the greeting.

        A payload that cannot be understood is logged, skipped and counted as applied: it must not stop the street.
        """


@runtime_checkable
class BatchIncoming(Protocol):
    """An Incoming that can commit several rows in one transaction. Optional."""

    async def apply_batch(self, stream: str, items: Sequence[tuple[int, dict[str, Any], bool]]) -> None:
        """As ``apply`` for each of (seq, payload, history), in order, all or none."""


@runtime_checkable
class HearingIncoming(Protocol):
    """An Incoming that looks at the peer's whole Hello, and names the item it applied last. Optional."""

    async def greeted(self, hello: Hello) -> tuple[int, str]:
        """The last number of this street that is applied here and the id of that item; 0 and "" for none."""


class BlobStore(Protocol):
    """Bytes named by their SHA-256, some here whole, some in part."""

    async def size(self, sha256: Sha256) -> int | None:
        """Size of a whole one, None when it is not here."""

    async def read(self, sha256: Sha256, offset: int, count: int) -> bytes:
        """Raises NotFound where it is not here, or not any more."""

    async def partial(self, sha256: Sha256) -> int:
        """How many bytes of an unfinished one are here."""

    async def write(self, sha256: Sha256, offset: int, data: bytes) -> None: ...
    async def complete(self, sha256: Sha256) -> bool:
        """Check the hash, make it durable and whole. False: the bytes were wrong and are gone."""


@cache
def _can(store: type[Any], protocol: type[Any]) -> bool:
    """Asked once for each class: Python's own answer goes through all attributes of the protocol, every time."""
    return issubclass(store, protocol)


def weighs(outgoing: Outgoing) -> TypeGuard[WeighingOutgoing]:
    return _can(type(outgoing), WeighingOutgoing)


def hears(incoming: Incoming) -> TypeGuard[HearingIncoming]:
    return _can(type(incoming), HearingIncoming)


def takes_batches(incoming: Incoming) -> TypeGuard[BatchIncoming]:
    return _can(type(incoming), BatchIncoming)
