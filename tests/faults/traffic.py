"""Mixed traffic through a lab: SMS both ways, calls both ways with pages, every hook; all of it goes into the books."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from scripts.labkit.lab import basic_auth
from tests.fakes.customer_app import CustomerApp, Received, twiml
from tests.faults.books import Books, Facts, Told
from tests.flows.conftest import LabProcess

AWAY = (aiohttp.ClientError, TimeoutError, ConnectionError)
ASK_S = 10.0
OF_THE_MOMENT = (21214, 21212)
"""No channel can carry the call now."""
LONG = "the river rises, move to high ground and take water with you; "
KHMER = "ទឹកជំនន់នឹងមកដល់ "
HOOKS = ("sms", "sms_status", "call_status", "voice", "menu", "out")
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Rates:
    """Seconds between two of a kind, on average; how many calls of each direction may live at a time."""

    sms_out_s: float = 0.35
    sms_in_s: float = 0.7
    call_s: float = 1.0
    calls: int = 2


class Site:
    """A lab and its application as the traffic uses them. Requests to a cloud that is away give None."""

    def __init__(self, lab: LabProcess, http: aiohttp.ClientSession, app: CustomerApp) -> None:
        self.about = lab.about
        self.http = http
        self.app = app
        self.numbers: list[str] = list(lab.about["numbers"])
        self.handsets: list[str] = list(lab.about["handsets"]["free"])
        self.base = f"{lab.about['base_url']}/2010-04-01/Accounts/{lab.about['account_sid']}"
        self._auth = basic_auth(lab.about["account_sid"], lab.about["auth_token"])
        self.network_calls: dict[str, dict[str, Any]] = {}

    async def api(self, method: str, path: str, form: dict[str, Any] | None = None) -> Any:
        """The answer, or None when there was none or it was a refusal of the moment."""
        kind = {"params": form} if method == "GET" else {"data": form}
        try:
            async with (
                asyncio.timeout(ASK_S),
                self.http.request(method, self.base + path, headers=self._auth, **kind) as answer,
            ):
                data = await answer.json()
                if answer.status in (429, 503) or data.get("code") in OF_THE_MOMENT:
                    return None
                assert answer.status < 400, (path, form, data)
                return data
        except AWAY:
            return None

    async def surely(self, method: str, path: str, form: dict[str, Any] | None = None) -> Any:
        """Asked again until it is answered."""
        for _ in range(300):
            if (answer := await self.api(method, path, form)) is not None:
                return answer
            await asyncio.sleep(0.2)
        raise TimeoutError(f"{method} {path} was not answered within a minute")

    async def network(self, method: str, path: str, body: Any = None) -> Any:
        async with self.http.request(method, self.about["simulator_url"] + path, json=body) as answer:
            return await answer.json() if answer.status < 400 else None

    async def everything(self, what: str) -> list[dict[str, Any]]:
        """All rows of a list, page by page."""
        rows: list[dict[str, Any]] = []
        page = await self.surely("GET", f"/{what}.json", {"PageSize": PAGE})
        while True:
            rows += page[what.lower()]
            if not page["next_page_uri"]:
                return rows
            page = await self.surely("GET", page["next_page_uri"].partition(self.about["account_sid"])[2])

    async def facts(self) -> Facts:
        await self.look()
        inboxes = {handset: await self.network("GET", f"/subscribers/{handset}/messages") for handset in self.handsets}
        return Facts(
            messages=await self.everything("Messages"),
            calls=await self.everything("Calls"),
            inboxes={handset: [message["body"] for message in inbox] for handset, inbox in inboxes.items()},
            network=self.network_calls,
            told=[told_of(request) for request in self.app.received],
            busy=await self.busy(),
        )

    async def look(self) -> None:
        """Remember the network's calls: it forgets old ones."""
        self.network_calls.update({call["id"]: call for call in await self.network("GET", "/calls") or ()})

    async def status(self) -> dict[str, Any] | None:
        """What the first edge says of itself; None while it is away."""
        try:
            async with (
                asyncio.timeout(ASK_S),
                self.http.get(self.about["edges"][0]["status_url"] + "/status") as answer,
            ):
                return dict(await answer.json())
        except AWAY:
            return None

    async def connected(self) -> list[str] | None:
        """The channels that the cloud sees through a tunnel; None while it is away."""
        url = self.about["base_url"] + "/simferry/v1/channels"
        try:
            async with asyncio.timeout(ASK_S), self.http.get(url, headers=self._auth) as answer:
                rows = (await answer.json())["channels"]
        except AWAY:
            return None
        return [row["channel"] for row in rows if row["connected"]]

    async def busy(self) -> list[str]:
        status = await self.status()
        if status is None:
            return ["the edge does not answer"]
        return [str(call) for call in status["calls"]] + [
            f"{channel['channel']} is {channel['state']}"
            for channel in status["channels"]
            if channel["state"] != "registered"
        ]


def told_of(request: Received) -> Told:
    return Told(request.path.strip("/"), request.params, request.headers.get("I-Twilio-Idempotency-Token", ""))


