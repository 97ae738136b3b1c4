"""Twilio's client against /Transcriptions."""

from __future__ import annotations

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException

from cloud.store import accounts, recordings, transcriptions
from cloud.store.records import Hook, TranscriptionRecord
from tests.cloud.api.test_api_recordings import made
from tests.fakes.api_site import Site, basic


async def put(site: Site, **changes: object) -> TranscriptionRecord:
    recording = await made(site, b"RIFF" + str(changes).encode())
    record = await site.db.write(lambda conn: transcriptions.begin(conn, recording, Hook()))
    if changes:
        await site.db.write(lambda conn: transcriptions.update(conn, record.sid, **changes))
    return record


async def test_fetch(site: Site) -> None:
    record = await put(site, status="completed", text="call me")
    row = await site.twilio(lambda c: c.transcriptions(record.sid).fetch())
    assert (row.recording_sid, row.status, row.transcription_text, row.type, row.duration) == (
        record.recording, "completed", "call me", "fast", "3",
    )  # fmt: skip
    assert (row.price, row.price_unit, row.api_version) == (None, "USD", "2010-04-01")
    assert row.uri == f"/2010-04-01/Accounts/{site.account.sid}/Transcriptions/{record.sid}.json"


async def test_without_words_there_is_no_text(site: Site) -> None:
    record = await put(site)
    row = await site.twilio(lambda c: c.transcriptions(record.sid).fetch())
    assert (row.status, row.transcription_text) == ("in-progress", None)


async def test_lists(site: Site) -> None:
    one, two = await put(site), await put(site, text="x")
    assert [t.sid for t in await site.twilio(lambda c: c.transcriptions.list())] == [two.sid, one.sid]
    assert [t.sid for t in await site.twilio(lambda c: c.transcriptions.list(page_size=1))] == [two.sid, one.sid]
    of_one = await site.twilio(lambda c: c.recordings(one.recording).transcriptions.list())
    assert [t.sid for t in of_one] == [one.sid]
    row = await site.twilio(lambda c: c.recordings(one.recording).transcriptions(one.sid).fetch())
    assert row.sid == one.sid


async def test_delete(site: Site) -> None:
    one, two = await put(site), await put(site, text="x")
    assert await site.twilio(lambda c: c.transcriptions(one.sid).delete())
    assert await site.twilio(lambda c: c.recordings(two.recording).transcriptions(two.sid).delete())
    with pytest.raises(TwilioRestException) as caught:
        await site.twilio(lambda c: c.transcriptions(one.sid).fetch())
    assert (caught.value.status, caught.value.code) == (404, 20404)
    assert await site.db.read(lambda conn: recordings.get(conn, one.recording)) is not None


async def test_another_recordings_and_anothers(site: Site) -> None:
    one, two = await put(site), await put(site, text="x")
    other = await site.db.write(lambda conn: accounts.create(conn, "Other"))
    with pytest.raises(TwilioRestException) as caught:
        await site.twilio(lambda c: c.recordings(one.recording).transcriptions(two.sid).fetch())
    assert caught.value.code == 20404
    path = f"{site.url}/2010-04-01/Accounts/{other.sid}"
    async with aiohttp.ClientSession(headers=basic(other)) as http:
        for below in (f"Transcriptions/{one.sid}.json", f"Recordings/{one.recording}/Transcriptions.json"):
            async with http.get(f"{path}/{below}") as answer:
                assert (answer.status, (await answer.json())["code"]) == (404, 20404)


async def test_the_url_that_is_told(site: Site) -> None:
    one = await put(site)
    path = f"{site.url}/2010-04-01/Accounts/{site.account.sid}/Recordings/{one.recording}/Transcriptions/{one.sid}"
    async with (
        aiohttp.ClientSession(headers=basic(site.account)) as http,
        http.get(path) as answer,
    ):
        assert (await answer.json())["sid"] == one.sid
