"""A <Dial> whose callee is on a SIM at another edge: real cloud, two real edges' calls, fake lines, no tunnel."""

from __future__ import annotations

import asyncio

import pytest

from cloud.services import far_leg
from cloud.store.records import CallRecord
from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16
from telecore.model import CallStatus
from tests.fakes.customer_app import twiml
from tests.fakes.joined_edges import FAR, FRIEND, NEAR, NUMBERS, channel_of
from tests.fakes.line import SILENCE, settle

EVENTS = "initiated ringing answered completed"


def says(frames, level):
    return b"".join((level).to_bytes(2, "little") * 160 for _ in range(frames))


async def test_two_parties_at_two_edges_talk(story):
    status = story.app.answer("/leg", "")
    number = f'<Number statusCallback="{status}" statusCallbackEvent="{EVENTS}">{FRIEND}</Number>'
    await story.call(number)
    (child,) = await story.children()
    assert (child.edge, child.channel, child.caller) == (FAR, channel_of(FAR), NUMBERS[FAR])
    await story.answered()
    story.caller.far.say(says(50, 800))
    story.far.line.far.say(says(50, 1600))
    await story.tick(70)
    one, other = (ulaw_to_l16(l16_to_ulaw(says(1, level))) for level in (800, 1600))
    assert story.far.line.far.heard.count(one) >= 49
    assert story.caller.far.heard.count(other) >= 49
    story.far.line.drop(16)
    params = await story.after()
    assert (params["DialCallStatus"], params["DialBridged"]) == ("completed", "true")
    assert params["DialCallSid"] == child.sid
    ended = await story.child_becomes(CallStatus.COMPLETED)
    assert ended.cause == 16
    told = await story.app.wait_for("/leg", 4)
    assert [seen.params["CallStatus"] for seen in told] == ["initiated", "ringing", "in-progress", "completed"]
    assert [seen.params["SequenceNumber"] for seen in told] == ["0", "1", "2", "3"]
    assert not [event for event in story.near.written if getattr(event, "call", "") == child.sid]
    assert not story.desk.far_legs._legs


async def test_the_caller_hangs_up_and_the_far_line_is_freed(story):
    await story.call()
    await story.answered()
    story.caller.drop(16)
    await asyncio.wait_for(story.far.line.ended.wait(), 3)
    await story.child_becomes(CallStatus.COMPLETED)
    assert (await story.after())["DialCallStatus"] == "completed"


@pytest.mark.parametrize(("cause", "status"), [(17, "busy"), (19, "no-answer"), (1, "failed")])
async def test_nobody_answers_there(story, cause, status):
    await story.call()
    story.far.line.ring()
    story.far.line.drop(cause)
    assert (await story.after())["DialCallStatus"] == status
    await story.child_becomes(CallStatus(status))


async def test_the_caller_gives_up_while_it_rings(story):
    await story.call()
    story.far.line.ring()
    story.caller.drop(16)
    await asyncio.wait_for(story.far.line.ended.wait(), 3)
    await story.child_becomes(CallStatus.NO_ANSWER)


async def test_digits_and_whisper_run_there_before_the_join(story):
    whisper = story.app.answer("/whisper", twiml("<Play digits='9'/>"))
    await story.call(f'<Number url="{whisper}" sendDigits="12">{FRIEND}</Number>')
    story.far.line.pick_up()
    await story.until(lambda: story.far.line.digits == "129")
    await story.until(lambda: story.joined)
    assert story.app.seen("/whisper")[0].params["ParentCallSid"] == story.parent


async def test_a_whisper_that_hangs_up_reaches_nobody(story):
    whisper = story.app.answer("/whisper", twiml("<Hangup/>"))
    await story.call(f'<Number url="{whisper}">{FRIEND}</Number>')
    story.far.line.pick_up()
    assert (await story.after())["DialCallStatus"] == "no-answer"
    await asyncio.wait_for(story.far.line.ended.wait(), 3)


async def test_keys_that_do_not_come_in_the_sound_reach_the_caller(story):
    await story.call()
    story.far.line.keys_apart = True
    await story.answered()
    story.far.line.press("7")
    await story.until(lambda: story.caller.digits == "7")


@pytest.mark.parametrize("edge", [NEAR, FAR])
async def test_a_short_cut_of_either_tunnel_is_survived(story, edge):
    await story.call()
    await story.answered()
    story.street.cut(edge)
    await story.tick(20)
    await story.street.mend(edge)
    await asyncio.sleep(0.05)
    heard = len(story.caller.far.sent)
    story.far.line.far.say(says(30, 1600))
    await story.tick(50)
    there = ulaw_to_l16(l16_to_ulaw(says(1, 1600)))
    assert story.caller.far.sent[heard:].count(there) >= 29
    story.far.line.drop(16)
    assert (await story.after())["DialCallStatus"] == "completed"


@pytest.mark.parametrize("edge", [NEAR, FAR])
async def test_an_edge_that_stays_away_ends_the_leg(story, edge, monkeypatch):
    monkeypatch.setattr(far_leg, "AWAY_S", 0.05)
    for end in story.street.edges.values():
        end.calls.far._away_s = 0.05
    await story.call()
    await story.answered()
    story.street.cut(edge)
    await asyncio.wait_for(story.far.line.ended.wait(), 3)
    assert story.far.line.hung_up_with == 38
    await asyncio.sleep(0.1)
    await story.street.mend(edge)
    ended = await story.child_becomes(CallStatus.COMPLETED)
    assert ended.cause == 38
    assert (await story.after())["DialCallStatus"] == "completed"


