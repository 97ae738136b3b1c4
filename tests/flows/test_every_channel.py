"""Modems, a gateway's lines and an SMPP link in one lab: the same TwiML, the same application, the same results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from telecore.audio.wav import read_wav
from tests.fakes.customer_app import CustomerApp, twiml
from tests.flows.conftest import LabProcess, World
from tests.flows.test_calls import loudness

MODEMS, LINES, FAMILY = 4, 8, "goip"
REPORTS = True
"""Whether the family tells deliveries; else a message stays sent."""
BODY = "The river rises: ទឹកជំនន់. Move to high ground now, take water and food, and help your neighbours to do so."
CALLED = {"status": "completed", "digits": "472", "heard": True}
CALLS = {"digits": "1", "heard": True, "cause": 16}


@pytest.fixture(scope="module")
def mixed_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    folder: Path = tmp_path_factory.mktemp("mixed")
    options = [
        "--modems",
        str(MODEMS),
        "--gateway-channels",
        str(LINES),
        "--smsc",
        "--gateway-family",
        FAMILY,
        "--speed",
        "5",
    ]
    lab = LabProcess(folder, *options)
    yield lab
    status, _, rest = lab.stop()
    assert (status, rest) == (0, "")


@pytest.fixture
async def mixed(mixed_lab: LabProcess) -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as http, CustomerApp() as app:
        one = World(mixed_lab, http, app)
        yield one
        await one.lines_free()


async def calls_out(world: World, number: str, handset: str) -> dict[str, Any]:
    """The application calls; the handset presses three keys."""
    behaviour = {"on_call": "answer", "answer_after_s": 0.5, "press": [{"after_s": 2.5, "digits": "472#"}]}
    await world.network("PUT", f"/subscribers/{handset}", behaviour)
    path = f"/gathered/{number}"
    action = world.app.answer(path, twiml("<Say>Thank you</Say><Hangup/>"))
    page = twiml(f'<Gather action="{action}" timeout="15"><Say>Please key in your code</Say></Gather>')
    call = await asyncio.to_thread(world.client.calls.create, to=handset, from_=number, twiml=page)
    (request,) = await world.app.wait_for(path, within_s=40)
    ended = await world.call_final(call.sid)
    there = await world.call_of(handset)
    heard = loudness(read_wav(await world.heard(there["id"])).samples) > 100
    return {"status": ended.status, "digits": request.params["Digits"], "heard": heard}


async def is_called(world: World, number: str, handset: str) -> dict[str, Any]:
    """The handset calls, presses a key during the prompt and hears the next page."""
    page = twiml(f'<Gather numDigits="1" action="/menu/{number}"><Say>Press one for the river level now</Say></Gather>')
    voice = world.app.answer(f"/voice/{number}", page)
    world.app.answer(f"/menu/{number}", twiml("<Say>The river is low</Say><Hangup/>"))
    await world.hook(number, voice_url=voice)
    press = [{"after_s": 2.5, "digits": "1"}]
    dialled = await world.network("POST", f"/subscribers/{handset}/calls", {"to": number, "press": press})
    (menu,) = await world.app.wait_for(f"/menu/{number}", within_s=40)
    first = world.app.seen(f"/voice/{number}")[0].params
    assert (first["From"], first["To"]) == (handset, number)

    async def over() -> Any:
        call = await world.network("GET", f"/calls/{dialled['id']}")
        return call if call["state"] == "ended" else None

    ended = await world.until(over, 40)
    heard = loudness(read_wav(await world.heard(dialled["id"])).samples) > 100
    return {"digits": menu.params["Digits"], "heard": heard, "cause": ended["cause"]}


async def writes(world: World, number: str, handset: str) -> tuple[str, list[str]]:
    """An SMS out: its end, and what the handset has of it."""
    body = f"{BODY} {number}"
    sent = await asyncio.to_thread(world.client.messages.create, to=handset, from_=number, body=body)
    if REPORTS or number not in world.numbers[MODEMS:]:
        done = await world.message_final(sent.sid)
    else:
        done = await world.until(lambda: _sent(world, sent.sid), 60)

    async def arrived() -> list[str]:
        return [f"{m['from']} {m['body']}" for m in await world.inbox(handset) if m["body"] == body]

    return done.status, await world.until(arrived)


async def _sent(world: World, sid: str) -> Any:
    message = await asyncio.to_thread(world.client.messages(sid).fetch)
    return message if message.status in ("sent", "failed") else None


async def is_written_to(world: World, number: str, handset: str) -> tuple[str, str, str]:
    """An SMS in, and the application's answer."""
    path = f"/sms/{number}"
    await world.hook(number, sms_url=world.app.answer(path, twiml(f"<Message>Got it at {number}</Message>")))
    await world.network("POST", f"/subscribers/{handset}/messages", {"to": number, "body": BODY})
    (request,) = await world.app.wait_for(path, within_s=40)

    async def answered() -> bool:
        return any(m["body"] == f"Got it at {number}" for m in await world.inbox(handset))

    await world.until(answered, 40)
    return request.params["Body"], request.params["From"], request.params["To"]


