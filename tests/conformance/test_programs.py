"""Programs as Twilio's customers write them, unchanged but for the base URL, against the lab.

They refuse what is not signed as Twilio signs it, so that nothing here goes on unless every signature is right.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import aiohttp
import pytest

from telecore.audio.tone import tone
from telecore.audio.wav import write_wav
from tests.conformance.official import missing_node
from tests.conformance.programs.running import FLASK, flask, node
from tests.fakes.customer_app import CustomerApp
from tests.flows.conftest import LabProcess, World

needs_flask = pytest.mark.skipif(not FLASK.exists(), reason="no Flask: scripts/peers programs")
needs_node = pytest.mark.skipif(bool(missing_node()), reason=missing_node() or "there")


@pytest.fixture
async def world(lab: LabProcess, handsets: Iterator[str]) -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as http, CustomerApp() as app:
        one = World(lab, http, app)
        one._free = handsets
        yield one
        await one.lines_free()
        one.client.http_client.session.close()


def credentials(world: World) -> dict[str, str]:
    about = world.about
    return {
        "TWILIO_ACCOUNT_SID": about["account_sid"],
        "TWILIO_AUTH_TOKEN": about["auth_token"],
        "TWILIO_BASE_URL": about["base_url"],
    }


async def dial(world: World, handset: str, number: str, *digits: tuple[float, str]) -> str:
    press = [{"after_s": after, "digits": keys} for after, keys in digits]
    made = await world.network("POST", f"/subscribers/{handset}/calls", {"to": number, "press": press})
    return str(made["id"])


async def press(world: World, call: str, key: str, heard: Callable[[], Awaitable[object]]) -> None:
    """As somebody does who cannot tell when the menu listens: again, until it has heard."""

    async def answered() -> bool:
        calls = await world.network("GET", "/calls")
        return any(one["id"] == call and one["state"] == "answered" for one in calls)

    await world.until(answered)
    hearing = asyncio.ensure_future(heard())
    while not hearing.done():
        await world.network("POST", f"/calls/{call}/digits", {"digits": key})
        await asyncio.wait([hearing], timeout=1.5)
    await hearing


async def speak(world: World, call: str) -> None:
    """The handset speaks for as long as the announcement and the recording may take."""
    url, sound = f"{world.about['simulator_url']}/calls/{call}/speak", write_wav(tone((440.0,), 15_000))
    async with world._http.post(url, data=sound, headers={"Content-Type": "audio/wav"}) as answer:
        assert answer.status < 400, await answer.text()


@needs_flask
async def test_an_ivr_in_flask(world: World) -> None:
    """A wrong key leads back to the menu, then a voicemail; another caller is put through, and nobody is there."""
    pharmacy = world.about["handsets"]["busy"]
    async with flask("ivr", **credentials(world), PHARMACY_NUMBER=pharmacy) as (program, url):
        await world.hook(world.numbers[0], voice_url=f"{url}/ivr/welcome")
        call = await dial(world, world.free_handset(), world.numbers[0], (1.0, "9"))
        await program.said(r"POST /ivr/welcome", 2)
        await press(world, call, "1", lambda: program.said(r"POST /ivr/menu", 2))
        await speak(world, call)
        (recorded,) = await program.said(r"voicemail (\S+) of (\d+) s")
        assert int(recorded[2]) >= 1
        (ready,) = await program.said(r"ready (RE\w+) (\w+)")
        assert ready[2] == "completed"
        assert recorded[1].endswith(ready[1])
        await world.until(lambda: asyncio.to_thread(lambda: not world.client.calls.list(status="in-progress")))
        await world.lines_free()  # the cloud knows of an end before the line has it
        call = await dial(world, world.free_handset(), world.numbers[0])
        await program.said(r"POST /ivr/welcome", 3)
        await press(world, call, "2", lambda: program.said(r"POST /ivr/menu", 3))
        (dialled,) = await program.said(r"dialled (\S+)")
        assert dialled[1] == "busy"


@needs_flask
async def test_a_survey_by_sms_in_flask(world: World) -> None:
    """Cookies carry the conversation from one message of a sender to the next, and to nobody else's."""
    handset, other, supervisor = world.free_handset(), world.free_handset(), world.free_handset()
    number = world.numbers[1]
    async with flask("sms", **credentials(world), SUPERVISOR_NUMBER=supervisor) as (program, url):
        await world.hook(number, sms_url=f"{url}/sms")
        before = {phone: len(await world.inbox(phone)) for phone in (handset, other)}

        async def answers(phone: str, count: int) -> list[str]:
            async def enough() -> list[str] | None:
                bodies = [one["body"] for one in (await world.inbox(phone))[before[phone] :]]
                return bodies if len(bodies) >= count else None

            found: list[str] = await world.until(enough)
            return found

        for turn, body in enumerate(["hello", "two", "yes"], 1):
            await world.network("POST", f"/subscribers/{handset}/messages", {"to": number, "body": body})
            said = await answers(handset, turn)
        assert said == ["How many children under five?", "Is there clean water?", "Thank you!"]
        await world.network("POST", f"/subscribers/{other}/messages", {"to": number, "body": "hello"})
        assert (await answers(other, 1))[-1] == "How many children under five?"
        assert [match[1] for match in await program.said(r"answer \d (\w+)", 2)] == ["two", "yes"]
        await program.said(r"status delivered")
        assert f"{handset} has answered" in [one["body"] for one in await world.inbox(supervisor)]


@needs_node
async def test_reminders_in_express(world: World) -> None:
    """A call that the program places, its events in order, a key, an SMS from within the webhook, and a reply."""
    handset = world.free_handset()
    await world.network(
        "PUT",
        f"/subscribers/{handset}",
        {"on_call": "answer", "answer_after_s": 0.2, "press": [{"after_s": 1.5, "digits": "1"}]},
    )
    variables = {"REMINDER_TO": handset, "REMINDER_FROM": world.numbers[2]}
    async with node("express.js", **credentials(world), **variables) as (program, url):
        (confirmed,) = await program.said(r"confirmed (\w+) (\d)")
        assert (confirmed[1], confirmed[2]) == ("appointment", "1")
        events = await program.said(r"event (\S+) (\d)", 4)
        assert [event[1] for event in events] == ["initiated", "ringing", "in-progress", "completed"]
        assert [event[2] for event in events] == ["0", "1", "2", "3"]

        async def reminded() -> bool:
            return "See you tomorrow" in [one["body"] for one in await world.inbox(handset)]

        await world.until(reminded)
        await world.hook(world.numbers[2], sms_url=f"{url}/sms")
        await world.network("POST", f"/subscribers/{handset}/messages", {"to": world.numbers[2], "body": "thanks"})
        await program.said(r"sms delivered")
        assert "You said: thanks" in [one["body"] for one in await world.inbox(handset)]


@needs_node
async def test_what_is_not_signed_is_refused_by_the_program(world: World) -> None:
    """So that the stories above show what they seem to."""
    forged = {"data": {"CallSid": "CA"}, "headers": {"X-Twilio-Signature": "x"}}
    async with node("express.js", **credentials(world)) as (_, url), aiohttp.ClientSession() as http:
        answer = await http.post(f"{url}/voice", **forged)
        assert answer.status == 403
