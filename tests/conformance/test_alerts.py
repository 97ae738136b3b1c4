"""What went wrong, as Monitor and as the call itself tell it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conformance.conftest import Customer
from tests.conformance.official import Refused
from tests.fakes.customer_app import Reply


async def test_an_alert_of_a_call_that_went_wrong(customer: Customer) -> None:
    handset, number = customer.free_handset(), customer.numbers[3]
    voice = customer.app.answer("/bad", Reply("sorry", status=500))
    await customer.hooked(number, voice_url=voice, voice_fallback_url="")
    await customer.dial_in(handset, number)
    (asked,) = await customer.app.wait_for("/bad", within_s=30)
    sid = asked.params["CallSid"]
    await customer.call_over(sid)

    async def newest() -> dict[str, Any] | None:
        found = await customer.ask("monitor.v1.alerts.list", log_level="error", limit=20)
        return next((one for one in found if one["resource_sid"] == sid), None)

    listed = await customer.until(newest)
    assert (listed["error_code"], listed["log_level"], listed["request_url"]) == ("11200", "error", voice)
    alert = await customer.ask(f"monitor.v1.alerts({listed['sid']}).fetch")
    assert (alert["alert_text"], alert["request_method"]) == (listed["alert_text"], "POST")
    assert "500" in alert["alert_text"]
    assert alert["response_body"] == "sorry"
    later = customer.moment(datetime.now(UTC) + timedelta(hours=1))
    assert await customer.ask("monitor.v1.alerts.list", start_date=later) == []
    with pytest.raises(Refused) as caught:
        await customer.ask(f"monitor.v1.alerts(NO{'0' * 32}).fetch")
    assert (caught.value.status, caught.value.code) == (404, 20404)
    (note,) = await customer.ask(f"calls({sid}).notifications.list")
    assert note["sid"] == listed["sid"]
    of_call = await customer.ask(f"calls({sid}).notifications({note['sid']}).fetch")
    assert (of_call["error_code"], of_call["request_url"]) == ("11200", voice)
    assert (await customer.ask(f"notifications({note['sid']}).fetch"))["call_sid"] == sid
    assert note["sid"] in [one["sid"] for one in await customer.ask("notifications.list", limit=20)]
