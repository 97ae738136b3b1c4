"""Calls from their first ring to their last callback, over a real store and real HTTP."""

from __future__ import annotations

import asyncio
import statistics
import time

import pytest
from twilio.request_validator import RequestValidator

from cloud.services import call_session, sessions
from cloud.services.requests import NewCall, UpdateCall
from cloud.store import accounts, calls, notifications
from cloud.store.records import Hook
from telecore import codec
from telecore.commands import HangUp, LimitCall, PlaceCall, RunPage
from telecore.errors import InvalidRequest, NoRoute, NotFound
from telecore.events import CallAnswered, CallEnded, CallInitiated, CallOffered, CallRinging, CommandRejected
from telecore.ids import E164, AccountSid, Address, CallSid, new_sid
from telecore.model import CallStatus, ChannelState
from telecore.notices import Do, PageFaulted
from tests.cloud.services.desk_site import live
from tests.cloud.services.site import CHANNELS, EDGE, HANDSET, NUMBERS, channel_changed
from tests.fakes.customer_app import Reply, twiml

EVENTS = ("initiated", "ringing", "answered", "completed")


@pytest.fixture
async def number(desk, app):
    """The first SIM's number with a voice URL."""
    from cloud.store import numbers

    found = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[0]))
    hooks = {
        "voice": Hook(app.url("/voice")),
        "voice_fallback": Hook(app.url("/fallback")),
        "status_callback": Hook(app.url("/status")),
    }
    app.answer("/status", "")
    return await desk.db.write(lambda conn: numbers.update(conn, found.sid, **hooks))


def wanted(**changes) -> NewCall:
    return NewCall(**{"caller": NUMBERS[0], "to": HANDSET, "twiml": twiml("<Say>Hi</Say>")} | changes)


async def noted(desk, call):
    return [n.code for n in await desk.db.read(lambda conn: notifications.list_(conn, desk.account.sid, about=call))]


async def eventually(check, within_s=3.0):
    async with asyncio.timeout(within_s):
        while not await check():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# ------------------------------------------------------------------ inbound


async def test_an_inbound_call_page_by_page(desk, app, number):
    app.answer("/voice", twiml("<Gather action='/menu' numDigits='1'><Say>Press</Say></Gather>"))
    app.answer("/menu", twiml("<Say>Bye</Say><Hangup/>"))
    call = await desk.offer()
    page = await desk.page(call, 1)
    assert [verb.kind for verb in page.verbs] == ["gather"]
    assert page.verbs[0].prompts[0].clip.ms == 50
    (first,) = app.seen("/voice")
    assert first.params["CallStatus"] == "ringing"
    assert (first.params["From"], first.params["To"]) == (HANDSET, NUMBERS[0])
    assert (first.params["Direction"], first.params["CallSid"]) == ("inbound", call)
    token = desk.account.auth_token
    assert RequestValidator(token).validate(first.url, first.params, first.headers["X-Twilio-Signature"])
    desk.announce(CallAnswered(call=call))
    desk.goto(call, 1, app.url("/menu"), Digits="1")
    assert [verb.kind for verb in (await desk.page(call, 2)).verbs] == ["say", "hangup"]
    (menu,) = app.seen("/menu")
    assert (menu.params["Digits"], menu.params["CallStatus"]) == ("1", "in-progress")
    await desk.send(CallAnswered(call=call))
    await desk.end(call, duration_s=7)
    record = await desk.becomes(call, status=CallStatus.COMPLETED)
    assert (record.duration_s, record.page, record.url) == (7, 2, app.url("/menu"))
    (status,) = await app.wait_for("/status")
    assert (status.params["CallStatus"], status.params["CallDuration"]) == ("completed", "7")


