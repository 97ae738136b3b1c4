"""What the tests of links share: a lab behind the tunnel's proxy, its faults, and how long the edge takes to resume."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

from tests.fakes.customer_app import twiml
from tests.flows.conftest import FINAL, World

MENU = '<Gather numDigits="1" timeout="30" action="%s"><Play loop="0">%s</Play></Gather>'


class Tunnel:
    """The tunnel of the lab's one edge, broken at will."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.edge: str = world.about["edges"][0]["name"]
        self._status: str = world.about["edges"][0]["status_url"]
        self.resumed_s: list[float] = []
        """How long it took after each fault until the edge was greeted again."""

    async def fault(self, kind: str, for_s: float, **options: float) -> None:
        """Begin it, and wait until it is over."""
        body = {"kind": kind, "target": self.edge, "for_s": for_s, **options}
        await self._world.network("POST", "/faults", body)
        await asyncio.sleep(for_s)

    async def resumed(self, within_s: float = 60.0) -> float:
        """Seconds until it is up again."""
        began = time.monotonic()
        while not await self.up():
            if time.monotonic() - began > within_s:
                raise TimeoutError(f"the tunnel is not back within {within_s:g} s")
            await asyncio.sleep(0.02)
        self.resumed_s.append(time.monotonic() - began)
        return self.resumed_s[-1]

    async def up(self) -> bool:
        return bool((await self.status())["tunnel"]["connected"])

    async def status(self) -> Any:
        async with self._world._http.get(f"{self._status}/status") as answer:
            return await answer.json()

    def figures(self) -> dict[str, float]:
        """Of the times to resume, in seconds."""
        taken = sorted(self.resumed_s) or [0.0]
        return {
            "resume_median_s": round(taken[len(taken) // 2], 2),
            "resume_p95_s": round(taken[int(len(taken) * 0.95)], 2),
            "resume_most_s": round(taken[-1], 2),
        }


class Mixed:
    """SMS both ways and calls in, until told to stop; then the account of what became of them."""

    def __init__(self, world: World, random: Random, every_s: float) -> None:
        self._world = world
        self._random = random
        self._every_s = every_s
        self._stop = asyncio.Event()
        self.sent: dict[str, str] = {}
        """Body → SID of what was accepted with 201."""
        self.received = 0
        self.calls: list[str] = []
        """The simulator's names of those dialled."""
        self._handset, self._caller = world.free_handset(), world.free_handset()

    async def prepare(self) -> None:
        app, world = self._world.app, self._world
        sms, done = app.answer("/sms", twiml("")), app.answer("/menu", twiml("<Hangup/>"))
        voice = app.answer(
            "/voice", twiml(f'<Gather numDigits="1" timeout="30" action="{done}"><Say>One</Say></Gather>')
        )
        for number in world.numbers:
            await world.hook(number, sms_url=sms, voice_url=voice)

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for part in (self._out, self._in, self._call):
                group.create_task(part())

    async def _pause(self, times: float = 1.0) -> bool:
        """Wait a while; false: it is over."""
        try:
            async with asyncio.timeout(self._every_s * times * self._random.uniform(0.5, 1.5)):
                await self._stop.wait()
        except TimeoutError:
            return True
        return False

    async def _out(self) -> None:
        world = self._world
        while await self._pause():
            n = len(self.sent)
            made = await asyncio.to_thread(
                world.client.messages.create, to=self._handset, from_=world.numbers[n % 3], body=f"out {n}"
            )
            self.sent[f"out {n}"] = made.sid

    async def _in(self) -> None:
        while await self._pause():
            body = {"to": self._world.numbers[self.received % 3], "body": f"in {self.received}"}
            await self._world.network("POST", f"/subscribers/{self._handset}/messages", body)
            self.received += 1

    async def _call(self) -> None:
        """One call at a time to the fourth number; a key is pressed after two seconds."""
        while await self._pause(2):
            body = {"to": self._world.numbers[3], "press": [{"after_s": 2.0, "digits": "1"}]}
            made = await self._world.network("POST", f"/subscribers/{self._caller}/calls", body)
            self.calls.append(made["id"])
            await self._world.until(lambda made=made: self._over(made["id"]), 90)  # type: ignore[misc]

    async def _over(self, call: str) -> bool:
        return bool((await self._world.network("GET", f"/calls/{call}"))["state"] == "ended")

    async def account(self, within_s: float) -> dict[str, int]:
        """Once all is settled: how many were lost, doubled, out of order."""
        world = self._world
        await world.until(self._all_final, within_s)
        await world.until(lambda: len({r.params["Body"] for r in world.app.seen("/sms")}) == self.received, within_s)
        rows = await asyncio.to_thread(lambda: world.client.messages.list(page_size=1000))
        inbox = [message["body"] for message in await world.inbox(self._handset) if message["body"] in self.sent]
        arrived, told = Counter(inbox), Counter(row.body for row in rows if row.direction == "inbound")
        tokens = Counter(r.headers["I-Twilio-Idempotency-Token"] for r in world.app.seen("/sms"))
        wanted = [f"in {n}" for n in range(self.received)]
        calls = await asyncio.to_thread(lambda: world.client.calls.list(to=world.numbers[3], page_size=1000))
        answered = [call for call in calls if call.status != "no-answer"]
        menus = Counter(request.params["CallSid"] for request in world.app.seen("/menu"))
        return {
            "sms_out": len(self.sent),
            "sms_in": self.received,
            "calls": len(self.calls),
            "lost": sum(body not in arrived for body in self.sent) + sum(body not in told for body in wanted),
            "doubled": sum(n - 1 for n in (*arrived.values(), *told.values()))
            + abs(len(tokens) - self.received)
            + max(0, len(calls) - len(self.calls)),
            "out_of_order": sum(_disorder(inbox, first) for first in range(3)),
            "calls_not_seen_through": sum(call.status != "completed" or menus[call.sid] != 1 for call in answered)
            + abs(len(calls) - len(self.calls)),
            "calls_rung_out": len(calls) - len(answered),
        }

    async def _all_final(self) -> bool:
        world = self._world
        rows = await asyncio.to_thread(lambda: world.client.messages.list(to=self._handset, page_size=1000))
        states = {row.sid: row.status for row in rows}
        calls = await asyncio.to_thread(lambda: world.client.calls.list(page_size=1000))
        return all(states.get(sid) in ("delivered", "undelivered", "failed") for sid in self.sent.values()) and all(
            call.status in FINAL for call in calls
        )


def _disorder(bodies: Sequence[str], sim: int) -> int:
    """How many of one SIM's messages come before an earlier one."""
    numbers = [int(body.split()[1]) for body in bodies if int(body.split()[1]) % 3 == sim]
    return sum(later < earlier for earlier, later in zip(numbers, numbers[1:], strict=False))
