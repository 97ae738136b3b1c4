from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import pytest

from cloud.services.files import Files
from telecore.errors import Busy, NotFound, StorageFailed, TelecoreError, TunnelDown
from telecore.ids import Sha256
from telecore.notices import BlobMissing, BlobWanted, Notice
from telecore.tunnel.bulk import CHUNK, INBOX_HIGH, MOST_SERVED, BlobReceiver, BlobSender
from telecore.tunnel.frames import Bulk, decode_bulk
from telecore.tunnel.streets import BlobStore
from tests.fakes.streets import Blobs


class Pair:
    """A receiver and a sender of blobs, with the line between them in our hands."""

    def __init__(self, here: BlobStore, there: BlobStore) -> None:
        self.complaints: list[str] = []
        self.sender = BlobSender(there, self._to_receiver, lambda: None, self.complaints.append)
        self.receiver = BlobReceiver(here, self._to_sender, lambda: None)
        self.results: list[TelecoreError | None] = []
        self.asked: list[BlobWanted] = []
        self.pieces: list[Bulk] = []

    def want(self, name: Sha256, size: int) -> None:
        self.receiver.want(name, size, partial(self.results.append))

    def _to_sender(self, notice: Notice) -> None:
        assert isinstance(notice, BlobWanted)
        self.asked.append(notice)
        self.sender.wanted(notice)

    def _to_receiver(self, notice: Notice) -> None:
        assert isinstance(notice, BlobMissing)
        self.receiver.missing(notice)

    async def move(self, most: int = 1_000_000) -> None:
        """Carry up to ``most`` pieces."""
        await self.receiver.keep()
        while most > 0:
            await self.sender.load()
            data = self.sender.take()
            if data is None:
                break
            piece = decode_bulk(data)
            self.pieces.append(piece)
            self.receiver.arrived(piece)
            most -= 1
            if len(self.pieces) % 5 == 0:
                await self.receiver.keep()
        await self.receiver.keep()

    async def finish(self) -> None:
        for _ in range(5):
            await self.move()
            await self.receiver.keep()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 16 * CHUNK, 100_003])
async def test_a_blob_comes_whole(size: int) -> None:
    data = random.Random(size).randbytes(size)
    here, there = Blobs(), Blobs(data)
    pair = Pair(here, there)
    (name,) = there.whole
    pair.want(Sha256(name), size)
    await pair.finish()
    assert pair.results == [None]
    assert here.whole == there.whole
    assert all(len(piece.data) <= CHUNK for piece in pair.pieces)
    assert [piece.last for piece in pair.pieces][-1:] == [True] * bool(size)
    assert sum(piece.last for piece in pair.pieces) <= 1


async def test_a_cut_transfer_goes_on_where_it_stopped() -> None:
    rng = random.Random(7)
    data = rng.randbytes(200_000)
    here, there = Blobs(), Blobs(data)
    name = there.add(data)
    cuts = 0
    while True:
        pair = Pair(here, there)
        pair.want(name, len(data))
        await pair.move(rng.randrange(1, 30))
        if pair.results == [None]:
            break
        pair.receiver.cut()
        cuts += 1
        assert isinstance(pair.results[0], TunnelDown)
    assert cuts > 5
    assert here.written == len(data)
    assert here.whole[name] == data


async def test_one_that_is_here_already_is_not_asked_for() -> None:
    here = Blobs()
    name = here.add(b"abc")
    pair = Pair(here, Blobs())
    pair.want(name, 3)
    await pair.finish()
    assert pair.results == [None]
    assert pair.asked == []


async def test_those_who_want_the_same_share_a_transfer() -> None:
    there = Blobs()
    name = there.add(b"x" * 5000)
    pair = Pair(Blobs(), there)
    for _ in range(3):
        pair.want(name, 5000)
    await pair.finish()
    assert pair.results == [None, None, None]
    assert len(pair.asked) == 1


