"""A call that asks for a code, from the request to what becomes of it; and applications at work."""

from __future__ import annotations

import pytest

from cloud.services.requests import NewCall, NewMessage, NewValidation
from cloud.store import accounts, applications, caller_ids, numbers
from cloud.store.records import ApplicationRecord, Hook
from cloud.store.rows import now
from telecore.errors import InvalidRequest
from telecore.ids import E164, new_sid
from tests.cloud.services.site import HANDSET, NUMBERS
from tests.fakes.customer_app import twiml


def kinds(page) -> list[str]:
    return [verb.kind for verb in page.verbs]


async def begun(desk, app):
    app.answer("/status", "")
    return await desk.desk.validation.create(
        desk.account.sid, NewValidation(E164(HANDSET), "Mine", status_callback=Hook(app.url("/status")))
    )


async def test_the_right_code_makes_a_caller_id(desk, app) -> None:
    asked = await begun(desk, app)
    await desk.answer(asked.call)
    first = await desk.page(asked.call, 1)
    assert kinds(first) == ["gather"]
    assert (first.verbs[0].spec.num_digits, first.verbs[0].prompts[0].clip.ms) == (6, 50)
    desk.goto(asked.call, 1, caller_ids.PAGE, Digits="000000" if asked.code != "000000" else "1")
    assert kinds(await desk.page(asked.call, 2)) == ["gather"]
    desk.goto(asked.call, 2, caller_ids.PAGE, Digits=asked.code)
    assert kinds(await desk.page(asked.call, 3)) == ["say", "hangup"]
    await desk.end(asked.call)
    (status,) = await app.wait_for("/status")
    made = await desk.db.read(lambda conn: caller_ids.get_by_number(conn, desk.account.sid, HANDSET))
    assert (status.params["VerificationStatus"], status.params["OutgoingCallerIdSid"]) == ("success", made.sid)
    assert (made.friendly_name, status.params["CallSid"]) == ("Mine", asked.call)


async def test_three_wrong_codes_end_it(desk, app) -> None:
    asked = await begun(desk, app)
    await desk.answer(asked.call)
    for page, digits in enumerate(("", "12345", "1" * 6 if asked.code != "1" * 6 else "2"), 1):
        await desk.page(asked.call, page)
        desk.goto(asked.call, page, caller_ids.PAGE, Digits=digits)
    assert kinds(await desk.page(asked.call, 4)) == ["say", "hangup"]
    desk.goto(asked.call, 4, caller_ids.PAGE, Digits=asked.code)
    assert kinds(await desk.page(asked.call, 5)) == ["say", "hangup"]
    await desk.end(asked.call)
    (status,) = await app.wait_for("/status")
    assert status.params["VerificationStatus"] == "failed"
    assert "OutgoingCallerIdSid" not in status.params
    assert await desk.db.read(lambda conn: caller_ids.get_by_number(conn, desk.account.sid, HANDSET)) is None


async def test_it_goes_on_after_a_restart(desk, app) -> None:
    asked = await begun(desk, app)
    await desk.answer(asked.call)
    await desk.page(asked.call, 1)
    await desk.becomes(asked.call, page=1)
    await desk.restart()
    desk.goto(asked.call, 1, caller_ids.PAGE, Digits=asked.code)
    assert kinds(await desk.page(asked.call, 2)) == ["say", "hangup"]


async def test_nobody_validates_a_number_by_a_call_of_his_own(desk, app) -> None:
    """A document that leads there is only a URL that cannot be asked for, or a call that was never to validate."""
    asked = await begun(desk, app)
    number = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[0]))
    await desk.db.write(lambda conn: numbers.update(conn, number.sid, voice=Hook(app.url("/voice"))))
    app.answer("/voice", twiml(f"<Gather action='{caller_ids.PAGE}'/>"))
    call = await desk.offer()
    await desk.page(call, 1)
    desk.goto(call, 1, caller_ids.PAGE, Digits=asked.code)
    assert kinds(await desk.page(call, 2)) == ["say", "hangup"]
    assert await desk.db.read(lambda conn: caller_ids.get_by_number(conn, desk.account.sid, HANDSET)) is None