async def test_a_token_promoted_during_a_call_signs_what_follows(desk, app, number, monkeypatch):
    monkeypatch.setattr(call_session, "FRESH_S", 0.0)
    app.answer("/voice", twiml("<Gather action='/menu'/>"))
    app.answer("/menu", twiml("<Hangup/>"))
    call = await desk.offer()
    await desk.page(call, 1)
    await desk.db.write(lambda conn: accounts.update(conn, desk.account.sid, auth_token="f" * 32))
    desk.goto(call, 1, app.url("/menu"), Digits="1")
    (menu,) = await app.wait_for("/menu")
    assert RequestValidator("f" * 32).validate(menu.url, menu.params, menu.headers["X-Twilio-Signature"])


async def test_the_first_page_comes_at_once_and_clips_are_made_once(desk, app, number):
    app.answer("/voice", twiml("<Say>Welcome</Say>"))
    took = []
    for _ in range(8):
        began = time.perf_counter()
        call = await desk.offer()
        await desk.page(call, 1)
        took.append(time.perf_counter() - began)
        await desk.end(call)
    assert desk.engine.rendered == 1
    assert statistics.median(took[1:]) < 0.25


async def test_an_offer_told_by_the_street_alone_begins_too(desk, app, number):
    app.answer("/voice", twiml("<Hangup/>"))
    call = CallSid(new_sid("CA"))
    offer = CallOffered(call=call, channel=CHANNELS[0], caller=HANDSET, called=NUMBERS[0])
    await desk.send(offer)
    await desk.page(call, 1)
    desk.announce(offer)
    await asyncio.sleep(0.05)
    assert len(app.seen("/voice")) == 1


async def test_a_call_asked_about_while_its_row_is_written_is_waited_for(desk, app, number):
    """Its application is asked at the announcement, and may ask about the call at once."""
    app.answer("/voice", twiml("<Pause/>"))
    call = CallSid(new_sid("CA"))
    offer = CallOffered(call=call, channel=CHANNELS[0], caller=HANDSET, called=NUMBERS[0])
    desk.desk.calls.announced(EDGE, offer)  # and the disk is slow
    await app.wait_for("/voice")
    waiting = asyncio.create_task(desk.desk.calls.written(call))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await desk.send(offer)
    await asyncio.wait_for(waiting, 2)
    assert await desk.db.read(lambda conn: calls.get(conn, call)) is not None
    await asyncio.wait_for(desk.desk.calls.written(new_sid("CA")), 0.5)


async def test_an_offer_of_long_ago_begins_nothing(desk, app, number):
    app.answer("/voice", twiml("<Hangup/>"))
    call = CallSid(new_sid("CA"))
    await desk.send(CallOffered(call=call, channel=CHANNELS[0], caller=HANDSET, called=NUMBERS[0]), history=True)
    await asyncio.sleep(0.05)
    assert not app.received
    desk.heartbeat(live(call, 0, answered=False))
    await desk.page(call, 1)


async def test_a_number_without_a_url_rejects(desk):
    call = await desk.offer()
    assert [verb.kind for verb in (await desk.page(call, 1)).verbs] == ["reject"]
    await eventually(lambda: _has(desk, call, [11100]))


async def _has(desk, call, codes):
    return await noted(desk, call) == codes


async def test_the_fallback_and_then_an_excuse(desk, app, number):
    app.answer("/voice", Reply(status=500))
    app.answer("/fallback", twiml("<Say>Later</Say>"))
    call = await desk.offer()
    assert (await desk.page(call, 1)).verbs[0].clip
    (seen,) = app.seen("/fallback")
    assert seen.params["ErrorCode"] == "11200"
    app.answer("/fallback", "<Response")
    other = await desk.offer(1, called=NUMBERS[0])
    assert [verb.kind for verb in (await desk.page(other, 1)).verbs] == ["say", "hangup"]
    await eventually(lambda: _has(desk, other, [12100, 11200]))


async def test_what_was_wrong_is_noted_and_the_page_runs(desk, app, number):
    app.answer("/voice", twiml("<Play>/gone.wav</Play><Say colour='red'>Hi</Say>"))
    call = await desk.offer()
    assert [verb.kind for verb in (await desk.page(call, 1)).verbs] == ["say"]
    desk.desk.on_notice(EDGE, PageFaulted(call, 1, 12400, "something"))
    await eventually(lambda: _sorted(desk, call, [11200, 12200, 12400]))


