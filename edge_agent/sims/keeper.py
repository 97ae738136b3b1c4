"""Looks after the SIMs of a site: hears what happens to them, judges, remembers, and says what they may carry."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from edge_agent.config import Quotas, SimsConfig
from edge_agent.contracts import CallFacts, Permit, RadioStatus
from edge_agent.sims import baseline, quotas
from edge_agent.sims.judge import Forced, health, shown, step, why
from edge_agent.sims.operator_words import threat
from edge_agent.sims.record import SimRecord, Surroundings
from edge_agent.sims.signs import Doing, Kind, Sign, call_doing, cause_words, report_doing, sms_doing
from edge_agent.sims.thresholds import thresholds
from edge_agent.sims.windows import Rates
from edge_agent.spool import Spool
from edge_agent.spool.reports import tail as tail_of
from edge_agent.spool.sims import Used
from telecore.causes import report_kind
from telecore.commands import SetSimHealth
from telecore.errors import InvalidRequest, NotFound, StorageFailed
from telecore.events import SimHealthChanged
from telecore.ids import ChannelId, CommandId, Iccid, Plmn
from telecore.model import Sim
from telecore.sim_health import Balance, Health, HealthState, Usage

log = logging.getLogger(__name__)

LOOK_S = 5.0
HOUR_S = 3600
_ASK_AGAIN_S = 300.0
_WAITING = frozenset({HealthState.EXHAUSTED})
"""States that somebody may end at any moment: what has time waits."""
_HELD_CODE = 30007
"""Twilio's "carrier violation": the nearest to a SIM that its operator seems to have blocked."""


class Shown(Protocol):
    """Where it is shown how SIMs stand."""

    def health(self, channel: ChannelId, health: Health) -> None: ...
    def account(self, channel: ChannelId, balance: Balance | None, usage: Usage | None) -> None: ...