# ------------------------------------------------------------------ applications


@pytest.fixture
async def application(desk, app):
    made = ApplicationRecord(
        new_sid("AP"),
        desk.account.sid,
        "Line",
        now(),
        now(),
        voice=Hook(app.url("/app-voice")),
        voice_fallback=Hook(app.url("/app-fallback")),
        status_callback=Hook(app.url("/app-status")),
        sms=Hook(app.url("/app-sms")),
        message_status_callback=app.url("/app-message"),
    )
    for path in ("/app-status", "/app-message", "/app-sms"):
        app.answer(path, "")
    app.answer("/app-voice", twiml("<Pause/>"))
    return await desk.db.write(lambda conn: applications.insert(conn, made))


async def test_an_inbound_call_goes_to_its_numbers_application(desk, app, application) -> None:
    number = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[0]))
    own = Hook(app.url("/own"))
    await desk.db.write(lambda conn: numbers.update(conn, number.sid, voice=own, voice_application=application.sid))
    call = await desk.offer()
    assert kinds(await desk.page(call, 1)) == ["pause"]
    assert len(app.seen("/app-voice")) == 1
    assert app.seen("/own") == []
    await desk.end(call)
    assert len(await app.wait_for("/app-status")) == 1


async def test_a_call_of_an_application_has_its_urls(desk, app, application) -> None:
    wanted = NewCall(
        caller=NUMBERS[0], to=HANDSET, url=app.url("/ignored"), twiml=twiml("<Say>x</Say>"), application=application.sid
    )
    record = await desk.desk.calls.create(desk.account.sid, wanted)
    assert (record.url, record.twiml) == (app.url("/app-voice"), "")
    assert (record.fallback.url, record.status_callback.url) == (app.url("/app-fallback"), app.url("/app-status"))


async def test_a_message_of_an_application_tells_its_callback(desk, app, application) -> None:
    wanted = NewMessage(NUMBERS[0], HANDSET, "hi", app.url("/ignored"), application=application.sid)
    record = await desk.desk.messages.create(desk.account.sid, wanted)
    assert record.status_callback == app.url("/app-message")


async def test_applications_that_are_not_there_are_refused(desk, app, application) -> None:
    stranger = await desk.db.write(lambda conn: accounts.create(conn, "Stranger"))
    await desk.db.write(lambda conn: applications.update(conn, application.sid, account=stranger.sid))
    with pytest.raises(InvalidRequest) as caught:
        await desk.desk.calls.create(
            desk.account.sid, NewCall(caller=NUMBERS[0], to=HANDSET, application=application.sid)
        )
    assert caught.value.code == 21218
    with pytest.raises(InvalidRequest) as caught:
        await desk.desk.messages.create(
            desk.account.sid, NewMessage(NUMBERS[0], HANDSET, "hi", application=application.sid)
        )
    assert caught.value.code == 21420


async def test_an_application_without_a_voice_url_places_no_call(desk, application) -> None:
    await desk.db.write(lambda conn: applications.update(conn, application.sid, voice=Hook()))
    with pytest.raises(InvalidRequest) as caught:
        await desk.desk.calls.create(
            desk.account.sid, NewCall(caller=NUMBERS[0], to=HANDSET, application=application.sid)
        )
    assert caught.value.code == 21205


async def test_a_call_to_a_suspended_account_is_refused(desk, app) -> None:
    below = await desk.db.write(lambda conn: accounts.create(conn, "Ward", desk.account.sid))
    number = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[0]))
    await desk.db.write(lambda conn: numbers.update(conn, number.sid, account=below.sid, voice=Hook(app.url("/voice"))))
    await desk.desk.standing.update(below.sid, {"status": "suspended"})
    call = await desk.offer()
    assert kinds(await desk.page(call, 1)) == ["reject"]
    assert app.seen("/voice") == []