class Traffic:
    """Runs until it is told to stop; then begins nothing more and hangs up what handsets still hold."""

    def __init__(self, site: Site, books: Books, chance: random.Random, rates: Rates) -> None:
        self._site = site
        self._books = books
        self._chance = chance
        self._rates = rates
        self._count = itertools.count(1)
        self._stopped = asyncio.Event()
        self._talkers, self._writers = site.handsets[:8], site.handsets[8:]

    def stop(self) -> None:
        self._stopped.set()

    async def prepare(self) -> None:
        """Hooks of the numbers, pages of the application, manners of the handsets, money on the SIMs."""
        app = self._site.app
        hooks = {name: app.answer(f"/{name}", twiml("")) for name in HOOKS}
        gather = f'<Gather numDigits="1" timeout="2" action="{hooks["menu"]}"><Say>Press one now</Say></Gather>'
        app.answer("/voice", twiml(gather + "<Hangup/>"))
        app.answer("/menu", twiml("<Say>The river is low</Say><Hangup/>"))
        app.answer("/out", twiml(gather + "<Hangup/>"))
        self._hooks = hooks
        rows = await self._site.surely("GET", "/IncomingPhoneNumbers.json", {"PageSize": PAGE})
        for row in rows["incoming_phone_numbers"]:
            form = {"VoiceUrl": hooks["voice"], "SmsUrl": hooks["sms"], "StatusCallback": hooks["call_status"]}
            await self._site.surely("POST", f"/IncomingPhoneNumbers/{row['sid']}.json", form)
        for number in self._site.numbers:
            await self._site.network("PUT", f"/sims/{number}", {"balance_cents": 10_000_000})
        manners = {"on_call": "answer", "answer_after_s": 0.3, "hangup_after_s": 4.0}
        manners["press"] = [{"after_s": 1.5, "digits": "1"}]
        for handset in self._talkers:
            await self._site.network("PUT", f"/subscribers/{handset}", manners)

    async def run(self) -> None:
        rates = self._rates
        async with asyncio.TaskGroup() as group:
            group.create_task(self._each(rates.sms_out_s, self._sms_out))
            group.create_task(self._each(rates.sms_in_s, self._sms_in))
            group.create_task(self._each(5.0, self._site.look))
            half = len(self._talkers) // 2
            for n in range(rates.calls):
                group.create_task(self._each(rates.call_s, self._caller(self._talkers[n], self._call_in)))
                group.create_task(self._each(rates.call_s, self._caller(self._talkers[half + n], self._call_out)))

    @staticmethod
    def _caller(handset: str, work: Callable[[str], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        return lambda: work(handset)

    async def _each(self, every_s: float, work: Callable[[], Awaitable[None]]) -> None:
        while not self._stopped.is_set():
            await work()
            await self._sleep(self._chance.uniform(0, 2 * every_s))

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return

    def _text(self, way: str) -> str:
        """Every sixth has several segments, every sixth is in Khmer."""
        name = f"{way} {next(self._count)} "
        kind = self._chance.randrange(6)
        return name + (LONG * self._chance.randint(3, 6) if kind == 0 else KHMER if kind == 1 else "").strip()

    async def _sms_out(self) -> None:
        text, to = self._text("out").strip(), self._chance.choice(self._writers)
        form = {"To": to, "From": self._chance.choice(self._site.numbers), "Body": text}
        self._books.sms_asked[text] = to
        made = await self._site.api("POST", "/Messages.json", {**form, "StatusCallback": self._hooks["sms_status"]})
        if made is not None:
            self._books.sms_accepted[text] = made["sid"]

    async def _sms_in(self) -> None:
        text, to = self._text("in").strip(), self._chance.choice(self._site.numbers)
        path = f"/subscribers/{self._chance.choice(self._writers)}/messages"
        if await self._site.network("POST", path, {"to": to, "body": text}) is not None:
            self._books.sms_in[text] = to

    async def _call_in(self, handset: str) -> None:
        number = self._chance.choice(self._site.numbers)
        body = {"to": number, "press": [{"after_s": 1.5, "digits": "1"}]}
        call = await self._site.network("POST", f"/subscribers/{handset}/calls", body)
        if call is not None:
            await self._over(handset, 6.0)
            await self._site.network("POST", f"/calls/{call['id']}/hangup", {})

    async def _call_out(self, handset: str) -> None:
        form = {
            "To": handset,
            "From": self._chance.choice(self._site.numbers),
            "Url": self._hooks["out"],
            "Timeout": 10,
        }
        events = {"StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"]}
        self._books.calls_asked[handset] += 1
        form = {**form, **events, "StatusCallback": self._hooks["call_status"]}
        made = await self._site.api("POST", "/Calls.json", form)
        if made is not None:
            self._books.calls_accepted[made["sid"]] = handset
            await self._sleep(1.0)
            await self._over(handset, 8.0)

    async def _over(self, handset: str, within_s: float) -> None:
        """Until the handset is in no call."""
        deadline = asyncio.get_running_loop().time() + within_s
        while asyncio.get_running_loop().time() < deadline:
            phone = await self._site.network("GET", f"/subscribers/{handset}")
            if phone["call"] is None:
                return
            await asyncio.sleep(0.2)