async def test_urls_that_are_none_are_noted_and_the_call_goes_on(desk, app, number):
    app.answer("/voice", twiml("<Play>http://[::1</Play><Say>Hi</Say><Redirect>http://[::1</Redirect>"))
    call = await desk.offer()
    assert [verb.kind for verb in (await desk.page(call, 1)).verbs] == ["say", "redirect"]
    desk.goto(call, 1, "http://[::1")
    assert [verb.kind for verb in (await desk.page(call, 2)).verbs] == ["say", "hangup"]
    await eventually(lambda: _sorted(desk, call, [11100, 11100, 11100, 11100, 11200]))


async def _sorted(desk, call, codes):
    return sorted(await noted(desk, call)) == codes


async def test_cookies_are_kept_for_the_call(desk, app, number):
    app.answer("/voice", Reply(twiml("<Redirect/>"), headers={"Set-Cookie": "s=1"}))
    call = await desk.offer()
    await desk.page(call, 1)
    desk.goto(call, 1, app.url("/voice"))
    await desk.page(call, 2)
    assert [dict(seen.cookies) for seen in app.seen("/voice")] == [{}, {"s": "1"}]


async def test_a_document_that_leads_round_and_round_ends(desk, app, number):
    app.answer("/voice", twiml("<Redirect>/voice</Redirect>"))
    call = await desk.offer()
    for page in range(1, 61):
        await desk.page(call, page)
        desk.goto(call, page, app.url("/voice"))
    assert [verb.kind for verb in (await desk.page(call, 61)).verbs] == ["say", "hangup"]


async def test_the_request_after_a_hang_up_is_still_made(desk, app, number):
    app.answer("/voice", twiml("<Record action='/recorded'/>"))
    app.answer("/recorded", twiml("<Say>Too late</Say>"))
    call = await desk.offer()
    await desk.page(call, 1)
    desk.announce(CallAnswered(call=call))
    desk.goto(call, 1, app.url("/recorded"), RecordingSid="RE1", Digits="hangup")
    (seen,) = await app.wait_for("/recorded")
    assert seen.params["CallStatus"] == "completed"  # the edge tells of the hang-up's page before its end
    await desk.end(call)
    assert seen.params["RecordingUrl"] == f"http://cloud/{desk.account.sid}/RE1"
    late = await desk.offer()
    await desk.page(late, 1)
    await desk.end(late)
    await asyncio.sleep(0.05)
    desk.goto(late, 1, app.url("/recorded"), RecordingSid="RE2", Digits="hangup")
    assert (await app.wait_for("/recorded", 2))[1].params["CallStatus"] == "completed"
    await asyncio.sleep(0.05)
    told_late = [n.command for n in desk.line.sent if isinstance(n, Do) and n.command.call == late]
    assert [command.page for command in told_late] == [1]


# ------------------------------------------------------------------ outbound


async def test_an_outbound_call_begins_its_document_when_it_is_answered(desk, app):
    app.answer("/voice", twiml("<Say>Hello</Say>"))
    status = app.answer("/status", "")
    record = await desk.desk.calls.create(
        desk.account.sid,
        wanted(url=app.url("/voice"), status_callback=Hook(status), status_callback_events=EVENTS, send_digits="1w2"),
    )
    assert (record.status, record.edge, record.channel) == (CallStatus.QUEUED, EDGE, CHANNELS[0])
    (command,) = await _commands(desk)
    assert isinstance(command, PlaceCall)
    assert (command.call, command.to, command.send_digits) == (record.sid, HANDSET, "1w2")
    assert (command.not_after - record.created_at).total_seconds() == 60
    assert desk.line.woken == [EDGE]
    assert not app.received
    await desk.answer(record.sid)
    await desk.page(record.sid, 1)
    (seen,) = app.seen("/voice")
    assert (seen.params["CallStatus"], seen.params["Direction"]) == ("in-progress", "outbound-api")
    desk.finished(record.sid, 1)
    await desk.end(record.sid)
    told = await app.wait_for("/status", 4)
    assert [request.params["CallStatus"] for request in told] == ["initiated", "ringing", "in-progress", "completed"]
    assert [request.params["SequenceNumber"] for request in told] == ["0", "1", "2", "3"]


