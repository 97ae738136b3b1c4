"""Twilio's client against /Recordings, and their sound."""

from __future__ import annotations

from datetime import UTC, datetime

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from cloud.store import notifications, recordings
from cloud.store.records import RecordingRecord
from telecore.ids import CallSid, RecordingSid, new_sid
from tests.fakes.api_site import HANDSET, NUMBER, Site, basic

MADE = datetime(2026, 5, 1, 10, tzinfo=UTC)


async def made(site: Site, data: bytes, status: str = "completed") -> RecordingRecord:
    call = await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url="http://app.example"))
    sha256 = await site.files.add(data)
    record = RecordingRecord(
        sid=RecordingSid(new_sid("RE")),
        account=site.account.sid,
        call=CallSid(call.sid),
        sha256=sha256,
        size=len(data),
        duration_s=2.4,
        channels=1,
        source="RecordVerb",
        status=status,
        created_at=MADE,
        updated_at=MADE,
    )
    return await site.db.write(lambda conn: recordings.insert(conn, record))


async def test_fetch_and_list(site: Site) -> None:
    one, two = await made(site, b"RIFF1"), await made(site, b"RIFF2")
    row = await site.twilio(lambda c: c.recordings(one.sid).fetch())
    assert (row.call_sid, row.duration, row.channels, row.status, row.source) == (
        one.call,
        "3",
        1,
        "completed",
        "RecordVerb",
    )
    assert row.media_url == f"https://gw.example/2010-04-01/Accounts/{site.account.sid}/Recordings/{one.sid}"
    assert [r.sid for r in await site.twilio(lambda c: c.recordings.list())] == [two.sid, one.sid]
    assert [r.sid for r in await site.twilio(lambda c: c.recordings.list(call_sid=one.call))] == [one.sid]
    assert [r.sid for r in await site.twilio(lambda c: c.calls(two.call).recordings.list())] == [two.sid]
    assert await site.twilio(lambda c: c.recordings.list(date_created_before=MADE)) == []
    assert len(await site.twilio(lambda c: c.recordings.list(date_created_after=MADE))) == 2


async def test_media_needs_the_accounts_credentials(site: Site) -> None:
    record = await made(site, b"RIFF....")
    base = f"{site.url}/2010-04-01/Accounts/{site.account.sid}/Recordings/{record.sid}"
    auth = basic(site.account)
    async with aiohttp.ClientSession() as session:
        for url in (base, f"{base}.wav"):
            async with session.get(url, headers=auth) as answer:
                assert (answer.status, answer.content_type) == (200, "audio/x-wav")
                assert await answer.read() == b"RIFF...."
        async with session.get(f"{base}.wav") as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic")
        async with session.get(f"{base}.mp3", headers=auth) as answer:
            assert answer.status == 406
            assert (await answer.json())["code"] == 20001


async def test_what_is_not_here_yet_is_not_found(site: Site) -> None:
    record = await made(site, b"RIFF", status="processing")
    auth = basic(site.account)
    url = f"{site.url}/2010-04-01/Accounts/{site.account.sid}/Recordings/{record.sid}.wav"
    async with aiohttp.ClientSession() as session, session.get(url, headers=auth) as answer:
        assert answer.status == 404
    assert (await site.twilio(lambda c: c.recordings(record.sid).fetch())).duration is None


async def test_delete_takes_the_bytes_unless_another_has_the_same(site: Site) -> None:
    one, two, other = await made(site, b"same"), await made(site, b"same"), await made(site, b"other")
    assert await site.twilio(lambda c: c.recordings(one.sid).delete()) is True
    assert site.files.path(two.sha256).exists()
    assert await site.twilio(lambda c: c.calls(two.call).recordings(two.sid).delete()) is True
    assert not site.files.path(two.sha256).exists()
    assert site.files.path(other.sha256).exists()

    def gone(client: Client) -> int:
        with pytest.raises(TwilioRestException) as caught:
            client.recordings(one.sid).fetch()
        return caught.value.status

    assert await site.twilio(gone) == 404


async def test_notifications_tell_what_went_wrong(site: Site) -> None:
    call = await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url="http://app.example"))
    await site.db.write(lambda conn: notifications.add(conn, site.account.sid, call.sid, 11200, "HTTP 500"))
    (row,) = await site.twilio(lambda c: c.calls(call.sid).notifications.list())
    assert (row.error_code, row.log, row.call_sid, row.message_text) == ("11200", "0", call.sid, "HTTP 500")
    assert len(await site.twilio(lambda c: c.api.account.notifications.list())) == 1
