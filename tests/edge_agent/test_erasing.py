"""Files of recordings that were deleted go, but for those that a recording made meanwhile needs too."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge_agent.blobs import EdgeBlobs
from edge_agent.erasing import Erasing
from edge_agent.spool import Spool
from telecore.commands import Erase
from telecore.ids import Sha256, new_sid
from telecore.notices import BlobUnknown
from tests.edge_agent.spool.test_erasing import erase, made

SOUND = b"silence, as ever"


class Site:
    def __init__(self, spool: Spool, blobs: EdgeBlobs) -> None:
        self.spool = spool
        self.blobs = blobs
        self.erasing = Erasing(spool, blobs)

    async def add(self) -> Sha256:
        return (await self.blobs.add(SOUND))[0]

    async def told(self, sha256: Sha256) -> str:
        """The row of a recording; its SID."""
        sid = new_sid("RE")
        await self.spool.append(made(new_sid("CA"), sid, sha256))
        return sid

    async def deleted(self, sid: str, sha256: Sha256, seq: int = 1) -> None:
        await erase(self.spool, Erase(subjects=(sid,), sounds=(sha256,)), seq)

    def has(self, sha256: Sha256) -> bool:
        path = self.blobs.path(sha256)
        return path is not None and path.exists()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    spool = await Spool.open(tmp_path / "spool.db")
    blobs = await EdgeBlobs.open(tmp_path / "blobs", clips_bytes=1000)
    yield Site(spool, blobs)
    await blobs.close()
    await spool.close()


async def test_the_file_goes_and_is_not_held_any_more(site: Site) -> None:
    sha256 = await site.add()
    await site.deleted(await site.told(sha256), sha256)
    assert await site.erasing._swept()
    assert not site.has(sha256)
    assert site.blobs.held() == ()
    assert await site.spool.erased_sounds() == []


async def test_one_made_between_the_erasing_and_the_sweep_keeps_its_file(site: Site) -> None:
    sha256 = await site.add()
    await site.deleted(await site.told(sha256), sha256)
    assert await site.add() == sha256
    twin = await site.told(sha256)
    assert await site.erasing._swept()
    assert site.has(sha256)
    await site.deleted(twin, sha256, 2)
    assert await site.erasing._swept()
    assert not site.has(sha256)


async def test_one_whose_row_is_not_written_yet_keeps_its_file(site: Site) -> None:
    sha256 = await site.add()
    await site.deleted(await site.told(sha256), sha256)
    await site.add()
    assert not await site.erasing._swept(), "it is looked at again"
    assert site.has(sha256)
    await site.told(sha256)
    assert await site.erasing._swept()
    assert site.has(sha256)


async def test_one_that_is_made_while_files_are_swept_keeps_its_file(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = await site.add()
    await site.deleted(await site.told(sha256), sha256)
    really = site.spool.erased_sounds

    async def erased_sounds() -> list[Sha256]:
        found = list(await really())
        await site.add()
        await site.told(sha256)
        return found

    monkeypatch.setattr(site.spool, "erased_sounds", erased_sounds)
    assert not await site.erasing._swept()
    monkeypatch.undo()
    assert await site.erasing._swept()
    assert site.has(sha256)


def in_days(site: Site, days: float) -> None:
    site.erasing = Erasing(site.spool, site.blobs, lambda: time.time() + days * 86400.0)


async def test_one_of_which_the_agent_died_before_it_told_goes_after_eight_days(site: Site) -> None:
    sha256 = await site.add()
    site.blobs.written(sha256)  # as after a restart, which knows of nothing that is yet to be written
    for days, there in ((7.9, True), (8.1, False)):
        in_days(site, days)
        site.erasing.unknown(BlobUnknown((sha256, Sha256("0" * 64))))
        assert await site.erasing._swept()
        assert site.has(sha256) is there
    assert site.blobs.held() == ()


async def test_one_that_a_row_tells_of_stays_though_the_cloud_does_not_know_it_yet(site: Site) -> None:
    sha256 = await site.add()
    sid = await site.told(sha256)
    in_days(site, 9.0)
    site.erasing.unknown(BlobUnknown((sha256,)))
    assert await site.erasing._swept()
    assert site.has(sha256)
    await site.spool.forget(site.spool.highest)
    site.erasing.unknown(BlobUnknown((sha256,)))
    assert await site.erasing._swept()
    assert site.has(sha256), f"the cloud learned of {sid} after it had said that it knows nothing"


async def test_one_that_is_added_again_stays_until_it_is_told_of(site: Site) -> None:
    sha256 = await site.add()
    in_days(site, 9.0)
    site.erasing.unknown(BlobUnknown((sha256,)))
    assert not await site.erasing._swept()
    await site.told(sha256)
    assert await site.erasing._swept()
    assert site.has(sha256)
