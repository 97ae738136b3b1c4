"""Twilio's client against /Queues and their members."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from twilio.base.exceptions import TwilioRestException

from cloud.services.requests import UpdateCall
from cloud.store import accounts, calls, queues
from cloud.store.records import MemberRecord
from cloud.tunnel import queue_steps
from telecore.ids import StayId, new_id
from telecore.model import CallStatus
from telecore.stays import EnqueueSpec
from tests.fakes.api_site import HANDSET, NUMBER, Site


async def waiting(site: Site, name: str, ago_s: float = 0.0) -> MemberRecord:
    """A call that has waited in this queue for so long."""
    call = await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, twiml="<Response/>"))
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    record = await site.db.read(lambda conn: calls.get(conn, call.sid))
    assert record is not None
    spec = EnqueueSpec(name)
    _, member = await site.db.write(lambda conn: queue_steps.enter(conn, record, StayId(new_id()), spec, at))
    assert member is not None
    return member


async def refusal(site: Site, ask) -> tuple[int, int]:  # type: ignore[no-untyped-def]
    with pytest.raises(TwilioRestException) as refused:
        await site.twilio(ask)
    return refused.value.status, refused.value.code


async def test_create_fetch_update_list_delete(site: Site) -> None:
    one = await site.twilio(lambda c: c.queues.create(friendly_name="Nurses"))
    assert (one.friendly_name, one.max_size, one.current_size, one.average_wait_time) == ("Nurses", 100, 0, 0)
    two = await site.twilio(lambda c: c.queues.create(friendly_name="វេជ្ជបណ្ឌិត", max_size=7))
    row = await site.twilio(lambda c: c.queues(two.sid).update(max_size=9))
    assert (row.friendly_name, row.max_size) == ("វេជ្ជបណ្ឌិត", 9)
    row = await site.twilio(lambda c: c.queues(two.sid).update(friendly_name="Doctors"))
    assert (row.friendly_name, row.max_size) == ("Doctors", 9)
    assert (await site.twilio(lambda c: c.queues(two.sid).fetch())).friendly_name == "Doctors"
    assert [q.sid for q in await site.twilio(lambda c: c.queues.list(page_size=1))] == [two.sid, one.sid]
    assert await site.twilio(lambda c: c.queues(one.sid).delete()) is True
    assert await refusal(site, lambda c: c.queues(one.sid).fetch()) == (404, 20404)
    assert (await site.twilio(lambda c: c.queues.create(friendly_name="Nurses"))).sid != one.sid


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"friendly_name": ""}, 20002),
        ({"friendly_name": "x" * 65}, 20002),
        ({"friendly_name": "a\0b"}, 20002),
        ({"friendly_name": "q", "max_size": 0}, 20001),
        ({"friendly_name": "q", "max_size": 5001}, 20001),
        ({"friendly_name": "q", "max_size": "9" * 1000}, 20001),
    ],
)
async def test_what_is_no_queue(site: Site, wanted: dict[str, object], code: int) -> None:
    assert await refusal(site, lambda c: c.queues.create(**wanted)) == (400, code)
    assert await site.twilio(lambda c: c.queues.list()) == []


async def test_a_name_is_one_queues(site: Site) -> None:
    one = await site.twilio(lambda c: c.queues.create(friendly_name="a"))
    await site.twilio(lambda c: c.queues.create(friendly_name="b"))
    assert await refusal(site, lambda c: c.queues.create(friendly_name="a")) == (409, 20409)
    assert await refusal(site, lambda c: c.queues(one.sid).update(friendly_name="b")) == (409, 20409)


async def test_members(site: Site) -> None:
    began = time.monotonic()
    one, two = await waiting(site, "Nurses", 30), await waiting(site, "Nurses", 10)
    (queue,) = await site.twilio(lambda c: c.queues.list())
    assert queue.current_size == 2
    assert 20 <= queue.average_wait_time <= round(20 + time.monotonic() - began)
    members = await site.twilio(lambda c: c.queues(queue.sid).members.list())
    assert [(m.call_sid, m.position) for m in members] == [(two.call, 2), (one.call, 1)]
    front = await site.twilio(lambda c: c.queues(queue.sid).members("Front").fetch())
    assert (front.call_sid, front.position, front.queue_sid) == (one.call, 1, queue.sid)
    assert 30 <= front.wait_time <= round(30 + time.monotonic() - began)
    assert (await site.twilio(lambda c: c.queues(queue.sid).members(two.call).fetch())).position == 2
    assert await refusal(site, lambda c: c.queues(queue.sid).members("CA" + "0" * 32).fetch()) == (404, 20404)
    assert await refusal(site, lambda c: c.queues(queue.sid).delete()) == (400, 20009)
    await site.db.write(lambda conn: calls.update(conn, one.call, status=CallStatus.COMPLETED))
    ask = lambda c: c.queues(queue.sid).members("Front").update(url="http://n.example/")  # noqa: E731
    assert await refusal(site, ask) == (400, 21220)
    assert (await site.twilio(lambda c: c.queues(queue.sid).members("Front").fetch())).call_sid == one.call
    await site.db.write(lambda conn: calls.update(conn, one.call, status=CallStatus.QUEUED))
    taken = await site.twilio(
        lambda c: c.queues(queue.sid).members("Front").update(url="http://n.example/", method="GET")
    )
    assert (taken.call_sid, taken.position) == (one.call, 0)
    assert site.calls.asked[-1] == UpdateCall(url="http://n.example/", method="GET")
    assert [m.call_sid for m in await site.twilio(lambda c: c.queues(queue.sid).members.list())] == [two.call]
    assert await refusal(site, lambda c: c.queues(queue.sid).members("Front").update(url="")) == (400, 21205)
    assert await refusal(site, lambda c: c.queues(queue.sid).members(one.call).update(url="http://x")) == (404, 20404)


async def test_another_accounts_queue_is_not_there(site: Site) -> None:
    other = await site.db.write(lambda conn: accounts.create(conn, "Other"))
    theirs = await site.db.write(lambda conn: queue_steps.create(conn, other.sid, "q", 5, datetime.now(UTC)))
    for ask in (
        lambda c: c.queues(theirs.sid).fetch(),
        lambda c: c.queues(theirs.sid).update(max_size=1),
        lambda c: c.queues(theirs.sid).delete(),
        lambda c: c.queues(theirs.sid).members("Front").fetch(),
        lambda c: c.queues(theirs.sid).members("Front").update(url="http://x.example"),
    ):
        assert await refusal(site, ask) == (404, 20404)
    assert await site.db.read(lambda conn: queues.get(conn, theirs.sid)) == theirs