async def test_two_transfers_take_turns() -> None:
    there = Blobs()
    long, short = there.add(b"l" * 500_000), there.add(b"s" * 5_000)
    pair = Pair(Blobs(), there)
    pair.want(long, 500_000)
    pair.want(short, 5_000)
    await pair.finish()
    assert pair.results == [None, None]
    ends = [piece.transfer for piece in pair.pieces if piece.last]
    assert ends == [pair.asked[1].transfer, pair.asked[0].transfer]


async def test_what_the_other_side_does_not_have_is_told() -> None:
    pair = Pair(Blobs(), Blobs())
    pair.want(Sha256("0" * 64), 10)
    await pair.finish()
    assert isinstance(pair.results[0], NotFound)


@pytest.mark.parametrize("times", [1, 2])
async def test_wrong_bytes_are_asked_for_once_more(times: int) -> None:
    right = b"right bytes" * 1000
    there = Blobs()
    name = there.add(right)
    there.whole[name] = b"wrong bytes" * 1000
    here = Blobs()
    pair = Pair(here, there)
    pair.want(name, len(right))
    await pair.move()
    if times == 1:
        there.whole[name] = right
        pair.sender = BlobSender(there, pair._to_receiver, lambda: None, print)
        pair.sender.wanted(pair.asked[1])
    await pair.finish()
    assert [want.offset for want in pair.asked] == [0, 0]
    if times == 1:
        assert pair.results == [None]
        assert here.whole[name] == right
    else:
        assert isinstance(pair.results[0], NotFound)
        assert "twice" in pair.results[0].message


async def test_a_blob_larger_than_was_said_is_not_kept() -> None:
    there = Blobs()
    name = there.add(b"x" * 50_000)
    pair = Pair(Blobs(), there)
    pair.want(name, 10)
    await pair.finish()
    assert isinstance(pair.results[0], NotFound)


async def test_a_full_disk_is_told_to_who_waits() -> None:
    class Full(Blobs):
        async def write(self, sha256: Sha256, offset: int, data: bytes) -> None:
            raise OSError(28, "No space left on device")

    there = Blobs()
    name = there.add(b"x" * 5000)
    pair = Pair(Full(), there)
    pair.want(name, 5000)
    await pair.finish()
    assert isinstance(pair.results[0], Busy)
    assert "No space left" in str(pair.results[0])


async def test_a_name_that_is_a_path_never_reaches_the_store() -> None:
    class Watched(Blobs):
        async def size(self, sha256: Sha256) -> int | None:
            raise AssertionError(sha256)

    missing: list[Notice] = []
    sender = BlobSender(Watched(), missing.append, lambda: None, print)
    sender.wanted(BlobWanted(1, Sha256("../../etc/passwd")))
    sender.wanted(BlobWanted(1 << 40, Sha256("0" * 64)))
    await sender.load()
    assert missing == [BlobMissing(1, Sha256("../../etc/passwd"))]


async def test_a_greedy_peer_is_answered_but_not_served() -> None:
    there = Blobs()
    missing: list[Notice] = []
    sender = BlobSender(there, missing.append, lambda: None, print)
    for transfer in range(MOST_SERVED + 3):
        sender.wanted(BlobWanted(transfer, Sha256(f"{transfer:064x}")))
    assert len(missing) == 3


async def test_a_slow_disk_is_noticed() -> None:
    there = Blobs()
    name = there.add(b"x" * CHUNK * 1000)
    pair = Pair(Blobs(), there)
    pair.want(name, CHUNK * 1000)
    await pair.receiver.keep()
    for n in range(INBOX_HIGH):
        assert not pair.receiver.congested
        pair.receiver.arrived(Bulk(pair.asked[0].transfer, n * CHUNK, False, b"x" * CHUNK))
    assert pair.receiver.congested
    await pair.receiver.keep()
    assert not pair.receiver.congested


