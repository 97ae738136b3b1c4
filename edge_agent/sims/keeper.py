"""Looks after the SIMs of a site: hears what happens to them, judges, remembers, and says what they may carry."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from edge_agent.config import Quotas, SimsConfig
from edge_agent.contracts import CallFacts, Permit, RadioStatus
from edge_agent.sims import permits, quotas
from edge_agent.sims.judge import Forced, shown, step, why
from edge_agent.sims.operator_words import threat
from edge_agent.sims.operators import Operators, siblings_succeed
from edge_agent.sims.pins import TriedPins
from edge_agent.sims.record import SimRecord, Surroundings
from edge_agent.sims.roll import Roll, iccid_of
from edge_agent.sims.rules import View
from edge_agent.sims.signs import Sign, of_call, of_refusal, of_report, of_sent
from edge_agent.sims.thresholds import thresholds
from edge_agent.sims.windows import Rates
from edge_agent.spool import Spool
from edge_agent.spool.reports import tail as tail_of
from telecore.commands import SetSimHealth
from telecore.errors import InvalidRequest, NotFound, StorageFailed
from telecore.events import SimHealthChanged
from telecore.ids import ChannelId, CommandId, Iccid, Plmn
from telecore.sim_health import Balance, Health, HealthState, Usage

log = logging.getLogger(__name__)

LOOK_S = 5.0
_BURST_S = 0.2
"""What happens together is judged together."""
DECREED = frozenset(
    {
        HealthState.HEALTHY,
        HealthState.PROBATION,
        HealthState.DEGRADED,
        HealthState.COOLDOWN,
        HealthState.SUSPECT_BLOCKED,
        HealthState.EXHAUSTED,
        HealthState.RETIRED,
    }
)
"""What a person may decide; the other states only a modem can tell."""
_GROUNDS = ("nothing speaks against it",)


class Shown(Protocol):
    """Where it is shown how SIMs stand."""

    def health(self, channel: ChannelId, health: Health) -> None: ...
    def account(self, channel: ChannelId, balance: Balance | None, usage: Usage | None) -> None: ...


class Sims:
    """A Gate and a Witness (contracts.py). ``run`` must run for judgements to be made, told and kept.

    ``on_sms`` hears every text too: it may be an operator's answer to a question about an account.
    """

    def __init__(
        self,
        spool: Spool,
        shown: Shown,
        config: SimsConfig,
        *,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        look_s: float = LOOK_S,
    ) -> None:
        self.on_sms: Callable[[ChannelId, str, str], None] = _nothing
        self.pins = TriedPins(spool)
        self._spool = spool
        self._shown = shown
        self._config = config
        self._numbers = thresholds(config.thresholds)
        self._wall = wall
        self._clock = clock
        self._look_s = look_s
        self._roll = Roll(spool, self._numbers, wall, clock)
        self._operators = Operators(self._numbers)
        self._loaded = False
        self._wake = asyncio.Event()

    @property
    def outages(self) -> dict[Plmn, str]:
        """The operators of which so many SIMs went wrong together that none of them is blamed, and why."""
        return self._operators.outages

    # Life.

    async def load(self) -> None:
        """What is remembered of SIMs; before any modem is opened. Raises StorageFailed."""
        await self.pins.load()
        await self._roll.load()
        self._loaded = True

    async def run(self) -> None:
        """Judge now and then, and whenever something happened; keep it."""
        if not self._loaded:
            await self.load()
        while True:
            await self.look()
            try:
                async with asyncio.timeout(self._look_s):
                    await self._wake.wait()
                    await asyncio.sleep(_BURST_S)
            except TimeoutError:
                pass
            self._wake.clear()

    # What devices tell.

    def radio(self, channel: ChannelId, status: RadioStatus) -> None:
        """How SIM and registration stand."""
        known = self._roll.at(channel)
        before = known.radio if known is not None else None
        record, came = self._roll.hear(channel, status)
        if came and record.balance is not None:
            self._shown.account(channel, record.balance, None)
        # Every modem tells its signal every few seconds: that can wait until the next look.
        if came or before is None or replace(status, signal=before.signal) != before:
            self._wake.set()

    def sim_of(self, channel: ChannelId) -> Iccid | None:
        """The SIM that is in this channel, or was last."""
        record = self._roll.at(channel)
        return record.iccid if record is not None else None

    # Witness.

    def sms_sent(self, channel: ChannelId, to: str) -> None:
        record = self._roll.at(channel)
        if record is not None:
            self._roll.spend(record, "sms", tail_of(to), 1.0)
            self._note(record, of_sent(self._clock(), tail_of(to)))
            record.last_charged = self._wall()

    def sms_refused(self, channel: ChannelId, to: str, kind: str, code: int | None) -> None:
        self._note(self._roll.at(channel), of_refusal(self._clock(), tail_of(to), kind, code))

    def sms_reported(self, channel: ChannelId, to: str, status: int) -> None:
        self._note(self._roll.at(channel), of_report(self._clock(), tail_of(to), status))

    def sms_received(self, channel: ChannelId, sender: str, body: str) -> None:
        self.on_sms(channel, sender, body)
        said = threat(sender, body)
        record = self._roll.at(channel)
        if said and record is not None:
            record.operator_said = said
            self._changed(record)

    def call_ended(self, facts: CallFacts) -> None:
        record = self._roll.at(facts.channel)
        if not facts.outgoing or record is None:
            return
        tail = tail_of(facts.to)
        self._roll.spend(record, "calls", tail, 1.0)
        if facts.talk_s is not None:
            self._roll.spend(record, "seconds", tail, facts.talk_s)
            record.last_charged = self._wall()
        self._note(record, of_call(self._clock(), tail, facts, self._numbers.short_call_s))

    def call_sound(self, channel: ChannelId, verdict: str) -> None:
        """Sound is the modem's doing, not the SIM's."""

    # Gate.

    def sms(self, channel: ChannelId, to: str, *, urgent: bool = False) -> Permit:
        return self._permit(channel, to, quotas.sms_permit, urgent=urgent)

    def call(self, channel: ChannelId, to: str, *, urgent: bool = False) -> Permit:
        return self._permit(channel, to, quotas.call_permit, urgent=urgent)

    # Accounts, tests and people.

    def account(self, iccid: Iccid, balance: Balance) -> None:
        """What is on a SIM's account."""
        record = self._roll.of(iccid)
        record.balance = balance
        for channel in self._roll.channels_of(record):
            self._shown.account(channel, balance, None)
        self._changed(record)

    def self_tested(self, channel: ChannelId, passed: bool) -> None:
        """A loopback test was made from this channel."""
        record = self._roll.at(channel)
        if record is not None:
            record.tests_passed = record.tests_passed + 1 if passed else 0
            self._changed(record)

    async def set_health(self, command: SetSimHealth) -> None:
        """A person decides. Raises NotFound when no SIM is known there, InvalidRequest for what nobody can decree."""
        record = self._roll.at(command.channel)
        if record is None or record.iccid is None:
            raise NotFound(f"no SIM is known in {command.channel} yet", code=20404)
        if command.state is not None and command.state not in DECREED:
            raise InvalidRequest(f"{command.state} is what a modem tells, not what a person decides", field="state")
        if command.state is None:
            record.judge_again(self._clock())
        else:
            note = command.note or "decided by a person"
            record.forced = Forced(command.state, note, self._wall())
        evidence = (f"a person decided: {command.note or command.state or 'judge again'}",)
        record.grounds = evidence
        await self._tell(command.channel, record, evidence, command.id)

    # How it is done.

    def _permit(self, channel: ChannelId, to: str, ask: permits.Ask, *, urgent: bool) -> Permit:
        record = self._roll.at(channel)
        if record is None:
            return Permit()
        told = self._health(record)
        quota = Permit() if urgent else ask(self._quotas(record), record.book, tail_of(to), self._wall())
        return permits.permit(told, quota, record.rests_s(self._clock()), urgent=urgent)

    async def look(self) -> None:
        """Judge every SIM once, tell what changed, and keep it."""
        now = self._clock()
        views = self._views(now)
        if self._operators.watch([(record, view) for _, record, view in views], now):
            views = self._views(now)
        for channel, record, view in views:
            await self._judge(channel, record, view, now)
        await self._roll.write()

    def _views(self, now: float) -> list[tuple[ChannelId, SimRecord, View]]:
        held = self._roll.items()
        rates = [(record, record.rates(now, self._numbers)) for _, record in held]
        usual = self._operators.usual(rates)
        return [
            (channel, record, self._view(record, now, own, common))
            for (channel, record), (_, own), common in zip(held, rates, usual, strict=True)
        ]

    def _view(self, record: SimRecord, now: float, own: Rates, usual: Rates) -> View:
        sim = self._config.by_iccid.get(record.iccid or "")
        wall = self._wall()
        surroundings = Surroundings(
            baseline=usual,
            siblings_succeed=siblings_succeed(record, [other for _, other in self._roll.items()], now),
            floor=(sim.floor if sim is not None else None) or self._config.floor,
            valid_until=sim.valid_until if sim is not None else None,
            keep_alive_days=self._config.keep_alive_days,
            quota=quotas.reached(self._quotas(record), record.book, wall),
        )
        return record.view(now, wall, self._numbers, own, surroundings)

    async def _judge(self, channel: ChannelId, record: SimRecord, view: View, now: float) -> None:
        done = step(record.held, view, suspended=record.operator in self.outages)
        record.apply(done, view, now, self._wall())
        self._shown.account(channel, None, quotas.usage(record.book, self._wall(), view.quota))
        after = shown(record.held, record.forced)
        if after is not record.told:
            record.grounds = why(done, after) or _GROUNDS
            await self._tell(channel, record, record.grounds)
        elif done.entered or done.left:
            self._changed(record)
        self._shown.health(channel, self._health(record))

    async def _tell(
        self,
        channel: ChannelId,
        record: SimRecord,
        evidence: tuple[str, ...],
        command: CommandId | None = None,
    ) -> None:
        record.since, before = self._wall(), record.told
        told = self._health(record)
        record.told = told.state
        self._shown.health(channel, told)
        self._changed(record)
        level = logging.INFO if told.share else logging.WARNING
        log.log(level, "%s: SIM is %s (was %s): %s", channel, told.state, before or "unknown", "; ".join(evidence))
        event = SimHealthChanged(
            command=command,
            channel=channel,
            iccid=iccid_of(record),
            was=before,
            health=told,
            evidence=evidence,
        )
        try:
            await self._spool.append(event)
        except StorageFailed as error:
            log.warning("%s: the change is not kept for the cloud: %s", channel, error)

    def _health(self, record: SimRecord) -> Health:
        return record.health(self._clock(), self._wall())

    def _quotas(self, record: SimRecord) -> Quotas:
        own = self._config.by_iccid.get(record.iccid or "")
        return own.quotas if own is not None and own.quotas is not None else self._config.quotas

    def _note(self, record: SimRecord | None, sign: Sign | None) -> None:
        if record is not None and sign is not None:
            record.note(sign)
            self._wake.set()

    def _changed(self, record: SimRecord) -> None:
        self._roll.changed(record)
        self._wake.set()


def _nothing(channel: ChannelId, sender: str, body: str) -> None:
    return
