"""Mixed traffic of a site, seeded: SMS and calls both ways, USSD. Times between two are exponential."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random

from scripts.daykit.ledger import Call, Inbound, Ledger, Outbound
from scripts.daykit.site import Site
from simulator import population
from simulator.modem.modem import Modem
from telecore.commands import PlaceCall, RequestUssd, SendMessage
from telecore.events import CallAnswered, CallOffered, Event
from telecore.ids import CallSid, CommandId, MessageSid, new_id, new_sid
from telecore.twiml.page import Verb
from telecore.twiml.verbs.hangup import Hangup
from telecore.twiml.verbs.pause import Pause

log = logging.getLogger(__name__)

PER_HOUR = {"sms out": 6.0, "sms in": 4.0, "call out": 1.0, "call in": 0.7, "ussd": 0.3}
"""For each SIM."""
TEXTS = (
    "The river rises. Move to high ground now.",
    "ទឹកជំនន់មកដល់ហើយ សូមទៅទីខ្ពស់",
    "Registration is complete. Thank you. " * 6,
    "Balance: 3 {litres} [of] rice ~ ^ € 🌾",
    "កម្មវិធីសុខភាព " * 12,
)


class Traffic:
    """Begins things and writes them into the ledger; what becomes of them the ledger hears."""

    def __init__(self, site: Site, ledger: Ledger, random: Random, clock: Callable[[], float]) -> None:
        self._site = site
        self._ledger = ledger
        self._random = random
        self._clock = clock
        self._count = 0
        self._handsets = population.free_handsets()

    async def run(self) -> None:
        """Until cancelled."""
        kinds: dict[str, Callable[[Modem], Awaitable[None]]] = {
            "sms out": self._sms_out, "sms in": self._sms_in, "call out": self._call_out, "call in": self._call_in,
            "ussd": self._ussd,
        }  # fmt: skip
        async with asyncio.TaskGroup() as group:
            for modem in self._site.modems:
                for kind, begin in kinds.items():
                    if kind.startswith("call") and not self._site.speaks(modem):
                        continue
                    group.create_task(self._series(modem, PER_HOUR[kind] / 3600, begin))

    def page(self, event: Event) -> tuple[Verb, ...] | None:
        """What a call does: some seconds of silence, and hang up."""
        if isinstance(event, CallOffered):
            return (Pause(1), Pause(self._random.randint(2, 15)), Hangup())
        if isinstance(event, CallAnswered) and not self._ledger.calls[event.call].inbound:
            return (Pause(self._random.randint(2, 15)), Hangup())
        return None

    async def _series(self, modem: Modem, rate: float, begin: Callable[[Modem], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(self._random.expovariate(rate))
            await begin(modem)

    async def _sms_out(self, modem: Modem) -> None:
        sid, channel = MessageSid(new_sid("SM")), self._site.channel(modem)
        to, body = self._random.choice(self._handsets), self._body()
        self._ledger.outbound[sid] = Outbound(sid, channel, to, body, self._clock())
        urgent = self._random.random() < 0.05
        await self._site.cloud.wish(SendMessage(message=sid, channel=channel, to=to, body=body, urgent=urgent))

    async def _sms_in(self, modem: Modem) -> None:
        sender, body = self._random.choice(self._handsets), self._body()
        channel = self._site.channel(modem)
        self._ledger.inbound[channel, sender, body] = Inbound(channel, sender, body, self._clock())
        self._site.network.handsets[sender].send(modem.number, body)

    async def _call_out(self, modem: Modem) -> None:
        sid, channel = CallSid(new_sid("CA")), self._site.channel(modem)
        named = list(population.named_handsets().values())
        to = self._random.choice([*self._handsets, *named[:4]])
        self._ledger.calls[sid] = Call(sid, channel, self._clock(), inbound=False, to=to)
        await self._site.cloud.wish(PlaceCall(call=sid, channel=channel, to=to, timeout_s=30))

    async def _call_in(self, modem: Modem) -> None:
        self._site.network.handsets[self._random.choice(self._handsets)].dial(modem.number)

    async def _ussd(self, modem: Modem) -> None:
        command = CommandId(new_id())
        self._ledger.requests[command] = []
        code = self._random.choice(("*100#", "*100*2#", "*99#"))
        await self._site.cloud.wish(RequestUssd(id=command, channel=self._site.channel(modem), code=code))

    def _body(self) -> str:
        self._count += 1
        return f"{self._count:06d} {self._random.choice(TEXTS)}"
