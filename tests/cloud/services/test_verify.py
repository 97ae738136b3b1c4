"""A verification by call, over a whole desk and an edge in our hands."""

from __future__ import annotations

import asyncio

import pytest

from cloud.services.verify import Check, NewVerification
from cloud.services.verify_codes import PAGE, Spoken, hash_of, matching, new_code, speak
from cloud.store import verify
from cloud.store.records import VerifyServiceRecord
from cloud.store.rows import now
from telecore.errors import NoRoute, NotFound
from telecore.ids import Address, CallSid, new_sid
from telecore.twiml.verbs.gather import Gather
from telecore.twiml.verbs.hangup import Hangup
from telecore.twiml.verbs.say import Say
from tests.cloud.services.site import HANDSET


async def add_service(desk, **fields) -> VerifyServiceRecord:
    made = now()
    record = VerifyServiceRecord(new_sid("VA"), desk.account.sid, "Clinic", made, made, **fields)
    return await desk.db.write(lambda conn: verify.insert_service(conn, record))


async def begun(desk, service):
    """The call that a verification has made, answered."""
    wanted = NewVerification(Address(HANDSET), "call", locale="en")
    sent = await desk.desk.verify.start(desk.account.sid, service.sid, wanted)
    (attempt,) = await desk.db.read(lambda conn: verify.attempts_of(conn, sent.record.sid))
    call = CallSid(attempt.carrier)
    await desk.answer(call)
    return call


async def test_a_key_is_asked_for_and_then_the_code_is_spoken_and_forgotten(desk):
    call = await begun(desk, await add_service(desk))
    page = await desk.page(call, 1)
    assert [type(verb) for verb in page.verbs] == [Gather] * 3
    desk.goto(call, 1, PAGE, Digits="1")
    page = await desk.page(call, 2)
    assert sum(isinstance(verb, Say) for verb in page.verbs) == 14
    assert (await desk.becomes(call, page=2)).twiml == ""
    await desk.end(call)
    assert (await desk.desk.verify.page(await desk.record(call), {"Digits": "1"})).verbs == (Hangup(),)


async def test_of_a_call_that_no_edge_ever_took_the_code_is_forgotten(desk):
    service = await add_service(desk)
    sent = await desk.desk.verify.start(desk.account.sid, service.sid, NewVerification(Address(HANDSET), "call"))
    (attempt,) = await desk.db.read(lambda conn: verify.attempts_of(conn, sent.record.sid))
    record = await desk.record(CallSid(attempt.carrier))
    assert desk.desk.verify._spoken.keys() == {record.sid}
    over = asyncio.Event()
    desk.desk.calls.on_over.append(lambda ended: over.set())
    desk.desk.calls.lost(record)
    await asyncio.wait_for(over.wait(), 3)
    assert not desk.desk.verify._spoken


async def test_without_a_key_the_code_is_spoken_at_once(desk):
    call = await begun(desk, await add_service(desk, dtmf_input_required=False, code_length=4))
    page = await desk.page(call, 1)
    assert sum(isinstance(verb, Say) for verb in page.verbs) == 10


async def test_after_a_restart_nobody_knows_the_code(desk):
    call = await begun(desk, await add_service(desk))
    await desk.page(call, 1)
    await desk.restart()
    desk.goto(call, 1, PAGE, Digits="1")
    assert (await desk.page(call, 2)).verbs == (Hangup(),)


async def test_a_call_that_cannot_be_placed_takes_back_no_code_that_went_out_meanwhile(desk, monkeypatch):
    service, verification, texts = await add_service(desk), desk.desk.verify, []

    async def no_line(account, wanted):
        if not texts:
            texts.append(await verification.start(account, service.sid, NewVerification(Address(HANDSET), "sms")))
        raise NoRoute("the line is busy")

    monkeypatch.setattr(verification, "_new_code", lambda length: "123456")
    monkeypatch.setattr(desk.desk.calls, "create", no_line)
    with pytest.raises(NoRoute):
        await verification.start(desk.account.sid, service.sid, NewVerification(Address(HANDSET), "call"))
    sent = await verification.fetch(desk.account.sid, service.sid, HANDSET)
    assert [attempt.channel for attempt in sent.attempts] == ["sms"]
    record, right = await verification.check(desk.account.sid, service.sid, HANDSET, Check("123456"))
    assert (record.status, right) == ("approved", True)


async def test_a_call_that_cannot_be_placed_alone_leaves_no_verification(desk, monkeypatch):
    async def no_line(account, wanted):
        raise NoRoute("the line is busy")

    service = await add_service(desk)
    monkeypatch.setattr(desk.desk.calls, "create", no_line)
    with pytest.raises(NoRoute):
        await desk.desk.verify.start(desk.account.sid, service.sid, NewVerification(Address(HANDSET), "call"))
    with pytest.raises(NotFound):
        await desk.desk.verify.fetch(desk.account.sid, service.sid, HANDSET)


def test_codes():
    assert {len(new_code(length)) for length in (4, 10)} == {4, 10}
    salt = "00" * 16
    hashes = {"one": hash_of("1234", salt), "two": hash_of("5678", salt)}
    assert matching("5678", salt, hashes) == "two"
    assert matching("1111", salt, hashes) is None
    assert hash_of("1234", "11" * 16) != hashes["one"]


def test_each_digit_is_said_alone_and_all_of_them_twice():
    verbs = speak(Spoken("en", "A & <B>", "12", after_a_key=False)).verbs
    assert [verb.text for verb in verbs if isinstance(verb, Say)] == ["Your A & <B> verification code is", "1", "2"] * 2
