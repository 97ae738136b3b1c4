"""Recordings put into words: on a whole desk, whose edge has the bytes."""

from __future__ import annotations

import asyncio

import pytest

from cloud.services.hearing import transcriptions as service
from cloud.services.hearing.recogniser import Heard, RecogniserBusy
from cloud.services.hearing.recognisers import Recognisers
from cloud.services.requests import NewCall
from cloud.store import notifications, recordings, transcriptions
from cloud.store.records import Cursor
from telecore.audio.tone import tone
from telecore.audio.wav import write_ulaw_wav, write_wav
from telecore.events import RecordingMade
from telecore.ids import RecordingSid, Sha256, new_sid
from telecore.model import Recording
from tests.cloud.services.desk_site import DeskSite
from tests.cloud.services.site import HANDSET, NUMBERS
from tests.fakes.customer_app import twiml
from tests.fakes.recogniser import Scripted

TONE = tone((400,), 2000)
SOUND = write_wav(TONE)


@pytest.fixture
def recogniser():
    found = Scripted()
    found.hears = Heard("please call me back", 0.6)
    return found


@pytest.fixture
def engines(recogniser):
    return Recognisers({"en": recogniser})


@pytest.fixture
async def desk(db, account, files, client, engines):
    site = await DeskSite(db, account, files, client, recognisers=engines).open()
    yield site
    await site.close()


@pytest.fixture
async def call(desk):
    wanted = NewCall(caller=NUMBERS[0], to=HANDSET, twiml=twiml("<Record transcribe='true'/>"))
    record = await desk.desk.calls.create(desk.account.sid, wanted)
    await desk.answer(record.sid)
    return record.sid


async def recorded(desk, call, data=SOUND, duration_s=2.0, **changes):
    sha = await desk.blob(data)
    recording = Recording(RecordingSid(new_sid("RE")), call, Sha256(sha), len(data), duration_s)
    await desk.tell(RecordingMade(call=call, recording=recording, **{"transcribe": True, **changes}))
    return recording.sid


async def becomes(desk, status):
    async with asyncio.timeout(5):
        while True:
            page = await desk.db.read(lambda conn: transcriptions.list_(conn, desk.account.sid, None, Cursor(50)))
            if page.items and page.items[0].status == status:
                return page.items[0]
            await asyncio.sleep(0.01)


async def is_here(desk, sid):
    async with asyncio.timeout(3):
        while True:
            found = await desk.db.read(lambda conn: recordings.get(conn, sid))
            if found is not None and found.status == "completed":
                return
            await asyncio.sleep(0.01)


async def notes(desk, call):
    found = await desk.db.read(lambda conn: notifications.list_(conn, desk.account.sid, about=call))
    return [note.text for note in found if note.code == 13617]


async def test_the_words_are_kept_and_told(desk, call, app, recogniser):
    sid = await recorded(desk, call, transcribe_callback=app.answer("/words", ""))
    record = await becomes(desk, "completed")
    assert (record.recording, record.call, record.text) == (sid, call, "please call me back")
    assert recogniser.heard[0].samples == TONE
    assert recogniser.heard[0].closed == 1
    (told,) = await app.wait_for("/words")
    url = f"http://cloud/{desk.account.sid}/{sid}"
    assert told.params.items() >= {
        "TranscriptionSid": record.sid, "TranscriptionText": "please call me back", "TranscriptionStatus": "completed",
        "TranscriptionType": "fast", "TranscriptionUrl": f"{url}/Transcriptions/{record.sid}", "RecordingSid": sid,
        "RecordingUrl": url, "CallSid": call, "AccountSid": desk.account.sid,
    }.items()  # fmt: skip


async def test_what_nobody_wished_is_not_transcribed(desk, call, recogniser):
    sid = await recorded(desk, call, transcribe=False)
    await is_here(desk, sid)
    assert recogniser.heard == []


async def test_mu_law_is_heard_too(desk, call, recogniser):
    await recorded(desk, call, write_ulaw_wav(bytes(16000)))
    await becomes(desk, "completed")
    assert len(recogniser.heard[0].samples) == 32000


@pytest.mark.parametrize(
    ("data", "duration_s", "why"), [(SOUND, 121.0, "longer than 2 minutes"), (b"RIFF" + bytes(90), 2.0, "WAV")]
)
async def test_what_cannot_be_heard_fails_and_is_told(desk, call, app, data, duration_s, why):
    await recorded(desk, call, data, duration_s, transcribe_callback=app.answer("/words", ""))
    assert (await becomes(desk, "failed")).text == ""
    (told,) = await app.wait_for("/words")
    assert (told.params["TranscriptionStatus"], told.params["TranscriptionText"]) == ("failed", "")
    (note,) = await notes(desk, call)
    assert why in note


async def test_an_engine_that_fails(desk, call, recogniser):
    recogniser.fails = True
    await recorded(desk, call)
    await becomes(desk, "failed")
    assert "the engine is tired" in (await notes(desk, call))[0]


async def test_a_busy_engine_is_asked_again(desk, call, recogniser, monkeypatch):
    monkeypatch.setattr(desk.desk.transcriptions, "_poll_s", 0.02)
    listen, busy = recogniser.listen, [True, True]

    async def sometimes(want):
        if busy.pop() if busy else False:
            raise RecogniserBusy("not now")
        return await listen(want)

    monkeypatch.setattr(recogniser, "listen", sometimes)
    desk.desk.transcriptions.wake()
    await recorded(desk, call)
    await becomes(desk, "completed")
    assert busy == []


async def test_a_recording_that_never_comes_fails(desk, call):
    recording = Recording(RecordingSid(new_sid("RE")), call, Sha256("0" * 64), 100, 2.0)
    await desk.tell(RecordingMade(call=call, recording=recording, transcribe=True))
    await becomes(desk, "failed")
    assert "no sound of it" in (await notes(desk, call))[0]


async def test_over_a_restart(desk, call, recogniser, monkeypatch):
    async def never(want):
        await asyncio.Event().wait()

    listen = recogniser.listen
    monkeypatch.setattr(recogniser, "listen", never)
    await recorded(desk, call)
    await becomes(desk, "in-progress")
    monkeypatch.setattr(recogniser, "listen", listen)
    await desk.restart()
    assert (await becomes(desk, "completed")).text == "please call me back"


class TestWithoutARecogniser:
    @pytest.fixture
    def engines(self):
        return Recognisers({})

    async def test_it_fails_clearly(self, desk, call):
        await recorded(desk, call)
        await becomes(desk, "failed")
        assert f"no recogniser hears {service.LANGUAGE}" in (await notes(desk, call))[0]
