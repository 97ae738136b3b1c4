"""What may be asked of a channel, from the cloud's API to a simulated modem and back."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException

from tests.flows.conftest import World


class Fleet:
    def __init__(self, world: World, http: aiohttp.ClientSession) -> None:
        self.world = world
        self.http = http

    async def ask(self, method: str, path: str, **fields: Any) -> Any:
        url = f"{self.world.about['base_url']}/simferry/v1/{path}"
        async with self.http.request(method, url, json=fields or None) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def done(self, path: str, **fields: Any) -> Any:
        """Ask, and wait for the task's end."""
        task = await self.ask("POST", path, **fields)

        async def over() -> Any:
            found = await self.ask("GET", f"tasks/{task['sid']}")
            return found if found["status"] != "queued" else None

        return await self.world.until(over)


@pytest.fixture
async def fleet(world: World):
    login = b64encode(f"{world.about['account_sid']}:{world.token}".encode()).decode()
    async with aiohttp.ClientSession(headers={"Authorization": f"Basic {login}"}) as http:
        yield Fleet(world, http)


async def test_a_channel_is_asked_and_held_and_given_back(fleet: Fleet, world: World) -> None:
    one, two, *_ = (await fleet.ask("GET", "channels"))["channels"]
    where = f"channels/{one['channel']}"
    asked = await fleet.done(f"{where}/ussd", code="*100#")
    assert asked["status"] == "done", asked
    assert asked["result"]["text"]

    balance = (await fleet.done(f"{where}/balance"))["result"]["balance"]
    assert (balance["currency"], balance["at"][-1]) == ("USD", "Z")
    tested = await fleet.done(f"{where}/self_test", receiver=two["channel"])
    assert tested["result"]["passed"], tested

    held = await fleet.done(f"{where}/health", state="retired", note="a test")
    assert (held["status"], held["result"]["health"]["state"]) == ("done", "retired")

    def send() -> Any:
        return world.client.messages.create(to="+85512000009", from_=one["number"], body="no")

    with pytest.raises(TwilioRestException) as refused:
        await asyncio.to_thread(send)
    assert refused.value.code == 21612
    back = await fleet.done(f"{where}/health", state="auto")
    assert back["status"] == "done"
    alone = await fleet.ask("GET", where)
    assert {"sim.health", "ussd.replied"} <= {entry["kind"] for entry in alone["history"]}
    assert (await fleet.done(f"{where}/restart"))["result"]["outcome"] == "worked"