class Sims:
    """A Gate and a Witness (contracts.py). ``run`` must run for judgements to be made, told and kept.

    ``outages`` are operators of which so many SIMs went wrong together that none of them is blamed. ``on_sms`` hears
    every text too: it may be an operator's answer to a question about an account.
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
        self.outages: dict[Plmn, str] = {}
        self.on_sms: Callable[[ChannelId, str, str], None] = _nothing
        self._spool = spool
        self._shown = shown
        self._config = config
        self._numbers = thresholds(config.thresholds)
        self._wall = wall
        self._clock = clock
        self._look_s = look_s
        self._channels: dict[ChannelId, SimRecord] = {}
        self._by_iccid: dict[Iccid, SimRecord] = {}
        self._facts: dict[Iccid, dict[str, Any]] = {}
        self._pins: dict[Iccid, str] = {}
        self._unwritten: list[Used] = []
        self._dirty: set[Iccid] = set()
        self._commands: dict[ChannelId, CommandId] = {}
        self._wrong_at: dict[Iccid, float] = {}
        self._loaded = False
        self._wake = asyncio.Event()

    # Life.

    async def load(self) -> None:
        """What is remembered of SIMs. Raises StorageFailed."""
        self._facts = await self._spool.sim_facts()
        self._pins = {iccid: facts["pin_tried"] for iccid, facts in self._facts.items() if "pin_tried" in facts}
        for used in await self._spool.sim_usage(quotas.periods(self._wall()).month):
            self._of(used.iccid).book.add(used.kind, used.hour, used.tail, used.amount)
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
            except TimeoutError:
                pass
            self._wake.clear()

    # What devices tell.

    def radio(self, channel: ChannelId, status: RadioStatus) -> None:
        """How SIM and registration stand."""
        now = self._clock()
        record = self._channels.get(channel)
        if status.sim is not None and (record is None or record.iccid != status.sim.iccid):
            record = self._take_in(channel, status.sim)
        elif record is None:
            record = self._channels[channel] = SimRecord(since=self._wall(), radio_at=now)
        record.hear(status, now, self._numbers)
        self._wake.set()

    def sim_of(self, channel: ChannelId) -> Iccid | None:
        """The SIM that is in this channel, or was last."""
        record = self._channels.get(channel)
        return record.iccid if record is not None else None

    # Witness.

    def sms_sent(self, channel: ChannelId, to: str) -> None:
        self._spend(channel, "sms", to, 1.0)
        self._note(channel, Sign(self._clock(), Kind.SMS, Doing.GOOD, tail_of(to), "sent"))
        self._charged(channel)

    def sms_refused(self, channel: ChannelId, to: str, kind: str, code: int | None) -> None:
        what = f"SMS to …{tail_of(to)[-3:]}: {kind.upper()} {code if code is not None else 'without code'}"
        self._note(channel, Sign(self._clock(), Kind.SMS, sms_doing(kind, code), tail_of(to), what))

    def sms_reported(self, channel: ChannelId, to: str, status: int) -> None:
        doing = report_doing(report_kind(status))
        if doing is not None:
            what = f"report of an SMS to …{tail_of(to)[-3:]}: TP-ST 0x{status:02x}"
            self._note(channel, Sign(self._clock(), Kind.REPORT, doing, tail_of(to), what))

    def sms_received(self, channel: ChannelId, sender: str, body: str) -> None:
        self.on_sms(channel, sender, body)
        said = threat(sender, body)
        record = self._channels.get(channel)
        if said and record is not None:
            record.operator_said = said
            self._changed(record)

    def call_ended(self, facts: CallFacts) -> None:
        if not facts.outgoing:
            return
        self._spend(facts.channel, "calls", facts.to, 1.0)
        answered = facts.talk_s is not None
        if answered:
            self._spend(facts.channel, "seconds", facts.to, facts.talk_s or 0.0)
            self._charged(facts.channel)
        if facts.by_us and not answered:
            return
        doing = call_doing(facts.cause, answered=answered, lasted_s=facts.ring_s, short_s=self._numbers.short_call_s)
        what = f"call to …{tail_of(facts.to)[-3:]}: {cause_words(facts.cause)}"
        sign = Sign(self._clock(), Kind.CALL, doing, tail_of(facts.to), what, answered, facts.talk_s, facts.ring_s)
        self._note(facts.channel, sign)

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
        record = self._of(iccid)
        record.balance = balance
        for channel, held in self._channels.items():
            if held is record:
                self._shown.account(channel, balance, None)
        self._changed(record)

    def self_tested(self, channel: ChannelId, passed: bool) -> None:
        """A loopback test was made from this channel."""
        record = self._channels.get(channel)
        if record is not None:
            record.tests_passed = record.tests_passed + 1 if passed else 0
            self._changed(record)

    async def set_health(self, command: SetSimHealth) -> None:
        """A person decides. Raises NotFound when no SIM is known there, InvalidRequest for what nobody can decree."""
        record = self._channels.get(command.channel)
        if record is None or record.iccid is None:
            raise NotFound(f"no SIM is known in {command.channel} yet", code=20404)
        if command.state not in (None, *_DECREED):
            raise InvalidRequest(f"{command.state} is what a modem tells, not what a person decides", field="state")
        before = shown(record.held, record.forced)
        if command.state is None:
            record.forced = None
            record.operator_said = ""
            record.held.pop(HealthState.SUSPECT_BLOCKED, None)
            record.cooldowns.clear()
            record.rows_from = self._clock()
        else:
            note = command.note or "decided by a person"
            record.forced = Forced(command.state, note, self._wall())
        evidence = (f"a person decided: {command.note or command.state or 'judge again'}",)
        await self._tell(command.channel, record, before, evidence, command.id)

    # PINs (contracts.PinMemory).

    def pin_tried(self, iccid: Iccid, pin: str) -> bool:
        """Whether this PIN was tried on this SIM and not accepted, in this process or an earlier one."""
        return self._pins.get(iccid) == _digest(iccid, pin)

    async def note_pin(self, iccid: Iccid, pin: str | None) -> None:
        """About to be tried (on disk when this returns); None: the SIM took it. Raises StorageFailed."""
        digest = _digest(iccid, pin) if pin is not None else None
        await self._spool.put_sim_fact(iccid, "pin_tried", digest)
        if digest is None:
            self._pins.pop(iccid, None)
        else:
            self._pins[iccid] = digest

    # How it is done.

    def _permit(self, channel: ChannelId, to: str, ask: Callable[..., Permit], *, urgent: bool) -> Permit:
        record = self._channels.get(channel)
        if record is None:
            return Permit()
        told = self._health(record)
        if urgent:
            forced = told.forced and told.share == 0
            return Permit(_sentence(told), None, _HELD_CODE) if forced else Permit()
        permit = ask(self._quotas(record), record.book, tail_of(to), self._wall())
        if not permit.granted or told.may_send() or told.state in _TOLD_BY_THE_MODEM:
            return permit
        if told.state is HealthState.COOLDOWN and record.cooldown_until is not None:
            return Permit(_sentence(told), max(1.0, record.cooldown_until - self._clock()), _HELD_CODE)
        if told.state is HealthState.QUOTA:
            return permit  # of its other kind of traffic there is some left
        return Permit(_sentence(told), _ASK_AGAIN_S if told.state in _WAITING else None, _HELD_CODE)

    async def look(self) -> None:
        """Judge every SIM once, tell what changed, and keep it."""
        now = self._clock()
        usual = self._usual(now)
        self._watch_operators(now, usual)
        for channel, record in list(self._channels.items()):
            await self._judge(channel, record, usual, now)
        await self._write()

    async def _judge(self, channel: ChannelId, record: SimRecord, usual: dict[int, Rates], now: float) -> None:
        surroundings = self._surroundings(record, usual.get(id(record), Rates()))
        view = record.view(now, self._wall(), self._numbers, surroundings)
        done = step(record.held, view, suspended=record.operator in self.outages)
        before = shown(record.held, record.forced)
        self._apply(record, done.entered, done.left, now)
        record.held = done.held
        self._shown.account(channel, None, quotas.usage(record.book, self._wall(), surroundings.quota))
        after = shown(record.held, record.forced)
        if after is not before:
            record.grounds = why(done, after)
            await self._tell(channel, record, before, record.grounds or ("as it was before",))
        elif done.entered or done.left:
            self._changed(record)
        self._shown.health(channel, self._health(record))

    def _apply(self, record: SimRecord, entered: Any, left: Any, now: float) -> None:
        """What comes with entering and leaving a state."""
        record.fresh = record.fresh and HealthState.PROBATION not in entered
        if any(state in _STOPPED for state in left):
            record.rows_from, record.tests_passed, record.operator_said = now, 0, ""
        if HealthState.SUSPECT_BLOCKED in left:
            record.cooldowns.clear()
        if HealthState.PROBATION in entered:
            record.good_operations = 0
        if HealthState.SUSPECT_BLOCKED in entered:
            record.tests_passed = 0
        if HealthState.COOLDOWN in entered:
            wall = self._wall()
            today = sum(wall - at < 86400.0 for at in record.cooldowns)
            record.cooldowns.append(wall)
            seconds = min(self._numbers.cooldown_s * 2**today, self._numbers.cooldown_cap_s)
            record.cooldown_until, record.rows_from = now + seconds, now

    def _watch_operators(self, now: float, usual: dict[int, Rates]) -> None:
        sims: Counter[Plmn] = Counter()
        wrong: Counter[Plmn] = Counter()
        for record in self._channels.values():
            if record.operator is None or record.iccid is None:
                continue
            sims[record.operator] += 1
            surroundings = self._surroundings(record, usual.get(id(record), Rates()))
            view = record.view(now, self._wall(), self._numbers, surroundings)
            entered = step(record.held, view).entered.keys()
            if entered & {HealthState.DENIED, HealthState.SEARCHING}:
                self._wrong_at[record.iccid] = now
            elif entered & _STOPPED:
                rows = (*view.sim_row, *view.doubtful_row, *view.congestion_row)
                self._wrong_at[record.iccid] = max((sign.at for sign in rows), default=now)
            if now - self._wrong_at.get(record.iccid, -1e9) < self._numbers.outage_window_s:
                wrong[record.operator] += 1
        for operator, count in sims.items():
            if baseline.outage(wrong[operator], count, self._numbers):
                text = f"{wrong[operator]} of {count} SIMs of operator {operator} went wrong together: no SIM is blamed"
                self.outages[operator] = text
            elif self.outages.pop(operator, None):
                self._forgive(operator, now)

    def _forgive(self, operator: Plmn, now: float) -> None:
        """What was seen during an outage is not held against anybody afterwards."""
        for record in self._channels.values():
            if record.operator == operator:
                record.rows_from = now
                record.window.clear()

    def _usual(self, now: float) -> dict[int, Rates]:
        rates = {id(record): record.rates(now, self._numbers) for record in self._channels.values()}
        usual = {}
        for record in self._channels.values():
            siblings = [
                rates[id(other)]
                for other in self._channels.values()
                if other is not record and other.operator == record.operator and record.operator is not None
            ]
            usual[id(record)] = baseline.usual(siblings, record.usual)
            if HealthState.DEGRADED not in record.held:
                record.usual = baseline.drift(record.usual, rates[id(record)])
        return usual

    def _surroundings(self, record: SimRecord, usual: Rates) -> Surroundings:
        own = self._config.by_iccid.get(record.iccid or "")
        row = [
            other.window.last(Doing.SIM, Doing.DOUBTFUL)
            for other in self._channels.values()
            if other is not record and other.operator is not None and other.operator == record.operator
        ]
        return Surroundings(
            baseline=usual,
            siblings_succeed=bool(row) and not any(row),
            floor=(own.floor if own is not None else None) or self._config.floor,
            valid_until=own.valid_until if own is not None else None,
            keep_alive_days=self._config.keep_alive_days,
            quota=quotas.reached(self._quotas(record), record.book, self._wall()),
        )

    async def _tell(
        self,
        channel: ChannelId,
        record: SimRecord,
        before: HealthState,
        evidence: tuple[str, ...],
        command: CommandId | None = None,
    ) -> None:
        record.since = self._wall()
        told = self._health(record)
        self._shown.health(channel, told)
        self._changed(record)
        log.log(
            logging.INFO if told.share else logging.WARNING,
            "%s: SIM is %s (was %s): %s", channel, told.state, before, "; ".join(evidence),
        )  # fmt: skip
        event = SimHealthChanged(
            command=command,
            channel=channel,
            iccid=record.iccid or Iccid(""),
            was=before,
            health=told,
            evidence=evidence,
        )
        try:
            await self._spool.append(event)
        except StorageFailed as error:
            log.warning("%s: the change is not kept for the cloud: %s", channel, error)

    def _health(self, record: SimRecord) -> Health:
        until = None
        if record.cooldown_until is not None:
            until = self._wall() + max(0.0, record.cooldown_until - self._clock())
        return health(record.held, record.forced, since=record.since, until=until, grounds=record.grounds)

    def _take_in(self, channel: ChannelId, sim: Sim) -> SimRecord:
        """A SIM appeared here; one that was elsewhere keeps what is known of it."""
        record = self._of(sim.iccid)
        record.radio_at = self._clock()
        self._channels = {name: held for name, held in self._channels.items() if held is not record}
        self._channels[channel] = record
        if record.balance is not None:
            self._shown.account(channel, record.balance, None)
        return record

    def _of(self, iccid: Iccid) -> SimRecord:
        record = self._by_iccid.get(iccid)
        if record is None:
            now, wall = self._clock(), self._wall()
            record = self._by_iccid[iccid] = SimRecord(iccid, since=wall, radio_at=now, ill_at=now)
            kept = self._facts.get(iccid, {}).get("health")
            if kept is None:
                record.fresh = True
            else:
                left = min(max(0.0, kept.get("until", 0.0) - wall), self._numbers.cooldown_cap_s)
                record.restore(kept, now, left)
        return record

    def _quotas(self, record: SimRecord) -> Quotas:
        own = self._config.by_iccid.get(record.iccid or "")
        return own.quotas if own is not None and own.quotas is not None else self._config.quotas

    def _spend(self, channel: ChannelId, kind: str, to: str, amount: float) -> None:
        record = self._channels.get(channel)
        if record is None or record.iccid is None:
            return
        used = Used(record.iccid, kind, int(self._wall()) // HOUR_S, tail_of(to), amount)
        record.book.add(kind, used.hour, used.tail, amount)
        self._unwritten.append(used)
        self._wake.set()

    def _charged(self, channel: ChannelId) -> None:
        if (record := self._channels.get(channel)) is not None:
            record.last_charged = self._wall()

    def _note(self, channel: ChannelId, sign: Sign) -> None:
        record = self._channels.get(channel)
        if record is not None:
            record.note(sign)
            self._wake.set()

    def _changed(self, record: SimRecord) -> None:
        if record.iccid is not None:
            self._dirty.add(record.iccid)
        self._wake.set()

    async def _write(self) -> None:
        used, self._unwritten = self._unwritten, []
        dirty, self._dirty = self._dirty, set()
        try:
            for entry in used:
                await self._spool.use_sim(entry)
            for iccid in dirty:
                record = self._by_iccid[iccid]
                kept = record.keep() | {"until": self._health(record).until or 0.0}
                await self._spool.put_sim_fact(iccid, "health", kept)
        except StorageFailed as error:
            log.warning("what SIMs carried is not written down yet: %s", error)
            self._unwritten = used + self._unwritten
            self._dirty |= dirty


_STOPPED = frozenset({HealthState.DENIED, HealthState.COOLDOWN, HealthState.SUSPECT_BLOCKED})
_DECREED = frozenset(
    {
        HealthState.HEALTHY,
        HealthState.PROBATION,
        HealthState.DEGRADED,
        HealthState.COOLDOWN,
        HealthState.SUSPECT_BLOCKED,
    }
    | {HealthState.RETIRED, HealthState.EXHAUSTED}
)
_TOLD_BY_THE_MODEM = frozenset(
    {HealthState.ABSENT, HealthState.LOCKED_PIN, HealthState.LOCKED_PUK, HealthState.LOCKED_NET, HealthState.SIM_FAULT}
    | {HealthState.DENIED, HealthState.SEARCHING}
)
"""In these the channel is not registered, and what is to be sent waits for that."""


def _sentence(told: Health) -> str:
    return f"the SIM is {told.state}" + (f": {told.reason}" if told.reason else "")


def _digest(iccid: Iccid, pin: str) -> str:
    return hashlib.sha256(f"{iccid}\0{pin}".encode()).hexdigest()


def _nothing(channel: ChannelId, sender: str, body: str) -> None:
    return
