"""Keys from a handset, as sound through a modem's PCM, gathered by the application: none lost, none doubled.

Runs a whole lab with eight modems and as many calls at a time; each <Gather> wants six random keys, pressed 100 ms on
and 80 ms off. `python -m benchmarks.dtmf_line 1000` makes a thousand sequences, in about five minutes.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from scripts.labkit.lab import basic_auth, lab
from scripts.labkit.options import Options

LINES = 8
KEYS = 6
SETTLE_S = 0.35
GATHER = f'<Gather numDigits="{KEYS}" finishOnKey="" timeout="4" actionOnEmptyResult="true" action="/got"/>'
PAGE = f"<Response>{GATHER}</Response>"


class Listener:
    """The application: what each call gathered, in order."""

    def __init__(self) -> None:
        self.calls: dict[str, asyncio.Queue[str]] = {}
        self.url = ""

    async def serve(self) -> None:
        app = web.Application()
        app.router.add_post("/voice", self.voice)
        app.router.add_post("/got", self.got)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def voice(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.calls[str(form["To"])].put_nowait("")
        return web.Response(text=PAGE, content_type="text/xml")

    async def got(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.calls[str(form["To"])].put_nowait(str(form.get("Digits", "")))
        return web.Response(text=PAGE, content_type="text/xml")


async def one_line(
    about: dict[str, Any], http: aiohttp.ClientSession, listener: Listener, line: int, count: int
) -> Counter[str]:
    """Call one SIM and press ``count`` sequences; what became of them."""
    chance, number, handset = random.Random(line), about["numbers"][line], about["handsets"]["free"][line]
    heard = listener.calls[number]
    async with http.post(f"{about['simulator_url']}/subscribers/{handset}/calls", json={"to": number}) as answer:
        call = (await answer.json())["id"]
    await heard.get()
    await asyncio.sleep(2.0)
    tally: Counter[str] = Counter()
    for _ in range(count):
        sent = "".join(chance.choice("0123456789*#") for _ in range(KEYS))
        async with http.post(f"{about['simulator_url']}/calls/{call}/digits", json={"digits": sent}) as answer:
            assert answer.status == 200, await answer.text()
        found = await asyncio.wait_for(heard.get(), 20)
        tally["right" if found == sent else f"wrong: {sent} heard as {found}"] += 1
        await asyncio.sleep(SETTLE_S)
    async with http.post(f"{about['simulator_url']}/calls/{call}/hangup", json={"cause": 16}):
        return tally


async def main(sequences: int) -> None:
    logs = Path(tempfile.mkdtemp(prefix="simferry-bench-logs-"))
    listener = Listener()
    await listener.serve()
    async with lab(Options(speed=20.0, log_dir=logs, modems=LINES)) as one, aiohttp.ClientSession() as http:
        about = one.description
        listener.calls = {number: asyncio.Queue() for number in about["numbers"]}
        await hook_all(about, http, f"{listener.url}/voice")
        each = -(-sequences // LINES)
        tallies = await asyncio.gather(*(one_line(about, http, listener, line, each) for line in range(LINES)))
    total = sum(tallies, Counter[str]())
    print(f"{total.total()} sequences of {KEYS} keys over {LINES} lines: {total.pop('right', 0)} right")
    for what, times in total.most_common(20):
        print(f"  {what}" + (f" ({times} times)" if times > 1 else ""))


async def hook_all(about: dict[str, Any], http: aiohttp.ClientSession, url: str) -> None:
    base = f"{about['base_url']}/2010-04-01/Accounts/{about['account_sid']}/IncomingPhoneNumbers"
    auth = basic_auth(about["account_sid"], about["auth_token"])
    async with http.get(f"{base}.json", headers=auth) as answer:
        rows = (await answer.json())["incoming_phone_numbers"]
    for row in rows:
        async with http.post(f"{base}/{row['sid']}.json", headers=auth, data={"VoiceUrl": url}) as answer:
            assert answer.status == 200


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 80))
