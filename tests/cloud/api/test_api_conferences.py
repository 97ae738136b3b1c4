"""Twilio's client against /Conferences, their participants and their recordings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from twilio.base.exceptions import TwilioRestException

from cloud.api.conference_forms import document_of
from cloud.store import accounts, calls, conferences, participants, recordings
from cloud.store.records import ConferenceRecord, ParticipantRecord, RecordingRecord
from cloud.tunnel import conference_steps as steps
from telecore.ids import CallSid, RecordingSid, Sha256, StayId, new_id, new_sid
from telecore.model import CallStatus
from telecore.stays import ConferenceSpec
from telecore.twiml.document import read_voice
from tests.fakes.api_site import HANDSET, NUMBER, Site

MADE = datetime(2026, 5, 1, 10, tzinfo=UTC)


async def conference(site: Site, name: str = "Ward round", **changes: object) -> ConferenceRecord:
    record = steps.settings(site.account.sid, ConferenceSpec(name), MADE)
    return await site.db.write(lambda conn: conferences.insert(conn, replace(record, **changes)))  # type: ignore[arg-type]


async def participant(site: Site, there: ConferenceRecord, **changes: object) -> ParticipantRecord:
    """Somebody who is in it."""
    call = await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, twiml="<Response/>"))
    fields = {
        "sid": new_sid("CP"),
        "account": site.account.sid,
        "conference": there.sid,
        "call": CallSid(call.sid),
        "status": "connected",
        "created_at": MADE,
        "updated_at": MADE,
        "stay": StayId(new_id()),
    }
    record = ParticipantRecord(**fields | changes)  # type: ignore[arg-type]
    return await site.db.write(lambda conn: participants.insert(conn, record))


async def refusal(site: Site, ask) -> tuple[int, int]:  # type: ignore[no-untyped-def]
    with pytest.raises(TwilioRestException) as refused:
        await site.twilio(ask)
    return refused.value.status, refused.value.code


async def test_fetch_list_and_filters(site: Site) -> None:
    one = await conference(site)
    two = await conference(site, "Other", status="completed", reason="last-participant-left")
    row = await site.twilio(lambda c: c.conferences(one.sid).fetch())
    assert (row.friendly_name, row.status, row.date_created) == ("Ward round", "init", MADE)
    assert row.reason_conference_ended is None
    assert set(row.subresource_uris) == {"participants", "recordings"}
    found = await site.twilio(lambda c: c.conferences(two.sid).fetch())
    assert (found.status, found.reason_conference_ended) == ("completed", "last-participant-left")

    async def sids(**wanted: object) -> list[str]:
        return [row.sid for row in await site.twilio(lambda c: c.conferences.list(**wanted))]

    assert await sids() == [two.sid, one.sid]
    assert await sids(status="completed") == [two.sid]
    assert await sids(friendly_name="Ward round") == [one.sid]
    assert await sids(date_created=MADE.date()) == [two.sid, one.sid]
    assert await sids(date_created_after=MADE.date() + timedelta(days=1)) == []
    assert await sids(date_updated_before=MADE) == []
    assert [r.sid for r in await site.twilio(lambda c: c.conferences.list(page_size=1))] == [two.sid, one.sid]


async def test_participants_by_call_and_by_label(site: Site) -> None:
    there = await conference(site)
    one = await participant(site, there, label="doctor", muted=True)
    two = await participant(site, there, hold=True)
    gone = await participant(site, there, status="complete", label="gone")
    room = lambda c: c.conferences(there.sid)  # noqa: E731
    assert [p.call_sid for p in await site.twilio(lambda c: room(c).participants.list())] == [two.call, one.call]
    assert [p.call_sid for p in await site.twilio(lambda c: room(c).participants.list(muted=True))] == [one.call]
    assert [p.call_sid for p in await site.twilio(lambda c: room(c).participants.list(hold=False))] == [one.call]
    for key in (one.call, "doctor"):
        row = await site.twilio(lambda c, key=key: room(c).participants(key).fetch())
        assert (row.call_sid, row.label, row.muted, row.hold, row.status) == (
            one.call,
            "doctor",
            True,
            False,
            "connected",
        )
    for key in (gone.call, "gone", "nobody", "CA" + "0" * 32):
        assert await refusal(site, lambda c, key=key: room(c).participants(key).fetch()) == (404, 20404)


async def test_update_and_remove(site: Site) -> None:
    there = await conference(site)
    one, two = await participant(site, there), await participant(site, there)
    them = lambda c: c.conferences(there.sid).participants  # noqa: E731
    row = await site.twilio(
        lambda c: them(c)(one.call).update(muted=True, hold=True, hold_url="http://h.example/", beep_on_exit=False)
    )
    assert (row.muted, row.hold) == (True, True)
    found = await site.db.read(lambda conn: participants.of_key(conn, there.sid, one.call))
    assert found is not None
    assert (found.hold_url, found.beep_on_exit) == ("http://h.example/", False)
    row = await site.twilio(lambda c: them(c)(one.call).update(coaching=True, call_sid_to_coach=two.call))
    assert (row.coaching, row.call_sid_to_coach) == (True, two.call)
    assert await refusal(site, lambda c: them(c)(one.call).update(call_sid_to_coach="CA" + "0" * 32)) == (400, 16028)
    assert await refusal(site, lambda c: them(c)(one.call).update(hold_url="ftp://x")) == (400, 21205)
    assert await refusal(site, lambda c: them(c)(one.call).update(announce_method="PUT")) == (400, 21209)
    assert await site.twilio(lambda c: them(c)(one.call).delete()) is True
    assert await refusal(site, lambda c: them(c)(one.call).delete()) == (404, 20404)
    assert [p.call_sid for p in await site.twilio(lambda c: them(c).list())] == [two.call]


async def test_end_it(site: Site) -> None:
    there = await conference(site)
    one = await participant(site, there)
    row = await site.twilio(lambda c: c.conferences(there.sid).update(status="completed"))
    assert (row.status, row.reason_conference_ended) == ("completed", "conference-ended-via-api")
    assert await refusal(site, lambda c: c.conferences(there.sid).update(status="completed")) == (400, 16022)
    assert await refusal(site, lambda c: c.conferences(there.sid).update(status="init")) == (400, 20001)
    assert await refusal(site, lambda c: c.conferences(there.sid).participants(one.call).fetch()) == (404, 20404)


async def test_a_participant_is_called_in(site: Site) -> None:
    def create(key: str, **wanted: object):  # type: ignore[no-untyped-def]
        return lambda c: c.conferences(key).participants.create(**{"from_": NUMBER, "to": HANDSET} | wanted)

    row = await site.twilio(
        create(
            'Ward & "round"',
            label="doctor",
            muted=True,
            beep="onEnter",
            wait_url="",
            start_conference_on_enter=False,
            end_conference_on_exit=True,
            conference_status_callback="http://s.example/?a=1&b=2",
            conference_status_callback_event=["join", "leave"],
            status_callback="http://call.example/",
            time_limit=60,
        )
    )
    assert (row.label, row.muted, row.status, row.end_conference_on_exit) == ("doctor", True, "queued", True)
    asked = site.calls.asked[-1]
    assert (asked.to, asked.time_limit_s, asked.status_callback.url) == (HANDSET, 60, "http://call.example/")
    (verb,) = read_voice(asked.twiml, "").verbs
    assert (verb.spec.name, verb.spec.label, verb.spec.wait_url, verb.spec.beep) == (
        'Ward & "round"',
        "doctor",
        "",
        "onEnter",
    )
    assert verb.spec.status_callback == "http://s.example/?a=1&b=2"
    assert verb.spec.status_callback_events == ("join", "leave")
    there = await site.db.read(lambda conn: conferences.active(conn, site.account.sid, 'Ward & "round"'))
    assert row.conference_sid == there.sid
    ringing = {"status": CallStatus.RINGING}
    await site.db.write(lambda conn: calls.update(conn, row.call_sid, **ringing))
    assert (await site.twilio(lambda c: c.conferences(there.sid).participants("doctor").fetch())).status == "ringing"
    assert await refusal(site, create(there.sid, label="doctor")) == (400, 16026)
    again = await site.twilio(create(there.sid))
    assert again.conference_sid == there.sid


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"to": ""}, 21201),
        ({"to": "nobody"}, 21211),
        ({"from_": "+85599999999"}, 21210),
        ({"max_participants": 1}, 20001),
        ({"max_participants": "x" * 200}, 20001),
        ({"beep": "loud"}, 20001),
        ({"coaching": True}, 20001),
        ({"wait_url": "mailto:x"}, 21205),
        ({"label": "x" * 129}, 16024),
        ({"label": "a\0b"}, 16024),
        ({"label": "a/b"}, 16024),
        ({"label": "CA" + "0" * 32}, 16024),
        ({"conference_status_callback_event": ["nap"]}, 21626),
        ({"timeout": 0}, 21208),
    ],
)
async def test_who_cannot_be_called_in(site: Site, wanted: dict[str, object], code: int) -> None:
    fields = {"from_": NUMBER, "to": HANDSET} | wanted
    assert (await refusal(site, lambda c: c.conferences("R").participants.create(**fields)))[1] == code
    assert await site.db.read(lambda conn: conferences.active(conn, site.account.sid, "R")) is None


@pytest.mark.parametrize("name", ["x" * 129, "a\0b"])
async def test_names_that_are_none(site: Site, name: str) -> None:
    ask = lambda c: c.conferences(name).participants.create(from_=NUMBER, to=HANDSET)  # noqa: E731
    assert (await refusal(site, ask))[0] == 400


async def test_a_full_conference(site: Site) -> None:
    there = await conference(site, max_participants=2)
    for _ in range(2):
        await participant(site, there)
    ask = lambda c: c.conferences(there.sid).participants.create(from_=NUMBER, to=HANDSET)  # noqa: E731
    assert await refusal(site, ask) == (400, 16020)


async def test_recordings_of_a_conference(site: Site) -> None:
    there = await conference(site)
    one = await participant(site, there)
    record = RecordingRecord(
        sid=RecordingSid(new_sid("RE")),
        account=site.account.sid,
        call=one.call,
        sha256=Sha256("0" * 64),
        size=1,
        duration_s=2.0,
        channels=1,
        source="Conference",
        status="completed",
        created_at=MADE,
        updated_at=MADE,
        conference=there.sid,
    )
    await site.db.write(lambda conn: recordings.insert(conn, record))
    (row,) = await site.twilio(lambda c: c.conferences(there.sid).recordings.list())
    assert (row.sid, row.conference_sid, row.source) == (record.sid, there.sid, "Conference")
    assert (await site.twilio(lambda c: c.conferences(there.sid).recordings(record.sid).fetch())).sid == record.sid
    other = await conference(site, "Other")
    ask = lambda c: c.conferences(other.sid).recordings(record.sid).fetch()  # noqa: E731
    assert await refusal(site, ask) == (404, 20404)
    (row,) = await site.twilio(lambda c: c.recordings.list(conference_sid=there.sid))
    assert row.sid == record.sid
    assert await site.twilio(lambda c: c.conferences(there.sid).recordings.list(date_created_before=MADE)) == []


async def test_another_accounts_conference_is_not_there(site: Site) -> None:
    other = await site.db.write(lambda conn: accounts.create(conn, "Other"))
    theirs = await conference(site, account=other.sid)
    one = await participant(site, theirs, account=other.sid)
    for ask in (
        lambda c: c.conferences(theirs.sid).fetch(),
        lambda c: c.conferences(theirs.sid).update(status="completed"),
        lambda c: c.conferences(theirs.sid).participants(one.call).fetch(),
        lambda c: c.conferences(theirs.sid).participants(one.call).update(muted=True),
        lambda c: c.conferences(theirs.sid).participants(one.call).delete(),
        lambda c: c.conferences(theirs.sid).participants.create(from_=NUMBER, to=HANDSET),
    ):
        assert await refusal(site, ask) == (404, 20404)
    found = await site.db.read(lambda conn: participants.of_key(conn, theirs.sid, one.call))
    assert found == one


def test_the_document_of_one_who_is_called_in_says_all_of_it() -> None:
    spec = ConferenceSpec(
        "R<&>",
        muted=True,
        beep="onExit",
        start_on_enter=False,
        end_on_exit=True,
        wait_url="http://w.example/?a=1&b=2",
        wait_method="GET",
        max_participants=7,
        record=True,
        trim_silence=False,
        coach="CA" + "1" * 32,
        label='a"b',
        status_callback="http://s.example/",
        status_callback_method="GET",
        status_callback_events=("start", "speaker"),
        recording_status_callback="http://r.example/",
        recording_status_callback_events=("absent",),
    )
    (verb,) = read_voice(document_of(spec), "").verbs
    assert verb.spec == spec  # type: ignore[attr-defined]
