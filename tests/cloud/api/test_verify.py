"""Twilio's client against /v2/Services and /v2/Attempts, over the whole cloud."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from cloud.store import calls, messages, numbers, opt_outs, verify
from cloud.store.records import AccountRecord, CallRecord, MessageRecord
from cloud.tunnel import message_steps
from telecore.ids import MessageSid
from telecore.model import MessageStatus
from telecore.twiml.verbs.say import Say
from tests.fakes.seeded_cloud import Seed, SeededCloud, seeded_cloud

TO = "+85512345678"
OTHER = "+85512345679"


@dataclass
class World:
    cloud: SeededCloud
    seed: Seed

    def client(self, account: AccountRecord | None = None) -> Client:
        who = account or self.seed.account
        made = Client(who.sid, who.auth_token, http_client=TwilioHttpClient(timeout=20))
        made.verify.base_url = made.api.base_url = self.cloud.url
        return made

    async def use(self, use: Callable[[Client], Any], account: AccountRecord | None = None) -> Any:
        client = self.client(account)
        try:
            return await asyncio.to_thread(use, client)
        finally:
            client.http_client.session.close()

    async def wrong(self, use: Callable[[Client], Any], account: AccountRecord | None = None) -> tuple[int, int]:
        with pytest.raises(TwilioRestException) as caught:
            await self.use(use, account)
        return caught.value.status, int(caught.value.code or 0)

    async def service(self, **fields: Any) -> Any:
        return await self.use(lambda c: c.verify.v2.services.create(**{"friendly_name": "Clinic", **fields}))

    async def start(self, service: Any, to: str = TO, channel: str = "sms", **fields: Any) -> Any:
        return await self.use(
            lambda c: c.verify.v2.services(service.sid).verifications.create(to=to, channel=channel, **fields)
        )

    async def check(self, service: Any, code: str, **fields: Any) -> Any:
        target = fields or {"to": TO}
        return await self.use(
            lambda c: c.verify.v2.services(service.sid).verification_checks.create(code=code, **target)
        )

    async def message(self) -> MessageRecord:
        (newest, *_) = await self.cloud.parts.db.read(lambda conn: messages.latest(conn, 1))
        return newest

    async def code(self) -> str:
        return re.findall(r"[0-9]{4,10}", str((await self.message()).secret_body))[-1]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with seeded_cloud(tmp_path) as cloud:
        yield World(cloud, await cloud.seed())


def wrong_code(code: str) -> str:
    return code[:-1] + str((int(code[-1]) + 1) % 10)


async def test_a_service_from_birth_to_death(world: World) -> None:
    made = await world.service(code_length=8, do_not_share_warning_enabled=True)
    assert made.sid.startswith("VA")
    assert (made.friendly_name, made.code_length, made.account_sid) == ("Clinic", 8, world.seed.account.sid)
    assert (made.do_not_share_warning_enabled, made.custom_code_enabled, made.lookup_enabled) == (True, False, False)
    assert isinstance(made.date_created, datetime)
    assert made.links["verifications"] == f"https://gw.example/v2/Services/{made.sid}/Verifications"
    changed = await world.use(
        lambda c: c.verify.v2.services(made.sid).update(friendly_name="Bank", code_length=4, psd2_enabled=True)
    )
    assert (changed.friendly_name, changed.code_length, changed.psd2_enabled) == ("Bank", 4, True)
    assert (await world.use(lambda c: c.verify.v2.services(made.sid).fetch())).friendly_name == "Bank"
    assert made.sid in [one.sid for one in await world.use(lambda c: c.verify.v2.services.list())]
    assert await world.use(lambda c: c.verify.v2.services(made.sid).delete()) is True
    assert await world.wrong(lambda c: c.verify.v2.services(made.sid).fetch()) == (404, 20404)


@pytest.mark.parametrize(
    "fields",
    [{"friendly_name": ""}, {"friendly_name": "x" * 31}, {"code_length": 3}, {"code_length": 11}, {"code_length": "x"}],
)
async def test_what_is_wrong_with_a_service(world: World, fields: dict[str, Any]) -> None:
    ask = {"friendly_name": "x", **fields}
    assert await world.wrong(lambda c: c.verify.v2.services.create(**ask)) == (400, 60200)


async def test_the_code_goes_out_hidden_and_comes_back_once(world: World) -> None:
    service = await world.service()
    sent = await world.start(service)
    assert (sent.status, sent.valid, sent.channel, sent.to) == ("pending", False, "sms", TO)
    assert [attempt["channel"] for attempt in sent.send_code_attempts] == ["sms"]
    record = await world.message()
    code = await world.code()
    assert (record.recipient, record.status, record.sender) == (TO, MessageStatus.ACCEPTED, "")
    assert (len(code), code.isdigit()) == (6, True)
    shown = await world.use(lambda c: c.messages(record.sid).fetch())
    assert (code in shown.body, "******" in shown.body) == (False, True)
    assert (
        await world.use(lambda c: c.verify.v2.services(service.sid).verifications(sent.sid).fetch())
    ).sid == sent.sid
    by_number = await world.use(lambda c: c.verify.v2.services(service.sid).verifications(TO).fetch())
    assert by_number.sid == sent.sid
    refused = await world.check(service, wrong_code(code))
    assert (refused.status, refused.valid, refused.sid) == ("pending", False, sent.sid)
    approved = await world.check(service, code)
    assert (approved.status, approved.valid) == ("approved", True)
    assert await world.wrong(
        lambda c: c.verify.v2.services(service.sid).verification_checks.create(to=TO, code=code)
    ) == (404, 20404)


async def test_the_code_is_nowhere_once_it_is_sent(world: World) -> None:
    """Neither in the store nor in what was logged of it."""
    service = await world.service(code_length=10)
    await world.start(service)
    code, record = await world.code(), await world.message()
    db = world.cloud.parts.db
    await db.write(lambda conn: message_steps.step(conn, MessageSid(record.sid), MessageStatus.QUEUED, sender="+1"))
    await db.write(lambda conn: message_steps.step(conn, MessageSid(record.sid), MessageStatus.SENT))
    dump = await db.read(
        lambda conn: [
            str(row)
            for table in ("messages", "verifications", "verification_attempts", "callbacks", "notifications")
            for row in conn.execute(text(f"SELECT * FROM {table}")).all()
        ]
    )
    assert not [row for row in dump if code in row]
    assert (await world.check(service, code)).status == "approved"


async def test_within_ten_minutes_it_goes_on_and_any_code_of_it_will_do(world: World) -> None:
    service = await world.service()
    first = await world.start(service)
    code = await world.code()
    second = await world.start(service)
    assert second.sid == first.sid
    assert len(second.send_code_attempts) == 2
    assert (await world.start(service, OTHER)).sid != first.sid
    assert (await world.check(service, code)).valid is True
    again = await world.start(service)
    assert again.sid != first.sid


async def test_five_may_be_sent(world: World) -> None:
    service = await world.service()
    for _ in range(5):
        await world.start(service)
    create = lambda c: c.verify.v2.services(service.sid).verifications.create(to=TO, channel="sms")  # noqa: E731
    assert await world.wrong(create) == (429, 60203)


async def test_five_may_be_tried_even_at_once(world: World) -> None:
    service = await world.service()
    await world.start(service)
    code = await world.code()
    tries = [world.check(service, wrong_code(code)) for _ in range(8)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, TwilioRestException)]
    assert len(refused) == 3
    assert {(error.status, error.code) for error in refused} == {(429, 60202)}
    assert await world.wrong(
        lambda c: c.verify.v2.services(service.sid).verification_checks.create(to=TO, code=code)
    ) == (429, 60202)


async def test_after_ten_minutes_it_is_gone(world: World) -> None:
    service = await world.service()
    sent = await world.start(service)
    code, db = await world.code(), world.cloud.parts.db
    past = sent.date_created - timedelta(seconds=1)
    await db.write(lambda conn: verify.update_verification(conn, sent.sid, expires_at=past))
    assert await world.wrong(
        lambda c: c.verify.v2.services(service.sid).verification_checks.create(to=TO, code=code)
    ) == (404, 20404)
    await db.write(lambda conn: verify.expire(conn, past + timedelta(seconds=2)))
    assert [a.code_hash for a in await db.read(lambda conn: verify.attempts_of(conn, sent.sid))] == [""]


async def test_the_application_may_end_it(world: World) -> None:
    service = await world.service()
    for status in ("canceled", "approved"):
        sent = await world.start(service)
        assert await world.wrong(partial(_update, service.sid, sent.sid, "pending")) == (400, 60200)
        assert (await world.use(partial(_update, service.sid, sent.sid, status))).status == status
        assert await world.wrong(partial(_update, service.sid, sent.sid, status)) == (404, 20404)
    one = lambda c: c.verify.v2.services(service.sid).verifications(sent.sid)  # noqa: E731
    assert await world.wrong(lambda c: one(c).fetch()) == (404, 20404)


def _update(service: str, sid: str, status: str, client: Client) -> Any:
    return client.verify.v2.services(service).verifications(sid).update(status=status)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"to": ""}, (400, 60200)),
        ({"to": "hello"}, (400, 60200)),
        ({"to": "12345"}, (400, 60200)),
        ({"channel": ""}, (400, 60200)),
        ({"channel": "pigeon"}, (400, 60200)),
        ({"channel": "whatsapp"}, (400, 60223)),
        ({"channel": "email", "to": "a@example.org"}, (400, 60200)),
        ({"locale": "xx"}, (400, 60200)),
        ({"custom_code": "123"}, (400, 60200)),
        ({"custom_code": "12345"}, (403, 60204)),
        ({"custom_friendly_name": "x" * 31}, (400, 60200)),
        ({"send_digits": "hello"}, (400, 60200)),
        ({"template_sid": "HJ" + "0" * 32}, (400, 60228)),
        ({"rate_limits": "{"}, (400, 60200)),
        ({"rate_limits": "[]"}, (400, 60200)),
        ({"rate_limits": {"nobody": "x"}}, (400, 60200)),
        ({"rate_limits": {"nobody": 1}}, (400, 60200)),
        ({"to": "+442071234567"}, (403, 60205)),
    ],
)
async def test_what_is_wrong_with_a_verification(
    world: World, fields: dict[str, Any], expected: tuple[int, int]
) -> None:
    service = await world.service(skip_sms_to_landlines=True)
    ask = {"to": TO, "channel": "sms", **fields}
    create = lambda c: c.verify.v2.services(service.sid).verifications.create(**ask)  # noqa: E731
    assert await world.wrong(create) == expected
    assert (await world.message()).recipient != ask["to"]
    assert len(await world.use(lambda c: c.verify.v2.verification_attempts.list())) == 1  # the seed's own


async def test_what_is_wrong_with_a_check(world: World) -> None:
    service = await world.service()
    checks = lambda c: c.verify.v2.services(service.sid).verification_checks  # noqa: E731
    assert await world.wrong(lambda c: checks(c).create(code="123456")) == (400, 60221)
    assert await world.wrong(lambda c: checks(c).create(to=TO)) == (400, 60200)
    assert await world.wrong(lambda c: checks(c).create(to=TO, code="1" * 11)) == (400, 60200)
    assert await world.wrong(lambda c: checks(c).create(to=TO, code="123456")) == (404, 20404)


async def test_locales_names_warnings_and_codes_of_ones_own(world: World) -> None:
    service = await world.service(custom_code_enabled=True, do_not_share_warning_enabled=True)
    await world.start(service, locale="fr-CA", custom_code="AB12", custom_friendly_name="Banque")
    record = await world.message()
    assert record.secret_body == "Votre code de vérification Banque est : AB12. Ne le communiquez à personne."
    assert record.body == "Votre code de vérification Banque est : ****. Ne le communiquez à personne."
    assert (await world.check(service, "AB12")).valid is True
    await world.start(service)
    assert "លេខកូដ" in str((await world.message()).secret_body)  # a Cambodian number


async def test_a_payment_is_said_and_has_to_be_said_again(world: World) -> None:
    service = await world.service(psd2_enabled=True)
    create = lambda c, **how: c.verify.v2.services(service.sid).verifications.create(to=TO, **how)  # noqa: E731
    assert await world.wrong(lambda c: create(c, channel="sms")) == (400, 60206)
    paid = {"amount": "EUR 12.50", "payee": "Shop"}
    assert await world.wrong(lambda c: create(c, channel="call", **paid)) == (400, 60214)
    sent = await world.start(service, **paid)
    assert (sent.amount, sent.payee) == ("EUR 12.50", "Shop")
    assert str((await world.message()).secret_body).startswith("Shop: EUR 12.50. ")
    code = await world.code()
    assert (await world.check(service, code, to=TO)).valid is False
    assert (await world.check(service, code, to=TO, **paid)).valid is True


async def test_the_call_speaks_once_a_key_is_pressed(world: World) -> None:
    service, db = await world.service(), world.cloud.parts.db
    sent = await world.start(service, channel="call")
    assert sent.channel == "call"
    (attempt,) = await db.read(lambda conn: verify.attempts_of(conn, sent.sid))
    record = await db.read(lambda conn: calls.get(conn, attempt.carrier))
    assert isinstance(record, CallRecord)
    assert (record.called, record.twiml) == (TO, "")
    asked = await world.cloud.parts.desk.verify.page(record, {})
    assert [verb.kind for verb in asked.verbs] == ["gather"] * 3
    spoken = await world.cloud.parts.desk.verify.page(record, {"Digits": "5"})
    digits = "".join(verb.text for verb in spoken.verbs if isinstance(verb, Say) and len(verb.text) == 1)
    code = digits[:6]
    assert digits == code * 2
    assert (await world.check(service, code)).valid is True


async def test_without_a_number_or_for_who_wants_nothing(world: World) -> None:
    service, db = await world.service(), world.cloud.parts.db
    account = world.seed.account.sid
    found = await db.read(lambda conn: numbers.of_account(conn, account))
    for number in found:
        await db.write(lambda conn, sid=number.sid: opt_outs.add(conn, account, sid, TO))
    create = lambda c: c.verify.v2.services(service.sid).verifications.create(to=TO, channel="sms")  # noqa: E731
    assert await world.wrong(create) == (400, 21610)
    for number in found:
        await db.write(lambda conn, number=number: numbers.release(conn, number))
    assert await world.wrong(create) == (400, 60223)
    assert len(await world.use(lambda c: c.verify.v2.verification_attempts.list())) == 1  # the seed's own


async def test_attempts_are_listed_and_summed_up(world: World) -> None:
    service = await world.service()
    sent = await world.start(service)
    code = await world.code()
    await world.start(service)
    await world.start(service, "+15005550006")
    await world.check(service, code)

    async def found(**wanted: Any) -> list[str]:
        wanted["verify_service_sid"] = service.sid
        rows = await world.use(lambda c: c.verify.v2.verification_attempts.list(**wanted))
        return [row.conversion_status for row in rows]

    assert await found() == ["unconverted", "unconverted", "converted"]
    assert await found(verification_sid=sent.sid, status="converted") == ["converted"]
    assert await found(channel_data_to="+15005550006") == ["unconverted"]
    assert await found(country="KH") == ["unconverted", "converted"]
    assert await found(channel="call") == []
    assert await found(date_created_after=sent.date_created + timedelta(hours=1)) == []
    (newest, *_) = await world.use(lambda c: c.verify.v2.verification_attempts.list())
    one = await world.use(lambda c: c.verify.v2.verification_attempts(newest.sid).fetch())
    assert (one.channel, one.service_sid, one.channel_data["to"]) == ("sms", service.sid, "+15005550006")
    summed = await world.use(
        lambda c: c.verify.v2.verification_attempts_summary().fetch(verify_service_sid=service.sid)
    )
    assert (summed.total_attempts, summed.total_converted, summed.total_unconverted) == (3, 1, 2)
    assert summed.conversion_rate_percentage == "33.33"
    assert await world.wrong(lambda c: c.verify.v2.verification_attempts("VL" + "0" * 32).fetch()) == (404, 20404)


async def test_rate_limits_and_their_buckets(world: World) -> None:
    service = await world.service()
    limits = lambda c: c.verify.v2.services(service.sid).rate_limits  # noqa: E731
    made = await world.use(lambda c: limits(c).create(unique_name="user", description="by name"))
    assert (made.unique_name, made.description, made.sid[:2]) == ("user", "by name", "RK")
    assert await world.wrong(lambda c: limits(c).create(unique_name="user")) == (400, 60208)
    assert await world.wrong(lambda c: limits(c).create(unique_name="a b")) == (400, 60209)
    buckets = lambda c: limits(c)(made.sid).buckets  # noqa: E731
    bucket = await world.use(lambda c: buckets(c).create(max=2, interval=60))
    assert (bucket.max, bucket.interval) == (2, 60)
    assert await world.wrong(lambda c: buckets(c).create(max=9, interval=60)) == (400, 60211)
    assert await world.wrong(lambda c: buckets(c).create(max=0, interval=61)) == (400, 60200)
    for to in (TO, OTHER):
        await world.start(service, to, rate_limits=json.dumps({"user": "ann"}))
    create = lambda c, who: c.verify.v2.services(service.sid).verifications.create(  # noqa: E731
        to="+85512345680", channel="sms", rate_limits=json.dumps({"user": who})
    )
    assert await world.wrong(lambda c: create(c, "ann")) == (429, 20429)
    assert (await world.use(lambda c: create(c, "bob"))).status == "pending"
    changed = await world.use(lambda c: buckets(c)(bucket.sid).update(max=3))
    assert (changed.max, changed.interval) == (3, 60)
    assert [one.sid for one in await world.use(lambda c: buckets(c).list())] == [bucket.sid]
    assert (await world.use(lambda c: limits(c)(made.sid).update(description="x"))).description == "x"
    assert await world.use(lambda c: buckets(c)(bucket.sid).delete()) is True
    assert await world.use(lambda c: limits(c)(made.sid).delete()) is True
    assert await world.use(lambda c: limits(c).list()) == []


async def test_what_is_somebody_elses_is_not_there(world: World) -> None:
    service = await world.service()
    await world.start(service)
    other = (await world.cloud.seed()).account
    of = lambda c: c.verify.v2.services(service.sid)  # noqa: E731
    for use in (
        lambda c: of(c).fetch(),
        lambda c: of(c).update(friendly_name="x"),
        lambda c: of(c).delete(),
        lambda c: of(c).verifications(TO).fetch(),
        lambda c: of(c).verifications.create(to=TO, channel="sms"),
        lambda c: of(c).verification_checks.create(to=TO, code="123456"),
        lambda c: of(c).rate_limits.create(unique_name="x"),
    ):
        assert await world.wrong(use, other) == (404, 20404)
    theirs = await world.use(lambda c: c.verify.v2.verification_attempts.list(), other)
    assert service.sid not in [one.service_sid for one in theirs]