async def _commands(desk):
    from cloud.store import outbox
    from telecore.codec import decode_command

    rows = await desk.db.read(lambda conn: outbox.read(conn, EDGE, 0, 100))
    return [decode_command(payload) for _, payload in rows]


async def test_inline_twiml_and_its_gather_without_an_action(desk):
    inline = twiml("<Gather><Say>Press</Say></Gather>")
    record = await desk.desk.calls.create(desk.account.sid, wanted(twiml=inline))
    await desk.answer(record.sid)
    page = await desk.page(record.sid, 1)
    desk.goto(record.sid, 1, page.verbs[0].action, Digits="1")
    assert (await desk.page(record.sid, 2)).verbs == page.verbs


async def test_inline_twiml_that_is_wrong(desk):
    record = await desk.desk.calls.create(desk.account.sid, wanted(twiml="<Response><Fly/></Response>"))
    await desk.answer(record.sid)
    assert [verb.kind for verb in (await desk.page(record.sid, 1)).verbs] == ["say", "hangup"]
    assert await noted(desk, record.sid) == [12200]


async def test_calls_that_cannot_be_placed(desk):
    create = desk.desk.calls.create
    for account, changes, code in (
        (desk.account.sid, {"caller": E164("+85599999999")}, 21210),
        (AccountSid("AC0"), {}, 21210),
        (desk.account.sid, {"to": Address("112")}, 21216),
    ):
        with pytest.raises(InvalidRequest) as caught:
            await create(account, wanted(**changes))
        assert caught.value.code == code
    await create(desk.account.sid, wanted())
    with pytest.raises(NoRoute) as busy:
        await create(desk.account.sid, wanted())
    assert (busy.value.code, busy.value.status) == (10004, 429)
    await desk.send(channel_changed(1, ChannelState.DENIED))
    with pytest.raises(NoRoute, match="is denied") as denied:
        await create(desk.account.sid, wanted(caller=NUMBERS[1]))
    assert denied.value.code == 21214
    assert len(await _commands(desk)) == 1


async def test_an_edge_away_for_a_moment_is_waited_for(desk):
    desk.line.up = False
    record = await desk.desk.calls.create(desk.account.sid, wanted())
    assert record.status is CallStatus.QUEUED
    await desk.send(CommandRejected(subject=record.sid, code=31480, reason="too late"))
    assert (await desk.record(record.sid)).status is CallStatus.FAILED


# ------------------------------------------------------------------ changed while it lives


async def test_a_live_call_is_redirected_in_the_middle_of_a_page(desk, app, number):
    app.answer("/voice", twiml("<Play loop='0'>/x.wav</Play><Pause length='60'/>"))
    app.answer("/other", twiml("<Say>Now</Say>"))
    call = await desk.offer()
    await desk.page(call, 1)
    await desk.tell(CallAnswered(call=call))
    await desk.desk.calls.update(desk.account.sid, call, UpdateCall(url=app.url("/other"), method="GET"))
    assert [verb.kind for verb in (await desk.page(call, 2)).verbs] == ["say"]
    assert app.seen("/other")[0].method == "GET"
    desk.finished(call, 1)
    await desk.desk.calls.update(desk.account.sid, call, UpdateCall(twiml=twiml("<Pause/>")))
    assert [verb.kind for verb in (await desk.page(call, 3)).verbs] == ["pause"]


async def test_a_redirect_does_not_wait_for_a_slow_server(desk, app, number):
    app.answer("/voice", Reply(twiml(""), delay_s=0.4))
    call = await desk.offer()
    await app.wait_for("/voice")
    await desk.desk.calls.update(desk.account.sid, call, UpdateCall(twiml=twiml("<Hangup/>")))
    assert [verb.kind for verb in (await desk.page(call, 1)).verbs] == ["hangup"]


