"""`scripts/demo`: a newcomer watches one call and two messages cross, each step as it happens."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from scripts.labkit.demo_app import VOICE, FloodLine
from scripts.labkit.lab import Lab, basic_auth, lab
from scripts.labkit.options import Options, Refusal

STEP_S = 45.0
WARNING = "Flood warning: the river rises. Move to high ground now. ទឹកជំនន់"


class Show:
    """Prints what happens, with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def title(self, text: str) -> None:
        print(f"\n{text}\n{'-' * len(text)}", flush=True)

    def step(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:6.1f}s  {text}", flush=True)


class Demo:
    """The story: a call through an IVR, an SMS in and its answer, an SMS out and its delivery."""

    def __init__(self, one: Lab, http: aiohttp.ClientSession, show: Show) -> None:
        about = one.description
        self._http = http
        self._show = show
        self._simulator = about["simulator_url"]
        self._api = f"{about['base_url']}/2010-04-01/Accounts/{about['account_sid']}"
        self._auth = basic_auth(about["account_sid"], about["auth_token"])
        self._number: str = about["numbers"][0]
        self._handset: str = about["handsets"]["free"][0]
        self.app = FloodLine(show.step, about["auth_token"])

    async def prepare(self, app_url: str) -> None:
        rows = (await self._twilio("GET", "/IncomingPhoneNumbers.json"))["incoming_phone_numbers"]
        (sid,) = (row["sid"] for row in rows if row["phone_number"] == self._number)
        hooks = {"VoiceUrl": app_url + VOICE, "SmsUrl": f"{app_url}/sms"}
        await self._twilio("POST", f"/IncomingPhoneNumbers/{sid}.json", hooks)
        self._show.step(f"The number of the first SIM, {self._number}, now leads to the application at {app_url}")

    async def call(self) -> None:
        self._show.title("A villager calls the flood line")
        self._show.step(f"handset  {self._handset} dials {self._number}")
        body = {"to": self._number, "press": [{"after_s": 4.0, "digits": "1"}]}
        call = (await self._network("POST", f"/subscribers/{self._handset}/calls", body))["id"]
        seen = ""
        async for state in self._poll(lambda: self._network("GET", f"/calls/{call}")):
            if state["state"] != seen:
                seen = state["state"]
                self._show.step(
                    f"handset  the call is {seen}" + (f", cause {state['cause']}" if state["cause"] else "")
                )
            if seen == "ended":
                break
        if not state["answered_at"]:
            raise Refusal("the call was not answered")
        if self.app.digits != ["1"]:
            raise Refusal(f"the application gathered {self.app.digits} and not the digit 1")
        async with self._http.get(f"{self._simulator}/calls/{call}/heard.wav") as answer:
            seconds = (len(await answer.read()) - 44) / 16000
        self._show.step(f"handset  heard {seconds:.1f} s of sound; the application gathered the digit 1")

    async def message_in(self) -> None:
        self._show.title("The villager sends an SMS and is answered")
        self._show.step(f"handset  {self._handset} sends 'Ban Xieng village' to {self._number}")
        body = {"to": self._number, "body": "Ban Xieng village"}
        await self._network("POST", f"/subscribers/{self._handset}/messages", body)
        await self._until_received("Registered for Ban Xieng village")
        if self.app.messages != ["Ban Xieng village"]:
            raise Refusal(f"the application was given {self.app.messages}")

    async def message_out(self, app_url: str) -> None:
        self._show.title("The application warns the villager")
        form = {
            "To": self._handset, "From": self._number, "Body": WARNING, "StatusCallback": f"{app_url}/status",
        }  # fmt: skip
        made = await self._twilio("POST", "/Messages.json", form)
        self._show.step(f"API      POST /Messages.json -> {made['sid'][:10]}…  {made['status']}")
        await self._until_received(WARNING)
        async for row in self._poll(lambda: self._twilio("GET", f"/Messages/{made['sid']}.json")):
            if row["status"] in ("delivered", "undelivered", "failed"):
                break
        self._show.step(f"API      GET  /Messages/{made['sid'][:10]}….json -> {row['status']}")
        if row["status"] != "delivered":
            raise Refusal(f"the message is {row['status']} (error {row['error_code']}) and not delivered")

    async def _until_received(self, text: str) -> None:
        async for inbox in self._poll(lambda: self._network("GET", f"/subscribers/{self._handset}/messages")):
            found = [message for message in inbox if text in message["body"]]
            if found:
                self._show.step(f"handset  received {found[0]['body']!r} in {found[0]['parts']} part(s)")
                return

    async def _poll(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Ask again and again. Raises Refusal when the asker still waits after STEP_S."""
        deadline = time.monotonic() + STEP_S
        while time.monotonic() < deadline:
            yield await ask()
            await asyncio.sleep(0.1)
        raise Refusal(f"what was waited for did not happen within {STEP_S:g} s")

    async def _network(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return await self._ask(method, self._simulator + path, json=body)

    async def _twilio(self, method: str, path: str, form: dict[str, str] | None = None) -> Any:
        return await self._ask(method, self._api + path, data=form, headers=self._auth)

    async def _ask(self, method: str, url: str, **request: Any) -> Any:
        async with self._http.request(method, url, **request) as answer:
            data = await answer.json(content_type=None)
            if answer.status >= 400:
                raise Refusal(f"{method} {url} answered {answer.status}: {data}")
            return data


async def tell(once: bool, options: Options) -> None:
    show = Show()
    show.title("Simferry on a simulated phone network")
    show.step("starting the network, the cloud and an edge agent with four modems ...")
    async with lab(options) as one, aiohttp.ClientSession() as http:
        demo = Demo(one, http, show)
        async with _application(demo.app.application()) as app_url:
            show.step(f"up: {len(one.description['numbers'])} SIMs are registered")
            await demo.prepare(app_url)
            await demo.call()
            await demo.message_in()
            await demo.message_out(app_url)
            show.title("All of it arrived: the call, the digit, both messages")
            if not once:
                await _stay(one)


async def _stay(one: Lab) -> None:
    about = one.description
    print(
        f"\nThe operator's page:  {about['dashboard_url']}   user {about['operator']['user']}, "
        f"password {about['operator']['password']}\n"
        f"A handset to play:    {about['simulator_url']}/handset   dial {about['numbers'][0]} from it\n"
        f"The API:              {about['base_url']}   account {about['account_sid']}, token {about['auth_token']}\n"
        "\nCtrl-C ends it.",
        flush=True,
    )
    await one.watch()
    raise Refusal("the simulator ended by itself")


@contextlib.asynccontextmanager
async def _application(app: web.Application) -> Any:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def _run(once: bool, options: Options) -> None:
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, task.cancel)
    await tell(once, options)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/demo", description="Shows a call and SMS on a simulated network.")
    parser.add_argument("--once", action="store_true", help="end by itself; exit status 0 when everything arrived")
    parser.add_argument("--log-dir", type=Path, metavar="DIR", help="keep the logs of all processes here")
    given = parser.parse_args()
    logs = given.log_dir or Path(tempfile.mkdtemp(prefix="simferry-demo-logs-"))
    try:
        asyncio.run(_run(given.once, Options(log_dir=logs)))
    except Refusal as refusal:
        print(f"\nscripts/demo: {refusal}\nThe logs are in {logs}", file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        print("\nStopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
