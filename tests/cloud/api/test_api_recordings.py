"""Twilio's client against /Recordings, and their sound."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
import soundfile
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from cloud.store import notifications, recordings
from cloud.store.records import RecordingRecord
from telecore.audio.tone import tone
from telecore.audio.wav import write_wav
from telecore.ids import CallSid, RecordingSid, Sha256, new_sid
from tests.fakes.api_site import HANDSET, NUMBER, Site, basic

MADE = datetime(2026, 5, 1, 10, tzinfo=UTC)


async def made(site: Site, data: bytes, status: str = "completed", channels: int = 1) -> RecordingRecord:
    call = await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url="http://app.example"))
    sha256 = await site.files.add(data) if data else Sha256("")
    record = RecordingRecord(
        sid=RecordingSid(new_sid("RE")),
        account=site.account.sid,
        call=CallSid(call.sid),
        sha256=sha256,
        size=len(data),
        duration_s=2.4,
        channels=channels,
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
        async with session.get(f"{base}.mp3") as answer:
            assert answer.status == 401


def dual_wav() -> bytes:
    """Two seconds: 440 Hz at the left, 1000 Hz at the right."""
    left, right = tone((440,), 2000, -12), tone((1000,), 2000, -12)
    both = bytearray(2 * len(left))
    both[0::4], both[1::4], both[2::4], both[3::4] = left[0::2], left[1::2], right[0::2], right[1::2]
    return write_wav(bytes(both), 8000, 2)


def strength(samples: list[float], hz: int) -> float:
    step = 2 * math.pi * hz / 8000
    return abs(sum(value * complex(math.cos(step * n), math.sin(step * n)) for n, value in enumerate(samples)))


async def test_the_sound_as_mp3_and_with_fewer_channels(site: Site, tmp_path: Path) -> None:
    record = await made(site, dual_wav(), channels=2)
    base = f"{site.url}/2010-04-01/Accounts/{site.account.sid}/Recordings/{record.sid}"
    auth = basic(site.account)
    found = {}
    async with aiohttp.ClientSession() as session:
        for name in (".wav", ".wav?RequestedChannels=1", ".mp3", ".mp3?RequestedChannels=1", "?RequestedChannels=2"):
            async with session.get(f"{base}{name}", headers=auth) as answer:
                assert answer.status == 200, name
                assert answer.content_type == ("audio/mpeg" if ".mp3" in name else "audio/x-wav")
                (tmp_path / "heard").write_bytes(await answer.read())
            found[name] = soundfile.read(tmp_path / "heard", always_2d=True)
    shapes = {name: (rate, data.shape[1], round(len(data) / rate)) for name, (data, rate) in found.items()}
    assert shapes == {
        ".wav": (8000, 2, 2),
        ".wav?RequestedChannels=1": (8000, 1, 2),
        ".mp3": (8000, 2, 2),
        ".mp3?RequestedChannels=1": (8000, 1, 2),
        "?RequestedChannels=2": (8000, 2, 2),
    }
    mixed = list(found[".mp3?RequestedChannels=1"][0][4000:12000, 0])
    assert strength(mixed, 440) > 20 * strength(mixed, 700)
    assert strength(mixed, 1000) > 20 * strength(mixed, 700)
    left = list(found[".mp3"][0][4000:12000, 0])
    assert strength(left, 440) > 10 * strength(left, 1000)


async def test_channels_that_there_are_not(site: Site) -> None:
    record = await made(site, b"RIFF")
    base = f"{site.url}/2010-04-01/Accounts/{site.account.sid}/Recordings/{record.sid}.mp3"
    async with aiohttp.ClientSession() as session:
        for channels in ("2", "3", "0", "many"):
            async with session.get(f"{base}?RequestedChannels={channels}", headers=basic(site.account)) as answer:
                assert answer.status == 400
                assert (await answer.json())["code"] == 20001
        async with session.get(base, headers=basic(site.account)) as answer:
            assert answer.status == 503  # "RIFF" is no sound


async def test_deleting_takes_what_was_made_of_it(site: Site, tmp_path: Path) -> None:
    record = await made(site, dual_wav(), channels=2)
    url = f"{site.url}/2010-04-01/Accounts/{site.account.sid}/Recordings/{record.sid}.mp3"
    async with aiohttp.ClientSession() as session, session.get(url, headers=basic(site.account)) as answer:
        assert answer.status == 200
    assert len(list((tmp_path / "renditions").iterdir())) == 1
    await site.twilio(lambda c: c.recordings(record.sid).delete())
    assert list((tmp_path / "renditions").iterdir()) == []


@pytest.mark.parametrize("status", ["in-progress", "paused", "stopped"])
async def test_what_is_being_made_is_not_deleted(site: Site, status: str) -> None:
    record = await made(site, b"", status=status)

    def refused(client: Client) -> int:
        with pytest.raises(TwilioRestException) as caught:
            client.recordings(record.sid).delete()
        return caught.value.status

    assert await site.twilio(refused) == 409
    row = await site.twilio(lambda c: c.calls(record.call).recordings(record.sid).fetch())
    assert (row.status, row.track, row.duration) == (status, "both", None)
    assert row.uri.endswith(f"/Calls/{record.call}/Recordings/{record.sid}.json")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"recording_channels": "three"}, 20001),
        ({"recording_track": "sideways"}, 20001),
        ({"trim": "a bit"}, 20001),
        ({"recording_status_callback": "mailto:a@b"}, 21502),
        ({"recording_status_callback": "http://a.example", "recording_status_callback_method": "PUT"}, 21209),
        ({"recording_status_callback_event": ["begun"]}, 21626),
        ({}, 21220),
    ],
)
async def test_a_recording_that_cannot_be_begun(site: Site, fields: dict[str, object], code: int) -> None:
    call = await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url="http://app.example"))

    def refused(client: Client) -> int:
        with pytest.raises(TwilioRestException) as caught:
            client.calls(call.sid).recordings.create(**fields)
        return int(caught.value.code or 0)

    assert await site.twilio(refused) == code


@pytest.mark.parametrize(
    ("sid", "fields", "code"),
    [
        (None, {"status": "louder"}, 20001),
        (None, {"status": ""}, 20001),
        (None, {"status": "paused", "pause_behavior": "hum"}, 20001),
        (None, {"status": "paused"}, 21220),
        ("Twilio.CURRENT", {"status": "stopped"}, 20404),
        ("RE" + "0" * 32, {"status": "stopped"}, 20404),
        ("RE'; --", {"status": "stopped"}, 20404),
    ],
)
async def test_a_recording_that_cannot_be_changed(
    site: Site, sid: str | None, fields: dict[str, str], code: int
) -> None:
    record = await made(site, b"RIFF")

    def refused(client: Client) -> int:
        with pytest.raises(TwilioRestException) as caught:
            client.calls(record.call).recordings(sid or record.sid).update(**fields)
        return int(caught.value.code or 0)

    assert await site.twilio(refused) == code


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


async def test_one_whose_bytes_cannot_be_deleted_now_is_still_there_to_be_deleted(site: Site) -> None:
    record = await made(site, b"secret")
    path = site.files.path(record.sha256)
    path.rename(path.with_name("aside"))
    path.mkdir()  # which no unlink takes away

    def refused(client: Client) -> int:
        with pytest.raises(TwilioRestException) as caught:
            client.recordings(record.sid).delete()
        return caught.value.status

    assert await site.twilio(refused) >= 500
    path.rmdir()
    path.with_name("aside").rename(path)
    assert await site.twilio(lambda c: c.recordings(record.sid).delete()) is True
    assert not path.exists()
    assert await site.db.read(lambda conn: recordings.get(conn, record.sid)) is None


async def test_notifications_tell_what_went_wrong(site: Site) -> None:
    call = await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url="http://app.example"))
    await site.db.write(lambda conn: notifications.add(conn, site.account.sid, call.sid, 11200, "HTTP 500"))
    (row,) = await site.twilio(lambda c: c.calls(call.sid).notifications.list())
    assert (row.error_code, row.log, row.call_sid, row.message_text) == ("11200", "0", call.sid, "HTTP 500")
    assert len(await site.twilio(lambda c: c.api.account.notifications.list())) == 1