async def test_a_restart_of_the_cloud_in_the_middle_is_survived(story):
    await story.call()
    await story.answered()
    for edge in (NEAR, FAR):
        story.street.cut(edge)
    await story.stop_cloud()
    story.street.handlers.clear()
    await story.start_cloud()
    for edge in (FAR, NEAR):
        await story.street.mend(edge)
    await story.until(lambda: all(any(story.street.handlers[edge].values()) for edge in (NEAR, FAR)))
    story.far.line.far.say(says(30, 1600))
    await story.tick(50)
    assert story.caller.far.sent.count(ulaw_to_l16(l16_to_ulaw(says(1, 1600)))) >= 29
    story.far.line.drop(16)
    assert (await story.after())["DialCallStatus"] == "completed"


async def test_after_a_restart_a_leg_that_nobody_holds_any_more_is_hung_up(story):
    await story.call()
    await story.answered()
    for edge in (NEAR, FAR):
        story.street.cut(edge)
    await story.stop_cloud()
    story.caller.drop(16)
    await settle(50)
    await story.start_cloud()
    for edge in (NEAR, FAR):
        await story.street.mend(edge)
    await asyncio.wait_for(story.far.line.ended.wait(), 3)
    await story.child_becomes(CallStatus.COMPLETED)


async def test_a_leg_given_a_page_of_its_own_leaves_its_dial(story):
    from cloud.services.requests import UpdateCall

    await story.call()
    await story.answered()
    (child,) = await story.children()
    await story.desk.calls.update(story.account.sid, child.sid, UpdateCall(twiml=twiml("<Pause length='60'/>")))
    assert (await story.after())["DialCallStatus"] == "completed"
    assert (await story.children())[0].status is CallStatus.IN_PROGRESS
    assert not story.far.line.ended.is_set()
    story.far.line.drop(16)
    await story.child_becomes(CallStatus.COMPLETED)


async def test_one_after_the_other_is_not_dialled_before_its_turn(story):
    await story.call(f"<Number>{FRIEND}</Number><Number>+85512000003</Number>", sequential="true")
    await asyncio.sleep(0.05)
    assert story.far.dialled == [FRIEND]
    first = story.far.line
    story.far.lines[channel_of(FAR)].voice = type(first)()
    first.drop(17)
    await story.until(lambda: story.far.dialled == [FRIEND, "+85512000003"])
    story.far.line.pick_up()
    await story.until(lambda: story.joined)


async def test_silence_is_heard_where_nobody_speaks(story):
    await story.call()
    await story.answered()
    await story.tick(10)
    assert story.far.line.far.sent[-1] == SILENCE


async def test_an_edge_that_is_back_too_late_and_before_the_far_line_is_freed_is_told(story, monkeypatch):
    monkeypatch.setattr(far_leg, "AWAY_S", 0.05)
    await story.call()
    await story.answered()
    freed = asyncio.Event()

    def slow(tell):
        async def told(*args):
            if NEAR not in args:
                await freed.wait()
            await tell(*args)

        return told

    monkeypatch.setattr(story.far, "flush", slow(story.far.flush))
    monkeypatch.setattr(story.desk.ingest, "announce", slow(story.desk.ingest.announce))
    story.street.cut(NEAR)
    await asyncio.wait_for(story.far.line.ended.wait(), 3)
    await story.street.mend(NEAR)
    assert (await story.after())["DialCallStatus"] == "completed"
    freed.set()
    await story.child_becomes(CallStatus.COMPLETED)


async def test_an_edge_that_goes_while_its_leg_is_written_frees_the_far_line(story, monkeypatch):
    monkeypatch.setattr(far_leg, "AWAY_S", 0.05)
    write, gone = story.db.write, []

    async def slow(work):
        made = await write(work)
        if isinstance(made, CallRecord) and made.parent == story.parent and not gone:
            gone.append(made.sid)
            story.street.cut(NEAR)
        return made

    monkeypatch.setattr(story.db, "write", slow)
    await story.call()
    await asyncio.wait_for(story.far.line.ended.wait(), 3)
    assert gone


async def test_a_leg_that_ends_while_a_new_process_looks_for_it_is_not_kept(story, monkeypatch):
    await story.call()
    await story.answered()
    for edge in (NEAR, FAR):
        story.street.cut(edge)
    await story.stop_cloud()
    story.street.handlers.clear()
    await story.start_cloud()
    read, over = story.db.read, []
    story.desk.calls.on_over.append(lambda record: over.append(record.sid))

    async def slow(work):
        found = await read(work)
        if isinstance(found, tuple) and len(found) == 2 and found[1] == NEAR and not over:
            story.far.line.drop(16)
            await story.until(lambda: over)
        return found

    monkeypatch.setattr(story.db, "read", slow)
    await story.street.mend(FAR)
    story.far.line.drop(16)
    await story.until(lambda: over)
    await story.until(lambda: not story.desk.far_legs._tasks._tasks)
    assert not story.desk.far_legs._legs