async def test_completed_waits_for_the_edge_to_say_how_long(desk, app, number):
    app.answer("/voice", twiml("<Pause length='60'/>"))
    call = await desk.offer()
    await desk.page(call, 1)
    await desk.tell(CallAnswered(call=call))
    update = asyncio.create_task(
        desk.desk.calls.update(desk.account.sid, call, UpdateCall(status=CallStatus.COMPLETED))
    )
    await desk.hang_up(call)
    await desk.end(call, duration_s=42)
    record = await update
    assert (record.status, record.duration_s) == (CallStatus.COMPLETED, 42)
    with pytest.raises(InvalidRequest) as caught:
        await desk.desk.calls.update(desk.account.sid, call, UpdateCall(status=CallStatus.COMPLETED))
    assert caught.value.code == 21220


async def test_completed_though_the_edge_is_away(desk, app, number):
    app.answer("/voice", twiml("<Pause length='60'/>"))
    call = await desk.offer()
    await desk.page(call, 1)
    await desk.tell(CallAnswered(call=call))
    desk.line.up = False
    record = await desk.desk.calls.update(desk.account.sid, call, UpdateCall(status=CallStatus.COMPLETED))
    assert record.status is CallStatus.COMPLETED
    desk.line.up = True
    desk.heartbeat(live(call, 1))
    await desk.hang_up(call)


async def test_canceled_before_it_is_answered(desk, app):
    status = app.answer("/status", "")
    record = await desk.desk.calls.create(desk.account.sid, wanted(status_callback=Hook(status)))
    canceled = await desk.desk.calls.update(desk.account.sid, record.sid, UpdateCall(status=CallStatus.CANCELED))
    assert (canceled.status, canceled.duration_s) == (CallStatus.CANCELED, None)
    (seen,) = await app.wait_for("/status")
    assert seen.params["CallStatus"] == "canceled"
    desk.line.sent.clear()
    await desk.answer(record.sid)  # its edge dials all the same: it had not heard
    await desk.hang_up(record.sid)
    assert (await desk.record(record.sid)).status is CallStatus.CANCELED


async def test_a_call_in_progress_cannot_be_canceled(desk):
    record = await desk.desk.calls.create(desk.account.sid, wanted())
    await desk.answer(record.sid)
    with pytest.raises(InvalidRequest) as caught:
        await desk.desk.calls.update(desk.account.sid, record.sid, UpdateCall(status=CallStatus.CANCELED))
    assert caught.value.code == 21220


async def test_another_document_before_the_answer(desk, app):
    app.answer("/other", twiml("<Say>Hi</Say>"))
    record = await desk.desk.calls.create(desk.account.sid, wanted())
    await desk.desk.calls.update(desk.account.sid, record.sid, UpdateCall(url=app.url("/other")))
    await desk.answer(record.sid)
    await desk.page(record.sid, 1)
    assert app.seen("/other")


async def test_the_time_limit_goes_to_the_edge(desk):
    record = await desk.desk.calls.create(desk.account.sid, wanted())
    await desk.desk.calls.update(desk.account.sid, record.sid, UpdateCall(time_limit_s=30))
    assert Do(desk.line.sent[-1].command) == desk.line.sent[-1]
    assert isinstance(desk.line.sent[-1].command, LimitCall)
    assert (await desk.record(record.sid)).time_limit_s == 30


async def test_deleted_only_when_it_is_over(desk):
    record = await desk.desk.calls.create(desk.account.sid, wanted())
    with pytest.raises(InvalidRequest) as caught:
        await desk.desk.calls.delete(desk.account.sid, record.sid)
    assert caught.value.code == 20009
    await desk.end(record.sid, 17, None)
    with pytest.raises(NotFound):
        await desk.desk.calls.delete(AccountSid("AC0"), record.sid)
    await desk.desk.calls.delete(desk.account.sid, record.sid)
    with pytest.raises(NotFound):
        await desk.desk.calls.update(desk.account.sid, record.sid, UpdateCall(time_limit_s=3))


# ------------------------------------------------------------------ healing


