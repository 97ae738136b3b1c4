"""No sound of a recording without credentials or a link that is signed, of this account and recording, and not old."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from cloud.services.media_links import MediaLinks, signature
from cloud.store import accounts
from cloud.store.records import AccountRecord
from tests.fakes.seeded_cloud import Seed, SeededCloud, seeded_cloud


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[SeededCloud]:
    async with seeded_cloud(tmp_path) as made:
        yield made


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


def basic(account: AccountRecord) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(account.sid, account.auth_token)}


def links_of(cloud: SeededCloud) -> MediaLinks:
    return cloud.parts.links


async def status(http: aiohttp.ClientSession, cloud: SeededCloud, url: str) -> int:
    """The link as it was told, asked of the port where the cloud is."""
    async with http.get(f"{cloud.url}{urlsplit(url).path}") as answer:
        if answer.status == 200:
            assert (await answer.read())[:4] in (b"RIFF", b"ID3\x04") or answer.content_type == "audio/mpeg"
        return answer.status


async def settle(http: aiohttp.ClientSession, cloud: SeededCloud, seed: Seed, **settings: str) -> None:
    url = f"{cloud.url}/simferry/v1/account"
    async with http.post(url, data=settings, headers=basic(seed.account)) as answer:
        assert answer.status == 200, await answer.text()


async def test_by_default_credentials_are_needed(cloud: SeededCloud, http: aiohttp.ClientSession) -> None:
    seed = await cloud.seed()
    url = links_of(cloud).url(seed.account.sid, seed.named["Recordings"])
    assert "/media/" not in url
    for end in ("", ".wav", ".mp3"):
        assert await status(http, cloud, url + end) == 401
        async with http.get(f"{cloud.url}{urlsplit(url).path}", headers=basic(seed.account)) as answer:
            assert answer.status == 200


async def test_an_account_may_want_links_in_its_webhooks(cloud: SeededCloud, http: aiohttp.ClientSession) -> None:
    seed, other = await cloud.seed(), await cloud.seed()
    sid = seed.named["Recordings"]
    await settle(http, cloud, seed, media_access="signed", media_link_s="3600")
    url = links_of(cloud).url(seed.account.sid, sid)
    assert "/media/" in url
    assert "/media/" not in links_of(cloud).url(other.account.sid, other.named["Recordings"])
    for end in ("", ".wav", ".mp3"):
        assert await status(http, cloud, url + end) == 200
    plain = f"{cloud.url}/2010-04-01/Accounts/{seed.account.sid}/Recordings/{sid}.wav"
    assert await status(http, cloud, plain) == 401, "the plain one still asks"


async def test_what_is_not_right_about_a_link_is_refused_alike(cloud: SeededCloud, http: aiohttp.ClientSession) -> None:
    seed, other = await cloud.seed(), await cloud.seed()
    sid, account = seed.named["Recordings"], seed.account.sid
    await settle(http, cloud, seed, media_access="signed")
    record = await cloud.parts.db.read(lambda conn: accounts.get(conn, account))
    assert record is not None
    soon, past = int(time.time()) + 60, int(time.time()) - 1
    good = signature(record.media_key, account, sid, soon)
    wrong = [
        (account, past, signature(record.media_key, account, sid, past), sid),
        (account, soon + 1, good, sid),
        (account, soon, good, other.named["Recordings"]),
        (other.account.sid, soon, good, sid),
        (other.account.sid, soon, signature(record.media_key, other.account.sid, sid, soon), sid),
        (account, soon, "A" * 43, sid),
        (account, soon, signature("00" * 32, account, sid, soon), sid),
        ("AC" + "0" * 32, soon, good, sid),
    ]
    for owner, expires, given, recording in wrong:
        assert await status(http, cloud, f"/media/{owner}/{expires}/{given}/{recording}") == 403
    assert await status(http, cloud, f"/media/{account}/{soon}/{good}/{sid}") == 200
    foreign = signature(record.media_key, account, other.named["Recordings"], soon)
    assert await status(http, cloud, f"/media/{account}/{soon}/{foreign}/{other.named['Recordings']}") == 404


async def test_links_are_revoked_together(cloud: SeededCloud, http: aiohttp.ClientSession) -> None:
    seed = await cloud.seed()
    sid = seed.named["Recordings"]
    making = f"{cloud.url}/simferry/v1/recordings/{sid}/links"
    async with http.post(making, data={"ttl": "60"}, headers=basic(seed.account)) as answer:
        assert answer.status == 201
        url = (await answer.json())["url"]
    assert await status(http, cloud, url) == 200
    await settle(http, cloud, seed, revoke_media_links="true")
    assert await status(http, cloud, url) == 403
    other = await cloud.seed()
    async with http.post(making, headers=basic(other.account)) as answer:
        assert answer.status == 404, "of somebody else's recording there are no links"
    async with http.post(making) as answer:
        assert answer.status == 401


async def test_a_suspended_account_serves_nothing(cloud: SeededCloud, http: aiohttp.ClientSession) -> None:
    seed = await cloud.seed()
    await settle(http, cloud, seed, media_access="signed")
    url = links_of(cloud).url(seed.account.sid, seed.named["Recordings"])
    await cloud.parts.db.write(lambda conn: accounts.update(conn, seed.account.sid, status="suspended"))
    assert await status(http, cloud, url) == 403
