"""Calls/Streams through Twilio's own client, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException

from cloud.store import accounts, calls
from telecore.ids import CallSid, new_sid
from telecore.model import Track
from telecore.twiml.control import StreamSpec
from tests.fakes.api_site import HANDSET, NUMBER, Site, basic

URL = "wss://app.example/media"


@pytest.fixture
async def call(site: Site) -> str:
    return (await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url="http://app.example/"))).sid


@pytest.fixture
def asked(site: Site):
    return site.streams.asked


async def test_created_and_stopped_by_sid_and_by_name(site: Site, call: str, asked) -> None:
    made = await site.twilio(
        lambda c: c.calls(call).streams.create(
            url=URL,
            name="ears",
            track="both_tracks",
            status_callback="https://app.example/told",
            status_callback_method="GET",
            parameter1_name="a",
            parameter1_value="1",
            parameter99_name="z",
            parameter99_value="é",
        )
    )
    assert (made.status, made.name, made.call_sid, made.account_sid) == ("in-progress", "ears", call, site.account.sid)
    assert made.sid.startswith("MZ")
    assert made.uri == f"/2010-04-01/Accounts/{site.account.sid}/Calls/{call}/Streams/{made.sid}.json"
    assert asked[0].spec == StreamSpec(
        URL,
        "ears",
        (Track.INBOUND, Track.OUTBOUND),
        parameters={"a": "1", "z": "é"},
        status_callback="https://app.example/told",
        status_callback_method="GET",
    )
    stopped = await site.twilio(lambda c: c.calls(call).streams("ears").update(status="stopped"))
    assert (stopped.sid, stopped.status) == (made.sid, "stopped")
    plain = await site.twilio(lambda c: c.calls(call).streams.create(url=URL))
    assert plain.name is None
    assert asked[1].spec == StreamSpec(URL)
    again = await site.twilio(lambda c: c.calls(call).streams(plain.sid).update(status="stopped"))
    assert again.status == "stopped"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 21205),
        ({"Url": ""}, 21205),
        ({"Url": "https://app.example/"}, 31922),
        ({"Url": "wss://"}, 31923),
        ({"Url": "wss://[half"}, 31923),
        ({"Url": "wss://a.example/?q=1"}, 31923),
        ({"Url": "wss://a.example/" + "x" * 5000}, 31923),
        ({"Url": "wss://\x00"}, 31923),
        ({"Url": URL, "Track": "all"}, 31941),
        ({"Url": URL, "Name": "x" * 257}, 20001),
        ({"Url": URL, "StatusCallback": "ftp://a.example/"}, 21502),
        ({"Url": URL, "StatusCallbackMethod": "PUT"}, 21209),
        ({"Url": URL, "Parameter1.Value": "x"}, 20001),
        ({"Url": URL, "Parameter7.Name": "x" * 250, "Parameter7.Value": "x" * 251}, 20001),
    ],
)
async def test_bad_input_is_refused_by_name_and_begins_nothing(site: Site, call: str, asked, fields, code) -> None:
    path = f"{site.url}/2010-04-01/Accounts/{site.account.sid}/Calls/{call}/Streams.json"
    async with aiohttp.ClientSession() as http, http.post(path, data=fields, headers=basic(site.account)) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, code)
    assert asked == []


async def test_foreign_calls_and_streams_are_not_there(site: Site, call: str) -> None:
    other = await site.db.write(lambda conn: accounts.create(conn, "Other"))
    made = await site.twilio(lambda c: c.calls(call).streams.create(url=URL))
    second = await site.db.write(
        lambda conn: calls.insert(conn, _copy(calls.get(conn, call)))  # another call of the same account
    )

    async def refused(client, sid, act):
        with pytest.raises(TwilioRestException) as error:
            await site.twilio(lambda c: act(client.calls(sid).streams))
        return error.value.status, error.value.code

    theirs, ours = site.client(other), site.client()
    begin, stop = (lambda s: s.create(url=URL)), (lambda s: s(made.sid).update(status="stopped"))
    assert await refused(theirs, call, begin) == (404, 20404)
    assert await refused(theirs, call, stop) == (404, 20404)
    assert await refused(ours, "CA" + "0" * 32, begin) == (404, 20404)
    assert await refused(ours, second.sid, stop) == (404, 20404)
    assert await refused(ours, call, lambda s: s("nobody").update(status="stopped")) == (404, 20404)
    assert await refused(ours, call, lambda s: s(made.sid).update(status="in-progress")) == (400, 20001)


def _copy(record):
    return replace(record, sid=CallSid(new_sid("CA")), id=0)