async def test_a_page_lost_with_the_line_is_sent_again(desk, app, number):
    app.answer("/voice", twiml("<Say>Hi</Say>"))
    desk.line.up = False
    call = await desk.offer()
    await desk.becomes(call, page=1)
    desk.line.up = True
    desk.heartbeat(live(call, 0, answered=False))
    await desk.page(call, 1)
    assert len(app.seen("/voice")) == 1


async def test_a_page_on_its_way_when_the_line_is_cut_is_sent_again_at_once(desk, app, number):
    app.answer("/voice", twiml("<Say>Hi</Say>"))
    call = await desk.offer()
    await desk.page(call, 1)
    sent = len(desk.line.sent)
    desk.heartbeat(live(call, 0, answered=False))
    await asyncio.sleep(0.05)
    assert len(desk.line.sent) == sent  # it may still be on its way
    desk.desk.on_link(EDGE, False)
    desk.desk.on_link(EDGE, True)
    desk.heartbeat(live(call, 0, answered=False))
    await asyncio.sleep(0.05)
    assert len(desk.line.sent) == sent + 1
    assert len(app.seen("/voice")) == 1


async def test_after_a_restart_the_outcome_leads_on(desk, app, number):
    app.answer("/voice", twiml("<Gather action='/menu'/>"))
    app.answer("/menu", twiml("<Hangup/>"))
    call = await desk.offer()
    await desk.page(call, 1)
    await desk.tell(CallAnswered(call=call))
    await desk.becomes(call, page=1)
    await desk.restart()
    desk.heartbeat(live(call, 1))
    desk.goto(call, 1, app.url("/menu"), Digits="5")
    await desk.page(call, 2)
    (seen,) = app.seen("/menu")
    assert (seen.params["Digits"], seen.params["CallStatus"]) == ("5", "in-progress")
    assert len(app.seen("/voice")) == 1


async def test_after_a_restart_a_lost_page_is_fetched_again(desk, app, number):
    app.answer("/voice", twiml("<Gather action='/menu'/>"))
    app.answer("/menu", twiml("<Hangup/>"))
    call = await desk.offer()
    await desk.page(call, 1)
    await desk.tell(CallAnswered(call=call))
    desk.goto(call, 1, app.url("/menu"))
    await desk.page(call, 2)
    await desk.becomes(call, page=2)
    await desk.restart()
    desk.heartbeat(live(call, 1))
    await desk.page(call, 3)
    assert len(app.seen("/menu")) == 2


async def test_a_page_that_was_sent_and_not_written_down_is_not_sent_twice(desk, app, number):
    from cloud.store import calls

    app.answer("/voice", twiml("<Gather action='/menu'/>"))
    app.answer("/menu", twiml("<Hangup/>"))
    call = await desk.offer()
    await desk.page(call, 1)
    await desk.becomes(call, page=1)
    await desk.db.write(lambda conn: calls.update(conn, call, page=0))
    await desk.restart()
    desk.heartbeat(live(call, 1, answered=False))
    await asyncio.sleep(0.05)
    desk.goto(call, 1, app.url("/menu"))
    await desk.page(call, 2)
    assert len(app.seen("/voice")) == 1


async def test_a_call_answered_while_the_cloud_was_away(desk, app):
    app.answer("/voice", twiml("<Say>Hi</Say>"))
    record = await desk.desk.calls.create(desk.account.sid, wanted(url=app.url("/voice")))
    await desk.restart()
    desk.heartbeat(live(record.sid))
    await desk.send(CallAnswered(call=record.sid), history=True)
    await desk.page(record.sid, 1)
    assert app.seen("/voice")[0].params["CallStatus"] == "in-progress"
    await asyncio.sleep(0.05)
    assert len(app.received) == 1


async def test_a_call_over_here_is_hung_up_there(desk):
    record = await desk.desk.calls.create(desk.account.sid, wanted())
    await desk.end(record.sid, 17, None)
    desk.heartbeat(live(record.sid, 0))
    await desk.hang_up(record.sid)