async def test_a_disk_that_cannot_be_read_is_not_a_missing_blob() -> None:
    class Broken(Blobs):
        async def read(self, sha256: Sha256, offset: int, count: int) -> bytes:
            raise StorageFailed("Input/output error")

    there = Broken()
    name = there.add(b"x" * 5000)
    pair = Pair(Blobs(), there)
    done = pair.results.append
    pair.receiver.want(name, 5000, done)
    await pair.finish()
    assert pair.results == []
    assert "Input/output error" in pair.complaints[0]
    pair.receiver.give_up(name, done)
    pair.sender = BlobSender(Blobs(b"x" * 5000), pair._to_receiver, lambda: None, print)
    pair.want(name, 5000)
    await pair.finish()
    assert pair.results == [None]


async def test_a_transfer_that_moves_goes_on_when_nobody_waits() -> None:
    here, there = Blobs(), Blobs()
    name = there.add(b"x" * 100_000)
    pair = Pair(here, there)
    done = pair.results.append
    pair.receiver.want(name, 100_000, done)
    await pair.move(10)
    pair.receiver.give_up(name, done)
    await pair.finish()
    assert pair.results == []
    assert here.whole == there.whole
    assert len(pair.asked) == 1


async def test_who_asks_again_is_served_once() -> None:
    there = Blobs()
    name = there.add(b"x" * 100_000)
    sender = BlobSender(there, print, lambda: None, print)
    sender.wanted(BlobWanted(1, name))
    await sender.load()
    sender.wanted(BlobWanted(2, name, 50_000))
    transfers = []
    while True:
        await sender.load()
        data = sender.take()
        if data is None:
            break
        transfers.append(decode_bulk(data).transfer)
    assert transfers.count(1) == 16
    assert transfers.count(2) == 36


async def test_one_that_is_stopped_before_it_was_asked_for_does_not_come() -> None:
    here, there = Blobs(), Blobs()
    name = there.add(b"x" * 100_000)
    pair = Pair(here, there)
    pair.want(name, 100_000)
    pair.receiver.stop(name)
    await pair.finish()
    assert [type(result) for result in pair.results] == [Busy]
    assert sum(len(piece.data) for piece in pair.pieces) == 0
    pair.want(name, 100_000)
    await pair.finish()
    assert await here.size(name) == 100_000


async def test_one_that_is_stopped_while_its_sender_reads_does_not_go_on() -> None:
    class Slow(Blobs):
        async def read(self, sha256: Sha256, offset: int, count: int) -> bytes:
            if offset and pair.results == []:
                pair.receiver.stop(sha256)
            return await super().read(sha256, offset, count)

    there = Slow()
    name = there.add(b"x" * 100_000)
    pair = Pair(Blobs(), there)
    pair.want(name, 100_000)
    await pair.finish()
    assert [type(result) for result in pair.results] == [Busy]
    assert sum(len(piece.data) for piece in pair.pieces) == 16 * CHUNK


async def test_the_end_of_one_that_was_stopped_is_not_that_of_the_next() -> None:
    """The disk refuses a piece of the first when the same is wanted again already."""

    class Refusing(Blobs):
        refused = False

        async def write(self, sha256: Sha256, offset: int, data: bytes) -> None:
            if not self.refused:
                self.refused = True
                pair.receiver.stop(sha256)
                pair.want(sha256, 100_000)
                raise OSError(5, "Input/output error")
            await super().write(sha256, offset, data)

    here, there = Refusing(), Blobs()
    name = there.add(b"x" * 100_000)
    pair = Pair(here, there)
    pair.want(name, 100_000)
    await pair.finish()
    assert [type(result) for result in pair.results] == [Busy, type(None)]
    assert await here.size(name) == 100_000


async def test_one_that_is_deleted_while_it_is_sent_is_missing(tmp_path: Path) -> None:
    """The link that carries it lives on."""
    there = Files(tmp_path)
    await there.open()
    name = await there.add(b"x" * 100_000)
    pair = Pair(Blobs(), there)
    pair.want(name, 100_000)
    await pair.move(16)
    assert len(pair.pieces) == 16
    await there.delete(name)
    await pair.finish()
    await there.close()
    assert [type(result) for result in pair.results] == [NotFound]
    assert pair.complaints == []
