"""The mobile network: puts SIMs, handsets, exchange, message centre and USSD service together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Protocol

from simulator import population
from simulator.accounts import Accounts
from simulator.calls import Exchange, Terminal
from simulator.faults import Faults
from simulator.inbox import Inbox, MessageIds, Recordings
from simulator.sending import PLAIN, Route, Sent, send_message
from simulator.sim import Sim
from simulator.smsc import Parcel, Recipient, Smsc, Verdict
from simulator.speech import SpeechClock
from simulator.subscriber import Handset
from simulator.timing import Timers
from simulator.ussd_menu import UssdService

NO_GATEWAYS: Mapping[str, int] = {}


class MobileTerminal(Terminal, Protocol):
    """A modem as the network sees it."""

    def take_sms(self, parcel: Parcel, done: Callable[[Verdict], None]) -> None:
        """Deliver a message or a status report to it."""

    @property
    def registration(self) -> int:
        """27.007 §7.2 stat."""


class SimRecipient:
    """The number of a SIM as the message centre sees it: wherever the SIM is, or away."""

    def __init__(self, sim: Sim, inbox: Inbox) -> None:
        self._sim = sim
        self.inbox = inbox
        self.terminal: MobileTerminal | None = None

    def sms_delay(self) -> float:
        """None of its own."""
        return 0.0

    def take_sms(self, parcel: Parcel, done: Callable[[Verdict], None]) -> None:
        """Hand it to the modem; what it takes is counted and kept on record."""

        def judged(verdict: Verdict) -> None:
            if verdict is Verdict.TAKEN and parcel.report_status is None:
                self._sim.counters.received += 1
                self.inbox.receive(parcel)
            elif verdict is Verdict.TAKEN:
                self._sim.counters.reports += 1
            done(verdict)

        if self.terminal is None:
            done(Verdict.LATER)
        else:
            self.terminal.take_sms(parcel, judged)


class Network:
    """Everything on the far side of the modems; `changed` is called after each change worth saving.

    `gateways`: name → number of lines; their SIMs have the numbers after the modems'.
    """

    def __init__(
        self, timers: Timers, modems: int, random: Random, operators: int = 1, gateways: Mapping[str, int] = NO_GATEWAYS
    ) -> None:
        self.timers = timers
        self.random = random
        self.faults = Faults(timers)
        self.watchers: list[Callable[[], None]] = []
        self.sims: dict[str, Sim] = {}
        self.modem_sims = [population.new_sim(index, operators) for index in range(1, modems + 1)]
        self.gateway_sims: dict[str, list[Sim]] = {}
        index = modems
        for gateway, lines in gateways.items():
            self.gateway_sims[gateway] = [
                population.new_sim(index + line, operators, f"{gateway}-{line}") for line in range(1, lines + 1)
            ]
            index += lines
        for sim in self.modem_sims:
            self._insert(sim)
        for gateway, sims in self.gateway_sims.items():
            self.faults.gateways[gateway] = gateway
            for sim in sims:
                self._insert(sim)
                self.faults.gateways |= {sim.number: gateway, sim.device: gateway}
                self.faults.groups.setdefault(gateway, []).append(sim.device)
        self._references = itertools.count(1)
        self.message_ids = MessageIds()
        self.recordings = Recordings()
        self.accounts = Accounts(self.sims, self.faults, self.changed, timers.now)
        self.clock = SpeechClock(timers)
        self.exchange = Exchange(timers, self.clock, self.accounts, self.faults, self.terminal)
        self.smsc = Smsc(
            timers=timers,
            accounts=self.accounts,
            faults=self.faults,
            sims=self.sims,
            find=self._recipient,
            changed=self.changed,
            random=random,
        )
        self.ussd = UssdService(self.accounts)
        self.sim_recipients = {number: SimRecipient(sim, self._inbox(number)) for number, sim in self.sims.items()}
        self.handsets = {number: self._handset(number) for number in population.behaviours()}
        self.links: dict[str, Recipient] = {}

    def attach_link(self, name: str, numbers: Sequence[str], link: Recipient) -> None:
        """These numbers have no SIM: what is sent to them goes to an SMPP link."""
        self.links |= dict.fromkeys(numbers, link)
        self.faults.links |= {name: name, **dict.fromkeys(numbers, name)}

    def _insert(self, sim: Sim) -> None:
        self.sims[sim.number] = sim
        self.faults.modems |= {sim.number: sim.device, sim.device: sim.device}
        for name in (sim.operator.name, sim.operator.plmn):
            self.faults.groups.setdefault(name, []).append(sim.device)

    def attach(self, sim: Sim, terminal: MobileTerminal) -> None:
        """This modem holds that SIM from now on."""
        self.sim_recipients[sim.number].terminal = terminal

    def operator_message(self, sim: Sim, body: str, sender: str = "") -> Sent:
        """The operator writes to its subscriber, under its name unless another is given. ValueError: too long."""
        route = Route(sender or sim.operator.short, sim.number, next(self._references))
        return send_message(self.smsc, route, body, PLAIN)

    def changed(self) -> None:
        """Tell those who save."""
        for watcher in self.watchers:
            watcher()

    def terminal(self, number: str) -> Terminal | None:
        """Who answers calls to that number, or None when it is unallocated."""
        if number in self.sim_recipients:
            return self.sim_recipients[number].terminal
        return self.handsets.get(number)

    def inbox(self, number: str) -> Inbox | None:
        """The record of messages received by a number."""
        if number in self.sim_recipients:
            return self.sim_recipients[number].inbox
        handset = self.handsets.get(number)
        return None if handset is None else handset.inbox

    def _recipient(self, number: str) -> Recipient | None:
        return self.sim_recipients.get(number) or self.handsets.get(number) or self.links.get(number)

    def _inbox(self, number: str) -> Inbox:
        return Inbox(number, self.timers, self.message_ids, self.recordings)

    def _handset(self, number: str) -> Handset:
        handset = Handset(number, self.timers, self.exchange, self.smsc, self._inbox(number))
        handset.behaviour = population.behaviours()[number]
        return handset