async def test_an_old_outcome_counts_no_more(desk, app, number):
    app.answer("/voice", twiml("<Redirect>/voice</Redirect>"))
    call = await desk.offer()
    await desk.page(call, 1)
    desk.goto(call, 1, app.url("/voice"))
    await desk.page(call, 2)
    desk.goto(call, 1, app.url("/voice"))
    await asyncio.sleep(0.05)
    assert len(app.seen("/voice")) == 2


async def test_many_calls_at_once(desk, app, number):
    app.answer("/voice", twiml("<Say>Hi</Say>"))
    sids = [await desk.offer() for _ in range(30)]
    for call in sids:
        await desk.page(call, 1)
        desk.finished(call, 1)
        await desk.end(call)
    assert not [n for n in desk.line.sent if isinstance(n, Do) and isinstance(n.command, HangUp)]
    assert sum(isinstance(n, Do) and isinstance(n.command, RunPage) for n in desk.line.sent) == 30
    assert len(desk.desk.calls.sessions) == 0


# ------------------------------------------------------------------ what a stop waits for


async def test_a_call_that_rings_is_live_until_it_is_known_to_have_ended(desk):
    """Its document is to come, and after its last page its record and callbacks are."""
    record = await desk.desk.calls.create(desk.account.sid, wanted())
    assert desk.desk.live_calls() == 1
    await desk.send(CallAnswered(call=record.sid))
    await desk.page(record.sid, 1)
    assert desk.desk.live_calls() == 1
    desk.finished(record.sid, 1)
    await eventually(lambda: asyncio.sleep(0, desk.desk.calls.sessions.of(record.sid) is None))
    assert desk.desk.live_calls() == 1
    await desk.end(record.sid)
    assert desk.desk.live_calls() == 0


async def test_a_call_that_nobody_takes_is_not_live(desk):
    record = await desk.desk.calls.create(desk.account.sid, wanted())
    await desk.end(record.sid, 17, None)
    assert desk.desk.live_calls() == 0


async def test_a_call_whose_end_is_not_told_is_not_waited_for_long(desk, monkeypatch):
    monkeypatch.setattr(sessions, "_ENDS_WITHIN_S", 0.1)
    call = await desk.offer()
    await desk.page(call, 1)
    desk.finished(call, 1)
    await eventually(lambda: asyncio.sleep(0, desk.desk.live_calls() == 0))
    assert (await desk.becomes(call)).status is CallStatus.RINGING


async def test_a_call_that_is_answered_and_over_in_the_same_breath_is_served_no_more(desk, app):
    app.answer("/voice", twiml("<Say>Hi</Say>"))
    record = await desk.desk.calls.create(desk.account.sid, wanted(url=app.url("/voice")))
    told = CallAnswered(call=record.sid), CallEnded(call=record.sid, cause=16, by="caller", duration_s=0)
    items = [(number, codec.encode(event), False) for number, event in enumerate(told, desk.seq + 1)]
    await desk.desk.ingest.incoming(EDGE).apply_batch("street", items)
    await desk.becomes(record.sid, status=CallStatus.COMPLETED)
    await asyncio.sleep(0.1)
    assert desk.desk.live_calls() == 0
    assert app.received == []
    assert [n for n in desk.line.sent if isinstance(n, Do) and isinstance(n.command, RunPage)] == []


async def test_a_call_of_which_its_edge_tells_in_the_moment_in_which_it_is_given_up_goes_on(desk, number):
    """Its end is written behind what the edge has told."""
    found = await desk.desk.calls.create(desk.account.sid, wanted(twiml="<Response/>"))
    over = []
    desk.desk.calls.on_over.append(lambda record: over.append(record.sid))
    await desk.tell(CallInitiated(call=found.sid, channel=CHANNELS[0]), CallRinging(call=found.sid))
    desk.desk.calls.lost(found)
    await desk.desk.calls._tasks.settle()
    assert (await desk.record(found.sid)).status is CallStatus.RINGING
    assert not over
    desk.desk.calls.lost(await desk.record(found.sid))
    await desk.desk.calls._tasks.settle()
    assert (await desk.record(found.sid)).status is CallStatus.FAILED
    assert over == [found.sid]
