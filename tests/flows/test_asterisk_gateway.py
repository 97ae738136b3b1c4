"""An outside Asterisk as the gateway, by agent.yaml alone: the same application as over a modem, the same results."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import yaml

from scripts.labkit.lab import basic_auth
from tests.fakes.customer_app import CustomerApp, twiml
from tests.flows.conftest import LabProcess, World
from tests.peers.asterisk_switch import Asterisk, asterisk, find_asterisk

INSTALLED = find_asterisk()
NUMBER, CALLEE, CALLER = "+85523000009", "+855190000001", "+85512000001"
pytestmark = pytest.mark.skipif(
    INSTALLED is None, reason="no Asterisk: run `scripts/peers sid` as root, or name a Debian in SIMFERRY_PEERS_ROOT"
)


@dataclass
class Site:
    lab: LabProcess
    switch: Asterisk


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    assert INSTALLED is not None
    folder: Path = tmp_path_factory.mktemp("outside")
    own, theirs = secrets.choice(range(24_000, 25_900, 2)), secrets.choice(range(26_000, 27_900, 2))
    data = folder / "lab"
    config = {
        "edge": {
            "sip": {"listen": "127.0.0.1", "port": own, "rtp_ports": "36000-36199"},
            "devices": [
                {"id": "modem1", "port": str(data / "devices" / "modem1-at"), "number": "+85510000001"},
                {"id": "outside", "driver": "trunk", "host": "127.0.0.1", "numbers": [NUMBER], "sip": {"port": theirs}},
            ],
        }
    }
    (folder / "overrides.yaml").write_text(yaml.safe_dump(config))
    with asterisk(INSTALLED, folder / "asterisk", theirs, own) as switch:
        lab = LabProcess(data, "--modems", "1", "--speed", "5", "--config", str(folder / "overrides.yaml"))
        try:
            yield Site(lab, switch)
        finally:
            assert lab.stop()[0] == 0


@pytest.fixture
async def outside(there: Site) -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as http, CustomerApp() as app:
        yield World(there.lab, http, app)


async def test_a_call_out_is_answered_and_its_keys_are_gathered(outside: World) -> None:
    gathered = outside.app.answer("/gathered", twiml("<Say>Thank you</Say><Hangup/>"))
    page = twiml(f'<Gather action="{gathered}" timeout="15"><Say>Please key in your code</Say></Gather>')
    status = outside.app.answer("/status", "")
    call = await asyncio.to_thread(
        outside.client.calls.create,
        to=CALLEE,
        from_=NUMBER,
        twiml=page,
        status_callback=status,
        status_callback_event=["initiated", "ringing", "answered", "completed"],
    )
    (request,) = await outside.app.wait_for("/gathered", within_s=40)
    assert (request.params["Digits"], request.params["From"], request.params["To"]) == ("472", NUMBER, CALLEE)
    assert (await outside.call_final(call.sid)).status == "completed"
    await outside.until(lambda: len(outside.app.seen("/status")) == 4)
    states = [request.params["CallStatus"] for request in outside.app.seen("/status")]
    assert states == ["initiated", "ringing", "in-progress", "completed"]


async def test_a_call_in_hears_the_menu_and_presses_a_key(there: Site, outside: World) -> None:
    page = twiml('<Gather numDigits="1" action="/menu"><Say>Press one for the river level now</Say></Gather>')
    await outside.hook(NUMBER, voice_url=outside.app.answer("/voice", page))
    outside.app.answer("/menu", twiml("<Say>The river is low</Say><Hangup/>"))
    await asyncio.to_thread(there.switch.call, NUMBER, "presses", CALLER)
    (menu,) = await outside.app.wait_for("/menu", within_s=40)
    assert menu.params["Digits"] == "1"
    first = outside.app.seen("/voice")[0].params
    assert (first["From"], first["To"], first["Direction"]) == (CALLER, NUMBER, "inbound")
    assert (await outside.call_final(first["CallSid"])).status == "completed"


async def test_how_it_sounded_is_told_with_its_channel(outside: World) -> None:
    url = f"{outside.about['base_url']}/simferry/v1/channels/site-1/outside"
    headers = basic_auth(outside.about["account_sid"], outside.token)

    async def told() -> object:
        async with outside._http.get(url, headers=headers) as answer:
            history = (await answer.json())["history"]
        return [event for event in history if event["kind"] == "call.ended"]

    (ended, *_) = await outside.until(told)
    assert ended["media"]["sent"] > 50, ended  # an Asterisk that waits sends nothing