async def each(world: World, numbers: list[str], story: Any) -> dict[str, Any]:
    """The story of every number at once, each with a handset of its own."""
    handsets = dict(zip(numbers, world.about["handsets"]["free"], strict=False))
    async with asyncio.TaskGroup() as group:
        tasks = {number: group.create_task(story(world, number, handsets[number])) for number in numbers}
    return {number: task.result() for number, task in tasks.items()}


def every_number(world: World) -> list[str]:
    return [*world.numbers, *world.about["smsc"]["numbers"]]


async def test_there_are_modems_lines_and_a_link(mixed: World) -> None:
    rows = await asyncio.to_thread(mixed.client.incoming_phone_numbers.list)
    able = {row.phone_number: (row.capabilities["voice"], row.capabilities["sms"]) for row in rows}
    assert len(mixed.numbers) == MODEMS + LINES
    assert able == {
        **dict.fromkeys(mixed.numbers, (True, True)),
        **dict.fromkeys(mixed.about["smsc"]["numbers"], (False, True)),
    }


async def test_calls_out_over_every_channel(mixed: World) -> None:
    assert await each(mixed, mixed.numbers, calls_out) == dict.fromkeys(mixed.numbers, CALLED)


@pytest.mark.parametrize(
    ("handset", "status"),
    [("busy", "busy"), ("unreachable", "no-answer"), ("no_answer", "no-answer")],
)
async def test_why_nobody_answers_is_the_same_over_every_channel(mixed: World, handset: str, status: str) -> None:
    """A GoIP answers 480 to everything by SIP; its own tongue knows better."""
    ends = {}
    for number in (mixed.numbers[0], mixed.numbers[MODEMS]):
        to = mixed.about["handsets"][handset]
        call = await asyncio.to_thread(
            mixed.client.calls.create, to=to, from_=number, twiml=twiml("<Say>Hello</Say>"), timeout=6
        )
        ends[number] = (await mixed.call_final(call.sid)).status
    assert set(ends.values()) == {status}, ends


async def test_calls_in_over_every_channel(mixed: World) -> None:
    assert await each(mixed, mixed.numbers, is_called) == dict.fromkeys(mixed.numbers, CALLS)


async def test_sms_out_over_every_channel(mixed: World) -> None:
    numbers = every_number(mixed)
    results = await each(mixed, numbers, writes)
    silent = () if REPORTS else mixed.numbers[MODEMS:]
    assert results == {
        number: ("sent" if number in silent else "delivered", [f"{number} {BODY} {number}"]) for number in numbers
    }


async def test_sms_in_over_every_channel(mixed: World) -> None:
    numbers = every_number(mixed)
    handsets = dict(zip(numbers, mixed.about["handsets"]["free"], strict=False))
    results = await each(mixed, numbers, is_written_to)
    assert results == {number: (BODY, handsets[number], number) for number in numbers}


async def test_a_gateway_that_vanishes_and_returns(mixed: World) -> None:
    """Its lines are told down, what waits goes when it is back, and calls go again."""
    line = mixed.numbers[MODEMS]
    fault = await mixed.network("POST", "/faults", {"kind": "gateway_down", "target": line})
    status_url = mixed.about["edges"][0]["status_url"]

    async def states() -> list[tuple[str, list[str]]]:
        async with mixed._http.get(status_url + "/status") as answer:
            channels = (await answer.json())["channels"]
        return [(c["state"], c.get("down", [])) for c in channels if "/gateway" in c["channel"]]

    async def down() -> bool:
        return all(state != "registered" for state, _ in await states())

    async def up() -> bool:
        return all(found == ("registered", []) for found in await states())

    await mixed.until(down, 150)
    handset = mixed.about["handsets"]["free"][-1]
    sent = await asyncio.to_thread(mixed.client.messages.create, to=handset, from_=line, body="when you are back")
    async with mixed._http.delete(f"{mixed.about['simulator_url']}/faults/{fault['id']}") as ended:
        assert ended.status < 400
    await mixed.until(up, 90)
    assert (await mixed.message_final(sent.sid, 60)).status == "delivered"
    assert (await calls_out(mixed, line, handset))["status"] == "completed"
