"""Who answered a call that was placed: told by the edge, waited for or called back."""

from __future__ import annotations

import asyncio

import pytest

from cloud.services.requests import UpdateCall
from cloud.store.records import Hook
from telecore.commands import PlaceCall
from telecore.events import AnswererDetected, CallAnswered, CallInitiated, CallRinging
from telecore.model import CallStatus, MachineSpec
from tests.cloud.services.desk_site import live
from tests.cloud.services.site import CHANNELS
from tests.cloud.services.test_calls import _commands, wanted
from tests.fakes.customer_app import twiml

SPEC = MachineSpec(to_end=True, timeout_ms=20000)


async def placed(desk, app, **changes):
    app.answer("/voice", twiml("<Say>Hello</Say>"))
    app.answer("/amd", "")
    app.answer("/status", "")
    hooks = {"url": app.url("/voice"), "twiml": "", "status_callback": Hook(app.url("/status"))}
    return await desk.desk.calls.create(desk.account.sid, wanted(machine=SPEC, **hooks, **changes))


async def test_the_edge_is_told_what_to_listen_for(desk, app):
    await desk.end((await placed(desk, app)).sid, duration_s=None)
    await placed(desk, app, machine_first=False)
    first, beside = await _commands(desk)
    assert isinstance(first, PlaceCall)
    assert (first.machine, first.machine_first) == (SPEC, True)
    assert (beside.machine, beside.machine_first) == (SPEC, False)


async def test_the_document_waits_for_the_verdict_and_is_told_it(desk, app):
    call = (await placed(desk, app)).sid
    await desk.answer(call)
    await asyncio.sleep(0.05)
    assert not app.seen("/voice")
    await desk.tell(AnswererDetected(call=call, answered_by="machine_end_beep", ms=7200))
    await desk.page(call, 1)
    (seen,) = app.seen("/voice")
    assert (seen.params["AnsweredBy"], seen.params["CallStatus"]) == ("machine_end_beep", "in-progress")
    assert (await desk.record(call)).answered_by == "machine_end_beep"
    await desk.end(call)
    (status,) = await app.wait_for("/status")
    assert status.params["AnsweredBy"] == "machine_end_beep"
    assert not app.seen("/amd")


async def test_beside_the_document_it_is_called_back_once(desk, app):
    call = (await placed(desk, app, machine_first=False, machine_callback=Hook(app.url("/amd")))).sid
    await desk.answer(call)
    await desk.page(call, 1)
    assert "AnsweredBy" not in app.seen("/voice")[0].params
    told = AnswererDetected(call=call, answered_by="human", ms=2160)
    desk.announce(told)
    await desk.send(told)
    await desk.send(AnswererDetected(call=call, answered_by="fax", ms=9000))
    (seen,) = await app.wait_for("/amd")
    await asyncio.sleep(0.05)
    assert len(app.seen("/amd")) == 1
    wanted_fields = {"CallSid": call, "AccountSid": desk.account.sid, "AnsweredBy": "human"}
    assert seen.params == wanted_fields | {"MachineDetectionDuration": "2160"}
    assert (await desk.record(call)).answered_by == "human"


async def test_a_live_update_does_not_wait_for_the_verdict(desk, app):
    call = (await placed(desk, app)).sid
    await desk.answer(call)
    await desk.becomes(call, status=CallStatus.IN_PROGRESS)
    await desk.desk.calls.update(desk.account.sid, call, UpdateCall(twiml=twiml("<Pause/>")))
    assert [verb.kind for verb in (await desk.page(call, 1)).verbs] == ["pause"]
    await desk.tell(AnswererDetected(call=call, answered_by="human", ms=2000))
    await asyncio.sleep(0.05)
    assert not app.seen("/voice")


async def test_a_cloud_that_restarts_waits_on_and_begins_when_it_is_told(desk, app):
    call = (await placed(desk, app)).sid
    await desk.answer(call)
    await desk.restart()
    desk.heartbeat(live(call))
    await asyncio.sleep(0.05)
    assert not app.seen("/voice")
    await desk.tell(AnswererDetected(call=call, answered_by="human", ms=2000))
    await desk.page(call, 1)
    assert app.seen("/voice")[0].params["AnsweredBy"] == "human"


async def test_a_verdict_that_came_as_history_begins_with_the_next_heartbeat(desk, app):
    call = (await placed(desk, app)).sid
    events = (
        CallInitiated(call=call, channel=CHANNELS[0]),
        CallRinging(call=call),
        CallAnswered(call=call),
        AnswererDetected(call=call, answered_by="human", ms=2000),
    )
    await desk.send(*events, history=True)
    await asyncio.sleep(0.05)
    assert not app.seen("/voice")
    desk.heartbeat(live(call))
    await desk.page(call, 1)


@pytest.mark.parametrize("word", ["", "martian", "human" * 20])
async def test_a_word_that_is_none_is_not_kept(desk, app, word):
    call = (await placed(desk, app)).sid
    await desk.answer(call)
    await desk.tell(AnswererDetected(call=call, answered_by=word, ms=1))
    assert (await desk.record(call)).answered_by is None
